//! Where files are on each system, what starts the program, and what the template holds.

use super::super::launch::{Launch, Runner, Source, env, starts_this};
use super::super::places::Places;
use super::super::table::{self, CLIENTS};
use super::super::template::TEMPLATE;
use super::super::{file, install, print};
use super::Home;
use crate::config::{self, Settings, System, Variables};
use crate::policy::{file::NOT_OF_THE_POLICY, settings};
use std::fs;

const LINUX: &[(&str, &str)] = &[("HOME", "/home/a")];
const MAC: &[(&str, &str)] = &[("HOME", "/Users/a"), ("XDG_CONFIG_HOME", "/elsewhere")];
const WINDOWS: &[(&str, &str)] = &[
    ("USERPROFILE", r"C:\Users\a"),
    ("APPDATA", r"C:\Users\a\AppData\Roaming"),
    ("LOCALAPPDATA", r"C:\Users\a\AppData\Local"),
];

fn files(system: System, variables: &[(&str, &str)], client: &str) -> Vec<String> {
    let places = Places::new(system, Variables::from(variables));
    let found = places.of(table::find(client).unwrap().files.locations(&places));
    found.iter().map(|place| place.file.to_str().unwrap().to_string()).collect()
}

#[test]
fn each_client_has_its_file_on_each_system() {
    for (client, linux, mac, windows) in [
        (
            "claude-desktop",
            ".config/Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            r"AppData\Roaming\Claude\claude_desktop_config.json",
        ),
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            "Library/Application Support/Code/User/mcp.json",
            r"AppData\Roaming\Code\User\mcp.json",
        ),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", r".cursor\mcp.json"),
        ("codex", ".codex/config.toml", ".codex/config.toml", r".codex\config.toml"),
        ("gemini", ".gemini/settings.json", ".gemini/settings.json", r".gemini\settings.json"),
        ("copilot", ".copilot/mcp-config.json", ".copilot/mcp-config.json", r".copilot\mcp-config.json"),
        (
            "windsurf",
            ".codeium/windsurf/mcp_config.json",
            ".codeium/windsurf/mcp_config.json",
            r".codeium\windsurf\mcp_config.json",
        ),
        ("zed", ".config/zed/settings.json", ".config/zed/settings.json", r"AppData\Roaming\Zed\settings.json"),
        ("lm-studio", ".lmstudio/mcp.json", ".lmstudio/mcp.json", r".lmstudio\mcp.json"),
        (
            "opencode",
            ".config/opencode/opencode.jsonc",
            ".config/opencode/opencode.jsonc",
            r".config\opencode\opencode.jsonc",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            ".config/goose/config.yaml",
            r"AppData\Roaming\Block\goose\config\config.yaml",
        ),
        ("kiro", ".kiro/settings/mcp.json", ".kiro/settings/mcp.json", r".kiro\settings\mcp.json"),
        (
            "cline",
            ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            "Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            r"AppData\Roaming\Code\User\globalStorage\saoudrizwan.claude-dev\settings\cline_mcp_settings.json",
        ),
        (
            "cline-cli",
            ".cline/data/settings/cline_mcp_settings.json",
            ".cline/data/settings/cline_mcp_settings.json",
            r".cline\data\settings\cline_mcp_settings.json",
        ),
        (
            "antigravity",
            ".gemini/config/mcp_config.json",
            ".gemini/config/mcp_config.json",
            r".gemini\config\mcp_config.json",
        ),
    ] {
        assert_eq!(files(System::Unix, LINUX, client)[0], format!("/home/a/{linux}"));
        assert_eq!(files(System::Mac, MAC, client)[0], format!("/Users/a/{mac}"));
        assert_eq!(files(System::Windows, WINDOWS, client)[0], format!(r"C:\Users\a\{windows}"));
    }
    assert_eq!(CLIENTS.len(), 16, "each client has a row above");
}

