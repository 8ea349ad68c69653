//! Files of many shapes: what an edit leaves alone, and what taking it back restores.

use super::super::format::Format;
use super::super::launch::{Launch, Source};
use super::super::shape::{NAME, Shape};
use super::super::table::{self, CLIENTS};
use super::super::{Options, diff, file, install, uninstall};
use super::Home;
use crate::config::System;
use proptest::prelude::*;
use std::fs;

/// The options that change the file without any command.
const EDIT: Options = Options { dry_run: false, env: false, edit: true, force: true };

fn launch() -> Launch {
    Launch::new("/opt/elks/elks-mcp", System::Unix, Source::File("/etc/elks/settings.env"))
}

fn with(shape: Shape, text: &str) -> String {
    shape.format().with(text, shape.section(), NAME, &shape.body(&launch())).unwrap_or_else(|e| panic!("{e}: {text:?}"))
}

fn without(shape: Shape, text: &str) -> String {
    shape.format().without(text, shape.section(), NAME).unwrap_or_else(|e| panic!("{e}: {text:?}"))
}

/// Whether the characters of one text are in another in the same order.
fn is_within(text: &str, larger: &str) -> bool {
    let mut rest = larger.chars();
    text.chars().all(|wanted| rest.any(|found| found == wanted))
}

/// How a generated file is written.
#[derive(Clone, Debug)]
struct Style {
    bom: bool,
    end: &'static str,
    unit: &'static str,
    final_end: bool,
    comments: bool,
    trailing_comma: bool,
    one_line: bool,
    blank_lines: bool,
    /// How many other entries the section has; nothing if there is no section.
    entries: Option<usize>,
    /// Whether something stands behind the section.
    after: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let layout = (
        any::<bool>(),
        prop::sample::select(vec!["\n", "\r\n"]),
        prop::sample::select(vec!["  ", "    ", "\t", ""]),
        any::<bool>(),
    );
    let content = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (layout, content, prop::option::of(0..3usize), any::<bool>()).prop_map(|(layout, content, entries, after)| Style {
        bom: layout.0,
        end: layout.1,
        unit: layout.2,
        final_end: layout.3,
        comments: content.0,
        trailing_comma: content.1,
        one_line: content.2,
        blank_lines: content.3,
        entries,
        after,
    })
}

impl Style {
    /// The whole file of these lines.
    fn file(&self, lines: &[String]) -> String {
        let bom = if self.bom { "\u{feff}" } else { "" };
        let end = if self.final_end { self.end } else { "" };
        format!("{bom}{}{end}", lines.join(self.end))
    }

    /// A file of JSON. The other entries hold secrets of others.
    fn json(&self, section: &str) -> String {
        let comment = |text: &str| if self.comments { format!(" // {text}") } else { String::new() };
        let comma = |last: bool| if !last || self.trailing_comma { "," } else { "" };
        let (one, two) = (self.unit, self.unit.repeat(2));
        let mut lines = vec![format!("{{{}", comment("mine"))];
        lines.push(format!(
            "{one}\"theme\": \"dark\"{}{}",
            comma(self.entries.is_none() && !self.after),
            comment("nice")
        ));
        if let Some(count) = self.entries {
            lines.push(format!("{one}\"{section}\": {{"));
            for number in 0..count {
                let value = format!("{{\"command\": \"x{number}\", \"env\": {{\"TOKEN\": \"secret{number}\"}}}}");
                let entry = format!("{two}\"other{number}\": {value}");
                lines.push(format!("{entry}{}{}", comma(number + 1 == count), comment("theirs  ")));
                if self.blank_lines {
                    lines.push(String::new());
                }
            }
            lines.push(format!("{one}}}{}", comma(!self.after)));
        }
        if self.after {
            lines.push(format!("{one}\"zoom\": [1, 2.50e1, null]{}", comma(true)));
        }
        lines.push("}".into());
        if self.one_line {
            let line: String = lines.iter().map(|line| line.split(" //").next().unwrap_or_default().trim()).collect();
            return self.file(&[line]);
        }
        self.file(&lines)
    }

    /// A file of TOML.
    fn toml(&self, section: &str) -> String {
        let comment = |text: &str| if self.comments { format!(" # {text}") } else { String::new() };
        let mut lines = vec![format!("model = \"o\"{}", comment("mine")), "big = 1_000".into()];
        for number in 0..self.entries.unwrap_or(0) {
            lines.push(String::new());
            lines.push(format!("[{section}.other{number}]{}", comment("theirs")));
            lines.push("command = 'x'".into());
            lines.push(format!("env = {{ TOKEN = \"secret{number}\" }}"));
        }
        if self.after {
            lines.extend([
                String::new(),
                "[tui]".into(),
                "text = \"\"\"".into(),
                format!("[{section}.elks]"),
                "\"\"\"".into(),
            ]);
        }
        if self.blank_lines {
            lines.extend([String::new(), String::new()]);
        }
        self.file(&lines)
    }

