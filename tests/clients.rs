//! The program in the files of MCP clients: `print-config`, `install` and `uninstall`, in a home of the test's own.
//! The clients are not here: a small script stands for the command of each, and shows what it is given. The edits
//! themselves are tested in `host/src/clients/tests/`.

use crate::support::program::{Finished, Launch};
use crate::support::state_dir::StateDir;
use crate::support::{PASSWORD, SENDER, USERNAME, root};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// The folder for configuration below a home, and a file of VS Code in it.
const CONFIG: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
const OF_VSCODE: &str = if cfg!(target_os = "macos") {
    "Library/Application Support/Code/User/mcp.json"
} else {
    ".config/Code/User/mcp.json"
};

/// The clients with a command: its name, and the file that it changes.
const WITH_COMMAND: [(&str, &str, &str); 5] = [
    ("claude-code", "claude", ".claude.json"),
    ("vscode", "code", OF_VSCODE),
    ("codex", "codex", ".codex/config.toml"),
    ("gemini", "gemini", ".gemini/settings.json"),
    ("copilot", "copilot", ".copilot/mcp-config.json"),
];

/// An empty home.
struct Home(StateDir);

impl Home {
    fn new() -> Self {
        let home = Self(StateDir::new());
        fs::create_dir_all(home.path().join("bin")).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn settings(&self) -> PathBuf {
        self.path().join(CONFIG).join("elks-mcp/settings.env")
    }

    /// The program with these arguments, for somebody whose home this is.
    fn launch(&self, arguments: &[&str]) -> Launch {
        let launch = Launch::with(arguments)
            .env("HOME", self.path().to_str().unwrap())
            .env("PATH", self.path().join("bin").to_str().unwrap());
        ["XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME"]
            .into_iter()
            .fold(launch, Launch::without)
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        self.launch(arguments).run()
    }

    /// Writes a file, and the folders above it.
    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    /// Puts the command of a client on `PATH`. It notes its arguments, and then does this with the file of its name.
    fn command(&self, name: &str, then: &str) {
        let link = self.path().join("bin").join(name);
        let _ = fs::remove_file(&link);
        symlink(root().join("tests/clients/fake-client.sh"), link).unwrap();
        self.write("then", then);
    }

    /// The arguments that the command of a client got last.
    fn handed_over(&self) -> Vec<String> {
        self.read("handed-over").lines().map(str::to_string).collect()
    }
}

/// All of what a program has written.
fn said(finished: &Finished) -> String {
    format!("{}\n{}", finished.stdout.join("\n"), finished.errors())
}

/// This program's path.
const PROGRAM: &str = env!("CARGO_BIN_EXE_elks-mcp");

#[test]
fn print_config_prints_a_whole_file_with_absolute_paths_and_no_secret() {
    let home = Home::new();
    let listed = home.run(&["print-config"]).stdout;
    let clients: Vec<&str> = listed.iter().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(clients.len(), 16, "{listed:?}");
    let settings = home.settings();
    for client in clients {
        let launch = home.launch(&["print-config", client]).env("ELKS_API_PASSWORD", PASSWORD);
        let finished = launch.env("ELKS_API_USERNAME", USERNAME).run();
        let (file, notes) = (finished.stdout.join("\n"), finished.errors());
        assert_eq!(finished.code(), 0, "{client}: {notes}");
        assert!(file.contains(PROGRAM) && file.contains(settings.to_str().unwrap()), "{client}: {file}");
        assert!(!said(&finished).contains(PASSWORD) && !said(&finished).contains(USERNAME), "{client}");
        assert!(notes.contains(home.path().to_str().unwrap()), "{client}: {notes}");
        if !["codex", "goose"].contains(&client) {
            let document: Value = serde_json::from_str(&file).unwrap_or_else(|error| panic!("{client}: {error}"));
            assert_eq!(document.as_object().unwrap().len(), 1, "{client}");
        }
    }
}

#[test]
fn the_links_of_clients_hold_the_same_entry() {
    let home = Home::new();
    let link = |client: &str, start: &str| {
        let finished = home.run(&["print-config", client]);
        let notes = finished.errors();
        let link = notes.lines().find_map(|line| line.strip_prefix("Link that adds it: ")).expect("has a link");
        let link = link.strip_prefix(start).unwrap_or_else(|| panic!("{link}")).to_string();
        let document: Value = serde_json::from_str(&finished.stdout.join("\n")).unwrap();
        (link, document.as_object().unwrap().values().next().unwrap()["elks"].clone())
    };
    let decoded = |text: &str| {
        let pairs = format!("x={text}");
        form_urlencoded::parse(pairs.as_bytes()).next().unwrap().1.into_owned()
    };
    for (client, start) in [
        ("cursor", "cursor://anysphere.cursor-deeplink/mcp/install?name=elks&config="),
        ("lm-studio", "lmstudio://add_mcp?name=elks&config="),
    ] {
        let (config, entry) = link(client, start);
        let config = BASE64_STANDARD.decode(decoded(&config)).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&config).unwrap(), entry);
    }
    let (config, mut entry) = link("vscode", "vscode:mcp/install?");
    entry["name"] = json!("elks");
    assert!(!config.contains('+'));
    assert_eq!(serde_json::from_str::<Value>(&decoded(&config)).unwrap(), entry);
}