#[test]
fn variables_of_the_system_and_of_clients_move_the_files() {
    let linux = [("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/xdg"), ("CODEX_HOME", "/c"), ("CLAUDE_CONFIG_DIR", "/d/")];
    assert_eq!(files(System::Unix, &linux, "zed"), ["/xdg/zed/settings.json"]);
    assert_eq!(files(System::Unix, &linux, "codex"), ["/c/config.toml"]);
    assert_eq!(files(System::Unix, &linux, "claude-code"), ["/d/.claude.json"]);
    let more =
        [("HOME", "/home/a"), ("COPILOT_HOME", "/e"), ("GEMINI_CLI_HOME", "/f"), ("XDG_CONFIG_HOME", "relative")];
    assert_eq!(files(System::Unix, &more, "copilot"), ["/e/mcp-config.json"]);
    assert_eq!(files(System::Unix, &more, "gemini"), ["/f/.gemini/settings.json"]);
    assert_eq!(files(System::Unix, &more, "zed"), ["/home/a/.config/zed/settings.json"]);
    assert_eq!(files(System::Unix, &[], "zed"), [""; 0]);
    let settings = |system, variables| Places::new(system, Variables::from(variables)).settings_file();
    assert_eq!(settings(System::Unix, LINUX), Some("/home/a/.config/elks-mcp/settings.env".into()));
    assert_eq!(settings(System::Mac, MAC), Some("/Users/a/Library/Application Support/elks-mcp/settings.env".into()));
    assert_eq!(settings(System::Windows, WINDOWS), Some(r"C:\Users\a\AppData\Roaming\elks-mcp\settings.env".into()));
    assert_eq!(settings(System::Unix, &[("HOME", "relative")]), None);
}

#[test]
fn claude_desktop_is_found_where_the_store_has_put_it() {
    let mut places = Places::new(System::Windows, Variables::from(WINDOWS));
    places.names_in = |folder| {
        assert_eq!(folder.to_str(), Some(r"C:\Users\a\AppData\Local\Packages"));
        ["Claude_pzs8sxrjxfjjc", "Claudette_1", "Microsoft.X"].map(String::from).to_vec()
    };
    let found = places.of(table::find("claude-desktop").unwrap().files.locations(&places));
    let found: Vec<_> =
        found.iter().map(|place| (place.folder.to_str().unwrap(), place.file.to_str().unwrap())).collect();
    let store = r"C:\Users\a\AppData\Local\Packages\Claude_pzs8sxrjxfjjc";
    assert_eq!(
        found,
        [
            (r"C:\Users\a\AppData\Roaming\Claude", r"C:\Users\a\AppData\Roaming\Claude\claude_desktop_config.json",),
            (store, format!(r"{store}\LocalCache\Roaming\Claude\claude_desktop_config.json").as_str()),
        ]
    );
}

#[test]
fn a_program_from_a_cache_is_started_by_what_had_put_it_there() {
    for (program, system, words) in [
        ("/usr/local/bin/elks-mcp", System::Unix, &["/usr/local/bin/elks-mcp"][..]),
        (r"C:\Tools\elks-mcp.exe", System::Windows, &[r"C:\Tools\elks-mcp.exe"]),
        (
            "/home/a/.npm/_npx/1f/node_modules/@elks-mcp/linux-x64/bin/elks-mcp",
            System::Unix,
            &["npx", "-y", "elks-mcp"],
        ),
        (r"C:\npm-cache\_npx\1f\elks-mcp.exe", System::Windows, &["cmd", "/c", "npx", "-y", "elks-mcp"]),
        ("/home/a/.cache/uv/archive-v0/Xy/bin/elks-mcp", System::Unix, &["uvx", "elks-mcp"]),
        (r"C:\uv\cache\archive-v0\Xy\Scripts\elks-mcp.exe", System::Windows, &["uvx", "elks-mcp"]),
        (
            "/home/a/.local/share/uv/tools/elks-mcp/bin/elks-mcp",
            System::Unix,
            &["/home/a/.local/share/uv/tools/elks-mcp/bin/elks-mcp"],
        ),
        ("/home/a/archive-v/elks-mcp", System::Mac, &["/home/a/archive-v/elks-mcp"]),
    ] {
        assert_eq!(Runner::of(program).words(program, system), words);
        let launch = Launch::new(program, system, Source::File("/s"));
        assert_eq!([&[launch.command], &launch.args[..]].concat(), [words, &["--settings", "/s"]].concat());
        assert_eq!(print::cache_note(program).is_some(), words.len() > 1);
    }
}

