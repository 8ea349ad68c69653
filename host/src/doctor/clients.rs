//! The MCP clients on this machine whose configuration starts this program.

use super::finding::{Finding, Group};
use crate::clients::{Entry, command_line};
use crate::config::System;
use serde_json::json;
use std::path::Path;

/// The word for programs.
const CHECK: &str = "entry";

/// What the clients will start. Arguments are not shown: a person may have put a secret there.
pub(super) fn findings(entries: &[Entry]) -> Vec<Finding> {
    if entries.is_empty() {
        let none = Finding::ok(Group::Clients, CHECK, "none in the files of the clients that elks-mcp knows");
        return vec![none.next("`elks-mcp install CLIENT` adds one; `elks-mcp print-config` lists the clients.")];
    }
    entries.iter().map(finding).collect()
}

fn finding(entry: &Entry) -> Finding {
    let Entry { client, file, name, command, exists, .. } = entry;
    let text = format!("{client} starts {command} (entry {name} of {})", file.display());
    let found = match entry.settings_file() {
        _ if entry.has_unfilled_command() => {
            let text = format!("{text}; the client fills in the path of the program, so it was not looked at");
            Finding::skipped(Group::Clients, CHECK, text)
        }
        _ if !exists => Finding::problem(Group::Clients, CHECK, format!("{text}, which is not there"))
            .next("Correct the path in that file, or run `elks-mcp install` for this client again."),
        Some(_) if entry.has_foreign_settings() => Finding::skipped(
            Group::Clients,
            CHECK,
            format!(
                "{text}; the client or a container fills in the path of the settings file, so it was not looked at"
            ),
        ),
        Some(path) if !Path::new(path).is_file() => {
            Finding::problem(Group::Clients, CHECK, format!("{text} with a settings file that is not there"))
                .next("Write the file that --settings names there, or run `elks-mcp install` for this client again.")
        }
        Some(path) => {
            let command = command_line(["elks-mcp", "doctor", "--settings", path], System::THIS);
            Finding::ok(Group::Clients, CHECK, text).next(format!("Its settings are checked by `{command}`."))
        }
        None => Finding::ok(Group::Clients, CHECK, text),
    };
    let facts = [
        ("client", json!(client)),
        ("file", json!(file.display().to_string())),
        ("name", json!(name)),
        ("command", json!(command)),
        ("exists", json!(exists)),
    ];
    facts.into_iter().fold(found, |found, (name, value)| found.fact(name, value))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn entry(args: &[&str], exists: bool) -> Entry {
        let args = args.iter().map(ToString::to_string).collect();
        let (file, name) = ("/home/a/.cursor/mcp.json".into(), "elks".into());
        Entry { client: "Cursor", file, name, command: "/opt/elks-mcp".into(), args, exists }
    }

    #[test]
    fn what_a_client_cannot_start_is_a_problem() {
        let here = std::env::current_exe().expect("is known");
        let here = here.to_str().expect("is text");
        for (entry, status, words) in [
            (entry(&[], true), Status::Ok, "Cursor starts /opt/elks-mcp (entry elks of /home/a/.cursor/mcp.json)"),
            (entry(&[], false), Status::Problem, "which is not there"),
            (entry(&["--settings", here], true), Status::Ok, "Cursor starts"),
            (entry(&["--settings", "/missing/elks.env"], true), Status::Problem, "a settings file that is not there"),
            (entry(&["--settings=/missing/elks.env"], true), Status::Problem, "a settings file that is not there"),
        ] {
            let found = &findings(&[entry])[0];
            assert_eq!(found.status, status, "{}", found.text);
            assert!(found.text.contains(words), "{}", found.text);
        }
    }

    #[test]
    fn the_command_that_checks_the_settings_can_be_pasted() {
        let folder = std::env::temp_dir().join(format!("elks doctor's {}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("can be made");
        let file = folder.join("settings.env");
        std::fs::write(&file, "").expect("can be written");
        let path = file.to_str().expect("is text");
        let next = findings(&[entry(&["--settings", path], true)]).remove(0).next.expect("is there");
        std::fs::remove_dir_all(&folder).expect("can be removed");
        let quoted = crate::clients::quoted(path, System::THIS);
        assert!(quoted != path && next.ends_with(&format!("`elks-mcp doctor --settings {quoted}`.")), "{next}");
    }

    #[test]
    fn a_path_that_somebody_else_fills_in_is_no_problem() {
        let of = |command: &str, args: &[&str], exists| Entry { command: command.into(), ..entry(args, exists) };
        let (settings, program) = ("path of the settings file, so it was", "path of the program, so it was");
        for (entry, words) in [
            (of("docker", &["run", "x/elks-mcp:1", "--settings", "/run/secrets/elks"], true), settings),
            (of("/usr/bin/podman", &["run", "x/elks-mcp:1", "--settings=/run/secrets/elks"], true), settings),
            (of(r"C:\Docker\nerdctl.exe", &["run", "elks-mcp", "--settings", "/s"], true), settings),
            (of("elks-mcp", &["--settings", "${HOME}/.config/elks-mcp/settings.env"], true), settings),
            (of("elks-mcp", &["--settings", "$HOME/elks.env"], true), settings),
            (of("cmd", &["/c", "npx", "-y", "elks-mcp", "--settings", r"%APPDATA%\elks.env"], true), settings),
            (of("${workspaceFolder}/bin/elks-mcp", &[], false), program),
            (of("${env:HOME}/elks-mcp", &["--settings", "/missing"], false), program),
        ] {
            let found = findings(&[entry]).remove(0);
            assert_eq!(found.status, Status::Skipped, "{}", found.text);
            assert!(found.text.contains(words), "{}", found.text);
        }
        let missing = of("docker", &["run", "x/elks-mcp:1", "--settings", "/s"], false);
        assert_eq!(findings(&[missing]).remove(0).status, Status::Problem, "docker itself is not there");
    }

    #[test]
    fn other_arguments_are_not_shown() {
        let found = findings(&[entry(&["-e", "ELKS_API_PASSWORD=hunter2hunter2"], true)]).remove(0);
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }

    #[test]
    fn no_client_at_all_is_said_with_what_to_do() {
        let found = findings(&[]).remove(0);
        assert_eq!(found.status, Status::Ok);
        assert!(found.text.starts_with("none in") && found.next.expect("is there").contains("elks-mcp install"));
    }
}