    /// A file of YAML, as Goose writes it.
    fn yaml(&self, section: &str) -> String {
        let comment = |text: &str| if self.comments { format!(" # {text}") } else { String::new() };
        let indent = if self.unit == "    " { 4 } else { 2 };
        let (one, two) = (" ".repeat(indent), " ".repeat(indent * 2));
        let mut lines = vec![format!("GOOSE_MODEL: gpt{}", comment("mine"))];
        if let Some(count) = self.entries {
            lines.push(format!("{section}:{}", if count == 0 { " {}" } else { "" }));
            for number in 0..count {
                lines.push(format!("{one}other{number}:{}", comment("theirs")));
                lines.extend([format!("{two}cmd: x"), format!("{two}args:"), format!("{two}- --token")]);
                lines.push(format!("{two}envs: {{\"TOKEN\": \"secret{number}\"}}"));
                if self.blank_lines {
                    lines.push(String::new());
                }
            }
        }
        if self.after {
            lines.extend(["text: |".into(), format!("{one}{section}:"), "list:".into(), "- a".into()]);
        }
        self.file(&lines)
    }

    fn text(&self, shape: Shape) -> String {
        match shape.format() {
            Format::Json => self.json(shape.section()),
            Format::Toml => self.toml(shape.section()),
            Format::Yaml => self.yaml(shape.section()),
        }
    }
}