#[test]
fn what_starts_this_program_is_recognised() {
    for (command, args, ours) in [
        ("/opt/elks-mcp", &[][..], true),
        (r"C:\x\Elks-MCP.exe", &[], true),
        ("npx", &["-y", "elks-mcp@0.1.0"], true),
        ("cmd", &["/c", "npx", "-y", "elks-mcp"], true),
        ("uvx", &["elks-mcp==0.1.0"], true),
        ("docker", &["run", "-i", "--rm", "ghcr.io/x/elks-mcp:1"], true),
        ("sh", &["-c", "/opt/other"], false),
        ("/opt/46elks-mcp", &[], false),
        ("node", &["/x/elks-mcp/dist/index.js"], false),
        ("/opt/x", &["--settings", "/home/a/.config/elks-mcp/settings.env"], false),
    ] {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        assert_eq!(starts_this(command, &args), ours, "{command} {args:?}");
    }
}

#[cfg(unix)]
#[test]
fn entries_of_all_clients_are_found() {
    use super::super::entries::entries;
    let home = Home::new();
    let program = home.path().join("elks-mcp");
    fs::write(&program, "").unwrap();
    let program = program.to_str().unwrap();
    let write = |file: &str, text: &str| {
        let path = home.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        ".cursor/mcp.json",
        &format!("{{\"mcpServers\": {{\"sms\": {{\"command\": \"{program}\"}}, \"b\": {{\"url\": \"x\"}}}}}}"),
    );
    write(
        ".claude.json",
        "{\"projects\": {\"/p\": {\"mcpServers\": {\"elks\": {\"command\": \"uvx\", \"args\": [\"elks-mcp\"]}}}}}",
    );
    write(".codex/config.toml", "[mcp_servers.elks]\ncommand = \"/gone/elks-mcp\"\nargs = [\"--simulate\"]\n");
    write(".config/goose/config.yaml", "extensions:\n  elks:\n    cmd: npx\n    args:\n    - -y\n    - elks-mcp\n");
    write(
        ".config/opencode/opencode.jsonc",
        "{\"mcp\": {\"e\": {\"command\": [\"docker\", \"run\", \"x/elks-mcp:1\"]}}}",
    );
    write(".kiro/settings/mcp.json", "{ this is no JSON");
    let found = entries(&home.computer().places);
    let found: Vec<_> =
        found.iter().map(|e| (e.client, e.name.as_str(), e.command.as_str(), e.args.len(), e.exists)).collect();
    assert_eq!(
        found,
        [
            ("claude-code", "elks", "uvx", 1, false),
            ("cursor", "sms", program, 0, true),
            ("codex", "elks", "/gone/elks-mcp", 1, false),
            ("opencode", "e", "docker", 2, false),
            ("goose", "elks", "npx", 2, false),
        ]
    );
}

#[test]
fn an_unknown_client_is_answered_with_the_nearest_and_all() {
    for (name, nearest) in
        [("curser", "cursor"), ("claude", "claude-code"), ("Code", "codex"), ("copilot-cli", "copilot")]
    {
        let error = table::find(name).err().unwrap().to_string();
        assert!(error.contains(&format!("the nearest is {nearest}.")) && error.contains("goose"), "{error}");
    }
    assert_eq!(table::find("VSCode").unwrap().name, "vscode");
}

#[test]
fn settings_are_copied_only_when_the_required_ones_are_there() {
    let missing =
        env(&Variables::from([("ELKS_API_USERNAME", "u1"), ("ELKS_PHONE_NUMBER", "")])).unwrap_err().to_string();
    assert!(missing.contains("ELKS_API_PASSWORD and ELKS_PHONE_NUMBER are not set"), "{missing}");
    let all = [
        ("ELKS_API_USERNAME", "u1"),
        ("ELKS_API_PASSWORD", "p"),
        ("ELKS_PHONE_NUMBER", "+46766861004"),
        ("DRY_RUN", "false"),
        ("ELKS_QUIET_HOURS", "21:00-08:00 UTC"),
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("ELKS_COMPONENT", "/x"),
        ("PATH", "/bin"),
    ];
    let copied: Vec<String> = env(&Variables::from(all)).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(copied.len(), 6, "{copied:?}");
    assert!(!copied.contains(&"ELKS_COMPONENT".to_string()) && !copied.contains(&"PATH".to_string()));
}

