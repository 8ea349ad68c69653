//! The component as other hosts and reviewers get it: valid, self-describing, and with the imports and
//! exports that the documents promise.

use crate::support::program::Launch;
use crate::support::{read, root, scratch};
use elks_mcp::component::COMPONENT;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Parser, Payload, Validator};
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{Resolve, WorldId, WorldItem};

/// The built component, taken apart again.
fn decoded() -> (Resolve, WorldId) {
    match wit_component::decode(COMPONENT).expect("can be decoded") {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => panic!("it is no component"),
    }
}

/// A package of the built component, as a tool for WIT prints it.
fn printed(name: &str, with_docs: bool) -> String {
    let (resolve, _) = decoded();
    let (package, _) = resolve.packages.iter().find(|(_, it)| it.name.to_string().starts_with(name)).expect("is there");
    let mut printer = WitPrinter::default();
    printer.emit_docs(with_docs);
    printer.print(&resolve, package, &[]).expect("can be printed");
    printer.output.to_string()
}

/// Every function that a world imports, by interface.
fn imports(resolve: &Resolve, world: WorldId) -> BTreeMap<String, BTreeSet<String>> {
    let of = |item: &WorldItem| {
        let WorldItem::Interface { id, .. } = item else { panic!("only interfaces are imported") };
        let names = resolve.interfaces[*id].functions.keys().map(ToString::to_string);
        (resolve.id_of(*id).expect("has a name"), names.collect())
    };
    resolve.worlds[world].imports.values().map(of).collect()
}

#[test]
fn its_imports_are_those_of_wit_and_of_security_md_function_by_function() {
    let (resolve, world) = decoded();
    let real = imports(&resolve, world);
    assert_eq!(real.len(), 5);

    let mut wit = Resolve::default();
    let (package, _) = wit.push_dir(root().join("wit")).expect("is WIT");
    let world = wit.select_world(&[package], Some("elks-sms")).expect("is there");
    assert_eq!(imports(&wit, world), real, "wit/");

    let security = read("SECURITY.md");
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(ToString::to_string).collect::<Vec<_>>();
    let listed: BTreeMap<String, BTreeSet<String>> = security
        .lines()
        .filter(|line| line.starts_with("| `wasi:"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            (quoted(cells[0])[0].clone(), quoted(cells[1]).into_iter().collect())
        })
        .collect();
    assert_eq!(listed, real, "SECURITY.md");

    let output: Value =
        serde_json::from_str(&Launch::with(&["capabilities", "--json"]).run().stdout.join("\n")).unwrap();
    let printed: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_value(output["component"]["imports"].clone()).expect("is a list by interface");
    assert_eq!(printed, real, "capabilities --json");
}

#[test]
fn it_is_valid_and_carries_its_name_version_licence_and_source() {
    Validator::new().validate_all(COMPONENT).expect("is valid");
    let mut sections = BTreeMap::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(COMPONENT) {
        match payload.expect("is well formed") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 0 => {
                sections.insert(section.name(), section.data());
            }
            _ => {}
        }
    }
    let text = |name: &str| std::str::from_utf8(sections[name]).expect("is text");
    assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(text("source"), env!("CARGO_PKG_REPOSITORY"));
    assert!(text("description").contains("46elks"));
    assert!(String::from_utf8_lossy(sections["component-name"]).contains("elks-sms"));
}

#[test]
fn it_prints_with_every_comment_of_wit() {
    let printed: String = printed("root:component", true).lines().map(|line| format!("{}\n", bare(line))).collect();
    let wit = read("wit/elks.wit");
    // The world of the exports alone is not in the component.
    let left_out = "What the component offers, without what it needs.";
    let comments: Vec<&str> = wit.lines().filter(|line| line.trim().starts_with("///")).map(bare).collect();
    assert!(comments.len() > 100);
    for comment in comments.into_iter().filter(|comment| *comment != left_out) {
        assert!(printed.contains(comment), "{comment:?} is missing");
    }
}

/// A line without what makes it a comment.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches("///").trim()
}

#[test]
fn no_exported_type_changes_without_a_new_version() {
    let exports = printed("elks:sms", false);
    let (_, version) = exports.lines().next().and_then(|line| line.split_once('@')).expect("has a version");
    let version = version.trim_end_matches(';');
    let reviewed = std::fs::read_to_string(root().join(format!("tests/contract/{version}.wit"))).unwrap_or_default();
    let now = scratch().join(format!("{version}.wit"));
    std::fs::write(&now, &exports).unwrap();
    assert!(
        exports == reviewed,
        "what elks:sms@{version} exports has changed, and other hosts depend on it: give the package in wit/elks.wit \
         a new version, and put {} beside the older ones in tests/contract/",
        now.display()
    );
}

/// How large the component may be, in bytes. docs/performance.md states it. A sixth of it are lists: top-level domains,
/// names that are impersonated, placeholders, the joining types of letters.
const MAX_COMPONENT_BYTES: usize = 350_000;

#[test]
fn it_stays_small() {
    let bytes = COMPONENT.len();
    assert!(bytes < MAX_COMPONENT_BYTES, "{bytes} bytes");
    let stated = format!("under {} KB", MAX_COMPONENT_BYTES / 1000);
    assert!(read("docs/performance.md").contains(&stated), "docs/performance.md must say: {stated}");
}

#[test]
fn it_holds_no_path_of_the_machine_that_built_it() {
    let text = String::from_utf8_lossy(COMPONENT);
    for path in [root().to_str().unwrap(), ".cargo", "registry/src", ".rustup", "/home/", "/Users/"] {
        assert!(!text.contains(path), "{path}");
    }
}