#[test]
fn an_unknown_client_is_refused_with_the_nearest() {
    let home = Home::new();
    for arguments in [["print-config", "curser"], ["install", "curser"], ["uninstall", "curser"]] {
        let finished = home.run(&arguments);
        assert_eq!((finished.code(), finished.stdout.len()), (1, 0));
        assert!(
            finished.errors().contains("the nearest is cursor. It knows claude-desktop, "),
            "{}",
            finished.errors()
        );
    }
}

#[test]
fn install_writes_the_entry_and_a_settings_file_and_uninstall_takes_the_entry_back() {
    let home = Home::new();
    let before = "{\n  // mine\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" },\n  },\n}\n";
    let path = home.write(".cursor/mcp.json", before);
    let installed = home.run(&["install", "cursor"]);
    assert_eq!(installed.code(), 0, "{}", said(&installed));
    let text = home.read(".cursor/mcp.json");
    let entry =
        format!("\"command\": \"{PROGRAM}\",\n      \"args\": [\"--settings\", \"{}\"]", home.settings().display());
    assert!(text.contains(&entry) && text.contains("// mine"), "{text}");
    let output = installed.stdout.join("\n");
    for part in ["is kept in", "Fill in ELKS_API_USERNAME", "elks-mcp doctor", "Restart Cursor."] {
        assert!(output.contains(part), "{part:?} is missing: {output}");
    }
    let backup = home.path().join(".cursor/mcp.json.elks-mcp-backup");
    assert_eq!(fs::read_to_string(&backup).unwrap(), before);
    let mode = fs::metadata(home.settings()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let template = fs::read_to_string(home.settings()).unwrap();
    let lines: Vec<&str> = template.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(lines, ["ELKS_API_USERNAME=", "ELKS_API_PASSWORD=", "ELKS_PHONE_NUMBER="]);

    fs::write(home.settings(), "ELKS_API_USERNAME=u1\n").unwrap();
    let again = home.run(&["install", "cursor"]);
    assert!(again.stdout.join("\n").contains("nothing was changed"), "{}", said(&again));
    assert_eq!(fs::read_to_string(home.settings()).unwrap(), "ELKS_API_USERNAME=u1\n");

    let removed = home.run(&["uninstall", "cursor"]);
    assert_eq!(removed.code(), 0, "{}", said(&removed));
    assert_eq!(fs::read_to_string(path).unwrap(), before);
    assert!(!backup.exists() && home.settings().exists());
    let nothing = home.run(&["uninstall", "cursor"]);
    assert!(nothing.code() == 0 && nothing.stdout.join("\n").contains("nothing was changed"));
}

#[test]
fn the_command_of_a_client_gets_the_entry_and_no_secret_and_its_result_is_read_back() {
    let home = Home::new();
    let settings = home.settings();
    let settings = settings.to_str().unwrap();
    for (client, command, file) in WITH_COMMAND {
        let expected = match client {
            "claude-code" => vec!["mcp", "add", "-s", "user", "elks", "--", PROGRAM, "--settings", settings],
            "gemini" => vec!["mcp", "add", "-s", "user", "elks", PROGRAM, "--", "--settings", settings],
            "vscode" => vec!["--add-mcp"],
            _ => vec!["mcp", "add", "elks", "--", PROGRAM, "--settings", settings],
        };
        // The client writes what print-config prints.
        let printed = home.run(&["print-config", client]).stdout.join("\n");
        home.write(file, "");
        home.write("printed", &printed);
        home.command(command, &format!("/bin/cat \"$HOME/printed\" > \"$HOME/{file}\""));
        let finished = home.launch(&["install", client]).env("ELKS_API_PASSWORD", PASSWORD).run();
        assert_eq!(finished.code(), 0, "{client}: {}", said(&finished));
        assert!(finished.stdout.join("\n").contains("its own command"), "{client}");
        let handed_over = home.handed_over();
        assert_eq!(handed_over[..expected.len()], expected, "{client}");
        if client == "vscode" {
            let entry: Value = serde_json::from_str(&handed_over[1]).unwrap();
            assert_eq!(entry, json!({"name": "elks", "command": PROGRAM, "args": ["--settings", settings]}));
        } else {
            assert_eq!(handed_over.len(), expected.len(), "{client}");
        }
        assert_eq!(home.read("password-seen"), "none");
        assert!(!home.path().join(format!("{file}.elks-mcp-backup")).exists(), "the client has changed its own file");
    }
}