#[test]
fn the_template_lists_every_setting_with_its_default_and_sets_nothing() {
    let lines: Vec<&str> = TEMPLATE.lines().filter(|line| !line.is_empty()).collect();
    let set: Vec<&str> = lines.iter().filter(|line| !line.starts_with("# ")).copied().collect();
    assert_eq!(set, ["ELKS_API_USERNAME=", "ELKS_API_PASSWORD=", "ELKS_PHONE_NUMBER="]);
    let settings = lines.iter().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    let all: Vec<(&str, &str)> = settings.filter(|(name, _)| !name.contains(' ')).collect();
    for known in NOT_OF_THE_POLICY.into_iter().chain(settings::NAMES) {
        assert_eq!(all.iter().filter(|(name, _)| *name == known).count(), 1, "{known}");
    }
    for (name, _) in &all {
        assert!(NOT_OF_THE_POLICY.contains(name) || settings::NAMES.contains(name), "{name} is no setting");
    }
    // What stands there as the default is the default: setting all of it changes nothing.
    let account = [(config::USERNAME, "u1"), (config::PASSWORD, "p"), (config::SENDER, "+46766861004")];
    let set: Vec<(&str, &str)> = all.iter().filter(|(_, value)| !value.is_empty()).copied().chain(account).collect();
    let read = |variables: &[(&str, &str)]| Settings::read(&Variables::from(variables), false).unwrap();
    let (with, without) = (read(&set), read(&account));
    assert_eq!(format!("{:?}", with.policy.current().unwrap()), format!("{:?}", without.policy.current().unwrap()));
    assert_eq!(
        (with.dry_run, with.queries_per_minute, with.keep_days),
        (true, without.queries_per_minute, without.keep_days)
    );
    assert_eq!(with.state, without.state);
}

#[test]
fn a_template_that_nobody_has_filled_in_says_that_the_three_are_not_set() {
    let home = Home::new();
    let secret = home.path().join("username");
    let file = home.path().join("settings.env");
    let write = |path: &std::path::Path, text: &str| {
        let _ = fs::remove_file(path);
        file::create(path, text.as_bytes(), None).unwrap();
    };
    write(&file, TEMPLATE);
    let read = |variables: &[(&str, &str)]| Variables::from(variables).with_file(&file);
    let problems = Settings::read(&read(&[]), false).err().unwrap();
    assert_eq!(
        problems.lines(),
        [config::USERNAME, config::PASSWORD, config::SENDER].map(|n| format!("{n} is not set"))
    );
    // Nor do the empty lines hide what stands elsewhere.
    let account = [(config::USERNAME, "u1"), (config::PASSWORD, "p"), (config::SENDER, "+46766861004")];
    assert!(Settings::read(&read(&account), false).is_ok());
    write(&secret, "u2\n");
    let secret = secret.to_str().unwrap();
    assert_eq!(config::username_of(&read(&[(config::USERNAME_FILE, secret)])), Ok(Some("u2".into())));
    assert!(Settings::read(&read(&[(config::USERNAME_FILE, secret), account[1], account[2]]), false).is_ok());
    let empty = config::username_of(&read(&[])).unwrap_err().to_string();
    assert!(empty.contains("ELKS_API_USERNAME is set but empty: unset it for all accounts"), "{empty}");
}

#[test]
fn of_two_files_of_a_client_the_one_that_is_there_is_changed() {
    let home = Home::new();
    let (computer, client) = (home.computer(), table::find("opencode").unwrap());
    let all = computer.places.of(client.files.locations(&computer.places));
    fs::create_dir_all(&all[0].folder).unwrap();
    fs::write(&all[1].file, "{}").unwrap();
    install::install(client, &computer, super::super::Options::default(), &mut Vec::new()).unwrap();
    assert!(fs::read_to_string(&all[1].file).unwrap().contains("elks-mcp") && !all[0].file.exists());
}

#[test]
fn an_entry_that_starts_another_program_is_left_alone() {
    let home = Home::new();
    let (computer, client) = (home.computer(), table::find("cursor").unwrap());
    let path = home.path().join(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let other = "{\"mcpServers\": {\"elks\": {\"command\": \"node\", \"args\": [\"/x/46elks/index.js\"]}}}";
    fs::write(&path, other).unwrap();
    let options = super::super::Options::default();
    let error = install::install(client, &computer, options, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("starts another program"), "{error}");
    let mut said = Vec::new();
    super::super::uninstall::uninstall(client, &computer, options, &mut said).unwrap();
    assert!(String::from_utf8(said).unwrap().contains("starts another program; nothing was changed"));
    assert_eq!(fs::read_to_string(&path).unwrap(), other);
    let force = super::super::Options { force: true, ..options };
    install::install(client, &computer, force, &mut Vec::new()).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("/opt/elks/elks-mcp"));
}
