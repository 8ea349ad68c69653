//! What `install` keeps of an entry that is there, and what it says to do next.

use super::super::table::{self, Client};
use super::super::{Computer, Options, install, uninstall};
use super::Home;
use crate::config::System;
use serde_json::{Value, json};
use std::fs;

fn cursor() -> &'static Client {
    table::find("cursor").unwrap()
}

/// Writes the file of Cursor with an entry of these arguments.
fn write_entry(home: &Home, command: &str, args: &[&str]) {
    let path = home.path().join(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, json!({"mcpServers": {"elks": {"command": command, "args": args}}}).to_string()).unwrap();
}

/// The entry in the file of Cursor.
fn entry(home: &Home) -> Value {
    let text = fs::read_to_string(home.path().join(".cursor/mcp.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["mcpServers"]["elks"].clone()
}

fn installed(computer: &Computer, options: Options) -> String {
    let mut said = Vec::new();
    install::install(cursor(), computer, options, &mut said).unwrap();
    String::from_utf8(said).unwrap()
}

fn uninstalled(computer: &Computer) -> String {
    let mut said = Vec::new();
    uninstall::uninstall(cursor(), computer, Options::default(), &mut said).unwrap();
    String::from_utf8(said).unwrap()
}

#[test]
fn an_entry_keeps_its_settings_file_unless_the_command_line_names_another() {
    let home = Home::new();
    let computer = home.computer();
    let own = home.path().join("of my own.env");
    let own = own.to_str().unwrap();
    for args in [vec!["--settings", own], vec![&format!("--settings={own}")]] {
        write_entry(&home, "/old/elks-mcp", &args);
        let said = installed(&computer, Options::default());
        assert_eq!(entry(&home), json!({"command": computer.program, "args": args}));
        assert!(said.contains(&format!("ELKS_PHONE_NUMBER in {own}\n")), "{said}");
        assert!(!said.contains(&computer.settings), "{said}");
        assert!(!fs::exists(&computer.settings).unwrap(), "no template is written elsewhere");
        assert!(fs::read_to_string(own).unwrap().contains("ELKS_API_USERNAME"), "where none was, there is a template");
        assert!(installed(&computer, Options::default()).contains("nothing was changed"));
    }
    let said = uninstalled(&computer);
    assert!(said.contains(&format!("Your settings are still in {own}: ")), "{said}");

    write_entry(&home, "/old/elks-mcp", &["--settings", own]);
    let named = Computer { is_named: true, ..home.computer() };
    let said = installed(&named, Options::default());
    assert_eq!(entry(&home)["args"], json!(["--settings", named.settings]));
    assert!(said.contains(&format!("ELKS_PHONE_NUMBER in {}\n", named.settings)) && !said.contains(own), "{said}");
}

#[test]
fn a_path_that_the_client_fills_in_is_kept_and_no_file_of_that_name_is_made() {
    let home = Home::new();
    let computer = home.computer();
    write_entry(&home, "/old/elks-mcp", &["--settings", "${HOME}/elks.env"]);
    let said = installed(&computer, Options::default());
    assert_eq!(entry(&home)["args"], json!(["--settings", "${HOME}/elks.env"]));
    assert!(said.contains("doctor --settings FILE, with the path of that file"), "{said}");
    assert!(!fs::exists(&computer.settings).unwrap() && !fs::exists("${HOME}").unwrap());
}

#[test]
fn the_settings_file_of_a_container_is_not_one_of_this_computer() {
    let home = Home::new();
    let computer = home.computer();
    for (command, args) in [
        ("docker", &["run", "-i", "x/elks-mcp:1", "--settings", "/run/secrets/elks"][..]),
        ("sudo", &["/usr/bin/podman", "run", "-i", "x/elks-mcp:1", "--settings=/run/secrets/elks"]),
    ] {
        write_entry(&home, command, args);
        installed(&computer, Options::default());
        assert_eq!(entry(&home), json!({"command": computer.program, "args": ["--settings", computer.settings]}));
    }
}

#[test]
fn commands_to_paste_are_in_quotes() {
    let home = Home::new();
    let (program, settings) = (format!("{}/a b/elks-mcp", home.path().display()), home.path().join("it's/mine.env"));
    let computer = Computer { program, settings: settings.to_str().unwrap().into(), ..home.computer() };
    let quoted = |word: &str| super::super::quoted(word, System::THIS);
    fs::create_dir_all(home.path().join(".cursor")).unwrap();
    let said = installed(&computer, Options::default());
    let check = format!("{} doctor --settings {}\n", quoted(&computer.program), quoted(&computer.settings));
    assert!(said.contains(&format!("Check it: {check}")), "{said}");
}