#[test]
fn what_would_run_can_be_pasted() {
    let home = Home::new();
    home.command("code", "exit 0");
    home.command("codex", "exit 0");
    let settings = home.path().join("it's mine.env").to_str().unwrap().replace('\'', r"'\''");
    for (client, words) in
        [("vscode", r#"code --add-mcp '{""#.to_string()), ("codex", format!("--settings '{settings}'"))]
    {
        let named = home.path().join("it's mine.env");
        let finished = home.run(&["--settings", named.to_str().unwrap(), "install", client, "--dry-run", "--force"]);
        let output = finished.stdout.join("\n");
        let line = output.lines().find(|line| line.starts_with("Would run: ")).unwrap_or_else(|| panic!("{output}"));
        assert!(line.contains(&words), "{line}");
    }
}

#[test]
fn a_command_that_does_not_do_its_work_is_no_success() {
    let home = Home::new();
    for (client, command, file) in WITH_COMMAND {
        home.command(command, "exit 0");
        let silent = home.run(&["install", client]);
        assert_eq!(silent.code(), 1, "{client}: {}", said(&silent));
        assert!(silent.errors().contains("does not have the entry. With --edit"), "{}", silent.errors());
        home.command(command, "echo 'it is locked' >&2; exit 3");
        let failed = home.run(&["install", client]);
        assert_eq!(failed.code(), 1, "{client}");
        assert!(failed.errors().contains("says: it is locked. With --edit"), "{}", failed.errors());
        let edited = home.run(&["install", client, "--edit"]);
        assert_eq!(edited.code(), 0, "{client}: {}", said(&edited));

        if client == "vscode" {
            continue;
        }
        let kept = home.run(&["uninstall", client]);
        assert_eq!(kept.code(), 1, "{client}: {}", said(&kept));
        assert!(kept.errors().contains("still has the entry"), "{}", kept.errors());
        let words = if client == "claude-code" { ["mcp", "remove", "elks"] } else { ["mcp", "remove", "-s"] };
        let words = if ["codex", "copilot"].contains(&client) { ["mcp", "remove", "elks"] } else { words };
        assert_eq!(home.handed_over()[..3], words);
        home.command(command, &format!("/bin/rm \"$HOME/{file}\""));
        let removed = home.run(&["uninstall", client]);
        assert_eq!(removed.code(), 0, "{client}: {}", said(&removed));
        assert!(removed.stdout.join("\n").contains("has removed the entry"), "{client}");
    }
}

#[test]
fn settings_go_into_the_file_of_a_client_only_when_the_operator_asks() {
    let home = Home::new();
    home.command("claude", "exit 0");
    let account = |arguments: &[&str]| {
        let launch = home.launch(arguments).env("ELKS_API_USERNAME", USERNAME).env("ELKS_API_PASSWORD", PASSWORD);
        launch.env("ELKS_PHONE_NUMBER", SENDER).env("DRY_RUN", "true")
    };
    let missing = home.run(&["install", "claude-code", "--env"]);
    assert_eq!(missing.code(), 1);
    assert!(missing.errors().contains("ELKS_API_USERNAME and ELKS_API_PASSWORD and ELKS_PHONE_NUMBER are not set"));

    let dry = account(&["install", "claude-code", "--env", "--dry-run"]).run();
    let done = account(&["install", "claude-code", "--env"]).run();
    assert_eq!((dry.code(), done.code()), (0, 0), "{}", said(&done));
    assert!(dry.stdout.join("\n").contains("\"ELKS_API_PASSWORD\": \"…\""), "{}", said(&dry));
    for finished in [&dry, &done] {
        for value in [USERNAME, PASSWORD, SENDER] {
            assert!(!said(finished).contains(value), "{}", said(finished));
        }
    }
    assert!(!home.path().join("handed-over").exists(), "no password stands on a command line");
    let entry: Value = serde_json::from_str::<Value>(&home.read(".claude.json")).unwrap()["mcpServers"]["elks"].clone();
    assert_eq!(entry["args"], json!([]));
    assert_eq!(
        entry["env"],
        json!({"ELKS_API_USERNAME": USERNAME, "ELKS_API_PASSWORD": PASSWORD, "ELKS_PHONE_NUMBER": SENDER, "DRY_RUN": "true"})
    );
    let mode = fs::metadata(home.path().join(".claude.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!home.settings().exists());

    let file = home.write("elks.env", "");
    let both = account(&["--settings", file.to_str().unwrap(), "install", "cursor", "--env", "--force"]).run();
    assert_eq!(both.code(), 1, "{}", said(&both));
    assert!(both.errors().contains("--env copies the environment") && both.errors().contains("leave --settings out"));
    assert!(!home.path().join(".cursor/mcp.json").exists());

    let readable = home.write(".cursor/mcp.json", "{}");
    fs::set_permissions(&readable, fs::Permissions::from_mode(0o644)).unwrap();
    let warned = account(&["install", "cursor", "--env"]).run();
    assert!(warned.stdout.join("\n").contains("others can read it: chmod 600"), "{}", said(&warned));
}

#[test]
fn a_dry_run_shows_the_change_without_the_secrets_of_others_and_changes_nothing() {
    let home = Home::new();
    let before = "{\"mcpServers\": {\"a\": {\"env\": {\"TOKEN\": \"tok-4711\"}}}}";
    home.write(".cursor/mcp.json", before);
    let finished = home.run(&["install", "cursor", "--dry-run"]);
    let output = finished.stdout.join("\n");
    assert!(output.contains("Would change") && output.contains("\n+{") && output.contains(PROGRAM), "{output}");
    assert!(!said(&finished).contains("tok-4711"), "{output}");
    assert_eq!(home.read(".cursor/mcp.json"), before);
    assert!(!home.settings().exists() && !home.path().join(".cursor/mcp.json.elks-mcp-backup").exists());
    home.run(&["install", "cursor"]);
    let installed = home.read(".cursor/mcp.json");
    let removal = home.run(&["uninstall", "cursor", "--dry-run"]);
    assert!(removal.stdout.join("\n").contains("Would change") && !said(&removal).contains("tok-4711"));
    assert_eq!(home.read(".cursor/mcp.json"), installed);
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_is() {
    let home = Home::new();
    let before = "{\n  \"mcpServers\": {\n    \"a\": {} \"b\": {}\n  }\n}";
    home.write(".cursor/mcp.json", before);
    for command in ["install", "uninstall"] {
        let finished = home.run(&[command, "cursor"]);
        assert_eq!(finished.code(), 1);
        assert!(finished.errors().contains("mcp.json is left as it is: line 3, column "), "{}", finished.errors());
        assert_eq!(home.read(".cursor/mcp.json"), before);
    }
    assert!(!home.settings().exists(), "nothing is done when not all can be done");
}

#[test]
fn a_client_that_is_not_there_gets_a_file_only_by_force() {
    let home = Home::new();
    let finished = home.run(&["install", "zed"]);
    assert_eq!(finished.code(), 1);
    assert!(
        finished.errors().contains("Zed does not seem to be installed: there is no folder"),
        "{}",
        finished.errors()
    );
    assert_eq!(home.run(&["install", "zed", "--force"]).code(), 0);
    let document: Value = serde_json::from_str(&home.read(".config/zed/settings.json")).unwrap();
    assert_eq!(document["context_servers"]["elks"]["source"], "custom");
    assert_eq!(home.run(&["uninstall", "zed"]).code(), 0);
    assert!(!home.path().join(".config/zed/settings.json").exists());
}

#[test]
fn another_server_of_the_same_name_is_left_alone_and_a_second_entry_is_named() {
    let home = Home::new();
    let before = "{\"mcpServers\": {\"elks\": {\"command\": \"node\", \"args\": [\"/x/46elks/index.js\"]}}}";
    home.write(".cursor/mcp.json", before);
    let finished = home.run(&["install", "cursor"]);
    assert!(finished.code() == 1 && finished.errors().contains("starts another program"), "{}", finished.errors());
    assert_eq!(home.read(".cursor/mcp.json"), before);
    home.write(
        ".kiro/settings/mcp.json",
        "{\"mcpServers\": {\"sms\": {\"command\": \"npx\", \"args\": [\"elks-mcp\"]}}}",
    );
    let twice = home.run(&["install", "kiro"]);
    assert!(twice.stdout.join("\n").contains("The entry sms starts elks-mcp, too"), "{}", said(&twice));
}