proptest! {
    #[test]
    fn an_edit_adds_the_entry_and_moves_nothing(style in styles(), client in 0..CLIENTS.len()) {
        let shape = CLIENTS[client].shape;
        let before = style.text(shape);
        let after = with(shape, &before);
        // An empty pair of braces gets lines of its own, so its inner blanks may go.
        let solid = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert!(is_within(&solid(&before).replace("{}", ""), &solid(&after)), "{before}\n---\n{after}");
        let entry = shape.format().read(&after).unwrap().get(shape.section()).unwrap().get(NAME).cloned().unwrap();
        prop_assert_eq!(shape.launched(&entry), Some((launch().command, launch().args)));
    }

    #[test]
    fn an_entry_beside_others_is_taken_out_to_the_byte_without_a_backup(style in styles(), client in 0..CLIENTS.len()) {
        let shape = CLIENTS[client].shape;
        let style = Style { entries: Some(style.entries.unwrap_or(0) + 1), ..style };
        let before = style.text(shape);
        prop_assert_eq!(without(shape, &with(shape, &before)), before);
    }

    #[test]
    fn an_entry_is_taken_out_when_others_came_after_it(style in styles(), client in 0..CLIENTS.len()) {
        let shape = CLIENTS[client].shape;
        let before = style.text(shape);
        let launch = launch();
        let both = shape.format().with(&with(shape, &before), shape.section(), "later", &shape.body(&launch)).unwrap();
        let left = without(shape, &both);
        let read = |text: &str| shape.format().read(text).unwrap();
        prop_assert_eq!(read(&left).without(shape.section(), "later"), read(&before).without(shape.section(), "later"));
        prop_assert!(read(&left).get(shape.section()).unwrap().get("later").is_some());
    }

    #[test]
    fn no_text_makes_an_edit_panic_or_lose_anything(text in any::<String>(), at in 0..200usize, style in styles(), client in 0..CLIENTS.len()) {
        let shape = CLIENTS[client].shape;
        let mut mixed: String = style.text(shape);
        let at = (0..=at.min(mixed.len())).rev().find(|at| mixed.is_char_boundary(*at)).unwrap();
        mixed.insert_str(at, &text);
        // Whatever can be edited holds the same as before; the edit itself checks that, and must not panic.
        if let Ok(after) = shape.format().with(&mixed, shape.section(), NAME, &shape.body(&launch())) {
            prop_assert!(shape.format().without(&after, shape.section(), NAME).is_ok(), "{after}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn uninstall_restores_the_file_that_install_found(style in styles(), client in 0..CLIENTS.len(), old in any::<bool>()) {
        let (home, client) = (Home::new(), &CLIENTS[client]);
        let computer = home.computer();
        let path = &computer.places.of(client.files.locations(&computer.places))[0].file;
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        let before = old.then(|| style.text(client.shape));
        if let Some(before) = &before {
            fs::write(path, before).unwrap();
        }
        let files = home.files(folder);
        install::install(client, &computer, EDIT, &mut Vec::new()).unwrap();
        let installed = fs::read(path).unwrap();
        let mut said = Vec::new();
        install::install(client, &computer, EDIT, &mut said).unwrap();
        prop_assert_eq!(fs::read(path).unwrap(), installed);
        prop_assert!(String::from_utf8(said).unwrap().contains("nothing was changed"));
        uninstall::uninstall(client, &computer, EDIT, &mut Vec::new()).unwrap();
        prop_assert_eq!(file::read(path).unwrap(), before);
        prop_assert_eq!(home.files(folder), files, "no backup and no temporary file is left");
    }
}

#[test]
fn files_without_anything_in_them_come_back_as_they_were() {
    for client in CLIENTS {
        let texts: &[&str] = match client.shape.format() {
            Format::Json => {
                &["", "\n", "  ", "\u{feff}", "// mine\n", "{}", "{ }\n", "{\r\n}", "{ // mine\n}", "{\n\n}"]
            }
            Format::Toml => &["", "\n", "  ", "\u{feff}", "# mine", "\r\n\r\n", "# mine\n"],
            Format::Yaml => &["", "\n", "\u{feff}", "# mine", "---\n", "extensions: {}", "extensions:\r\n"],
        };
        for text in texts {
            let home = Home::new();
            let computer = home.computer();
            let path = &computer.places.of(client.files.locations(&computer.places))[0].file;
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            install::install(client, &computer, EDIT, &mut Vec::new()).unwrap_or_else(|e| panic!("{e:#}: {text:?}"));
            let installed = fs::read_to_string(path).unwrap();
            assert!(installed.contains("elks-mcp"), "{} {text:?}", client.name);
            uninstall::uninstall(client, &computer, EDIT, &mut Vec::new())
                .unwrap_or_else(|e| panic!("{e:#}: {text:?}"));
            assert_eq!(fs::read_to_string(path).unwrap(), *text, "{}: {installed:?}", client.name);
        }
    }
}

#[test]
fn the_layout_of_a_file_is_kept() {
    for (before, after) in [
        (
            "{\n    \"mcpServers\": {\n        \"a\": {} // mine\n    }\n}\n",
            "{\n    \"mcpServers\": {\n        \"a\": {}, // mine\n        \"elks\": {\n            \"command\": \
             \"/opt/elks/elks-mcp\",\n            \"args\": [\"--settings\", \"/etc/elks/settings.env\"]\n        }\n    \
             }\n}\n",
        ),
        (
            "{\"mcpServers\":{\"a\":{}}}",
            "{\"mcpServers\":{\"a\":{}, \"elks\": {\"command\": \"/opt/elks/elks-mcp\", \"args\": [\"--settings\", \
             \"/etc/elks/settings.env\"]}}}",
        ),
        (
            "{\r\n\t\"x\": 1,\r\n}",
            "{\r\n\t\"x\": 1,\r\n\t\"mcpServers\": {\r\n\t\t\"elks\": {\r\n\t\t\t\"command\": \
             \"/opt/elks/elks-mcp\",\r\n\t\t\t\"args\": [\"--settings\", \"/etc/elks/settings.env\"]\r\n\t\t}\r\n\t},\r\n}",
        ),
    ] {
        assert_eq!(with(Shape::Plain, before), after);
    }
}

#[test]
fn an_update_changes_the_command_and_leaves_the_rest_of_the_entry() {
    for (shape, before, after) in [
        (
            Shape::Plain,
            "{\"mcpServers\": {\"elks\": {\"command\": \"/old/elks-mcp\", /* mine */ \"disabled\": true}}}",
            "{\"mcpServers\": {\"elks\": {\"command\": \"/opt/elks/elks-mcp\", /* mine */ \"disabled\": true, \"args\": \
             [\"--settings\", \"/etc/elks/settings.env\"]}}}",
        ),
        (
            Shape::Codex,
            "[mcp_servers.elks] # mine\ncommand = '/old/elks-mcp'\nenabled = false\n",
            "[mcp_servers.elks] # mine\nargs = [\"--settings\", \"/etc/elks/settings.env\"]\ncommand = \
             \"/opt/elks/elks-mcp\"\nenabled = false\n",
        ),
        (
            Shape::Opencode,
            "{\"mcp\": {\"elks\": {\"command\": [\"/old/elks-mcp\"], \"enabled\": false}}}",
            "{\"mcp\": {\"elks\": {\"command\": [\"/opt/elks/elks-mcp\", \"--settings\", \"/etc/elks/settings.env\"], \
             \"enabled\": false}}}",
        ),
    ] {
        let changed = shape.format().changed(before, shape.section(), NAME, &shape.launch(&launch()));
        assert_eq!(changed.as_deref(), Ok(after));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_with_line_and_column() {
    for (shape, text, place) in [
        (Shape::Plain, "{\n  \"a\": 1\n  \"b\": 2\n}", "line 2, column 9: "),
        (Shape::Plain, "{\"mcpServers\": []}", "line 1, column 16: mcpServers must be an object"),
        (Shape::Plain, "[]", "line 1, column 1: the file must hold an object"),
        (Shape::Plain, "{\"mcpServers\": {}, \"mcpServers\": {}}", "line 1, column 20: mcpServers is there twice"),
        (Shape::Plain, "{'a': 1}", "line 1, column 2: "),
        (Shape::Codex, "a = 1\nb = \"x\n", "line 2, column 7: "),
        (Shape::Codex, "a = 1\na = 2\n", "line 2, column 1: duplicate key"),
        (Shape::Codex, "mcp_servers = { a = { command = 'x' } }\n", "mcp_servers is written in a way"),
        (Shape::Goose, "a: 1\n\tb: 2\n", "line 2, column 1: a tab"),
        (Shape::Goose, "extensions: {a: {cmd: x}}\n", "line 1, column 1: the section is not written as a plain block"),
        (Shape::Goose, "a: 1\n---\nb: 2\n", "line 2, column 1: a second document"),
        (Shape::Goose, "{a: 1}\n", "line 1, column 1: this program changes only plain blocks"),
    ] {
        let error = shape.format().with(text, shape.section(), NAME, &shape.body(&launch())).unwrap_err().to_string();
        assert!(error.starts_with(place) || error.contains(place), "{error}: {text:?}");
    }
}

#[test]
fn a_diff_shows_names_and_no_value_of_others() {
    let before =
        "{\"mcpServers\": {\"a\": {\"env\": {\"TOKEN\": \"tok-1\", \"PIN\": 1234}, \"url\": \"https://u:pw@h/?k=q\"}}}";
    let after = with(Shape::Plain, before);
    let shown = ["/opt/elks/elks-mcp", "--settings", "/etc/elks/settings.env"];
    let diff = diff::changed_lines(Format::Json, before, &after, &shown);
    assert!(diff.contains("\"TOKEN\": \"…\"") && diff.contains("\"command\": \"/opt/elks/elks-mcp\""), "{diff}");
    for secret in ["tok-1", "1234", "pw@h", "k=q"] {
        assert!(!diff.contains(secret), "{diff}");
    }
    let yaml = "extensions:\n  a:\n    cmd: x --key s3cret\n";
    let diff = diff::changed_lines(Format::Yaml, &with(Shape::Goose, yaml), "", &shown);
    assert!(diff.contains("cmd: \"/opt/elks/elks-mcp\"") && !diff.contains("s3cret"), "{diff}");
}

#[test]
fn an_older_backup_is_never_overwritten_and_does_not_undo_later_changes() {
    let home = Home::new();
    let (computer, client) = (home.computer(), table::find("cursor").unwrap());
    let path = home.path().join(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\"mcpServers\": {\"a\": {}}}").unwrap();
    install::install(client, &computer, EDIT, &mut Vec::new()).unwrap();
    let changed = fs::read_to_string(&path).unwrap().replace("\"a\": {}", "\"b\": {}");
    fs::write(&path, &changed).unwrap();
    uninstall::uninstall(client, &computer, EDIT, &mut Vec::new()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"mcpServers\": {\"b\": {}}}");
    install::install(client, &computer, EDIT, &mut Vec::new()).unwrap();
    let backup = fs::read_to_string(file::backup_of(&path)).unwrap();
    assert_eq!(backup, "{\"mcpServers\": {\"a\": {}}}");
}

#[cfg(unix)]
#[test]
fn rights_and_links_stay_and_a_new_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = Home::new();
    let (computer, client) = (home.computer(), table::find("cursor").unwrap());
    let (folder, real) = (home.path().join(".cursor"), home.path().join("real.json"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(&real, "{}").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, folder.join("mcp.json")).unwrap();
    install::install(client, &computer, EDIT, &mut Vec::new()).unwrap();
    assert!(fs::symlink_metadata(folder.join("mcp.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("elks-mcp"));
    assert_eq!((mode(&real), mode(&file::backup_of(&real))), (0o640, 0o640));
    assert_eq!(mode(std::path::Path::new(&computer.settings)), 0o600);
    let windsurf = table::find("windsurf").unwrap();
    install::install(windsurf, &computer, EDIT, &mut Vec::new()).unwrap();
    assert_eq!(mode(&home.path().join(".codeium/windsurf/mcp_config.json")), 0o600);
}
