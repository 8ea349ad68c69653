//! The MCP clients on this machine whose configuration starts this program.

use super::finding::{Finding, Group};
use crate::clients::Entry;
use serde_json::json;
use std::path::PathBuf;

/// The word for programs.
const CHECK: &str = "entry";

/// What the clients will start.
pub(super) fn findings(entries: &[Entry]) -> Vec<Finding> {
    if entries.is_empty() {
        let none = Finding::ok(Group::Clients, CHECK, "none in the files of the clients that elks-mcp knows");
        return vec![none.next("`elks-mcp install CLIENT` adds one; `elks-mcp install --help` lists the clients.")];
    }
    entries.iter().map(finding).collect()
}

fn finding(entry: &Entry) -> Finding {
    let Entry { client, file, name, command, args, exists } = entry;
    let text = format!("{client} starts {command} (entry {name} of {})", file.display());
    let settings = settings_file(args);
    let found = match settings {
        _ if !exists => Finding::problem(Group::Clients, CHECK, format!("{text}, which is not there"))
            .next("Correct the path in that file, or run `elks-mcp install` for this client again."),
        Some(path) if !path.is_file() => {
            Finding::problem(Group::Clients, CHECK, format!("{text} with a settings file that is not there"))
                .next("Write the file that --settings names there, or run `elks-mcp install` for this client again.")
        }
        Some(path) => Finding::ok(Group::Clients, CHECK, text)
            .next(format!("Its settings are checked by `elks-mcp doctor --settings {}`.", path.display())),
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

/// The settings file that arguments name. Other arguments are not shown: a person may have put a secret there.
fn settings_file(args: &[String]) -> Option<PathBuf> {
    let next =
        args.iter().zip(args.iter().skip(1)).find(|(arg, _)| *arg == "--settings").map(|(_, path)| path.as_str());
    next.or_else(|| args.iter().find_map(|arg| arg.strip_prefix("--settings="))).map(PathBuf::from)
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
        let next = findings(&[entry(&["--settings", here], true)]).remove(0).next.expect("is there");
        assert!(next.contains(&format!("elks-mcp doctor --settings {here}")), "{next}");
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
