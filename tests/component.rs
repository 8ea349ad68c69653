//! The components as other hosts and reviewers get them: valid, self-describing, and with the imports and
//! exports that the documents promise.

use crate::support::program::Launch;
use crate::support::{read, root, scratch};
use elks_mcp::component::{COMPONENT, CONFIGURED};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Parser, Payload, Validator};
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{Resolve, Type, TypeDefKind, WorldId, WorldItem};

/// A component of the program, and where it is described.
struct Built {
    /// Its world in `wit/`, which is its name, too.
    world: &'static str,
    bytes: &'static [u8],
    /// Its key in the output of `capabilities --json`.
    key: &'static str,
    /// The file of its world.
    wit: &'static str,
    /// The heading of SECURITY.md below which its imports are listed.
    heading: &'static str,
}

/// The component that the program runs.
const ELKS_SMS: Built = Built {
    world: "elks-sms",
    bytes: COMPONENT,
    key: "component",
    wit: "wit/elks.wit",
    heading: "\n## What the component can reach\n",
};

/// The component that reads its account from wasi:config.
const ELKS_SMS_CONFIGURED: Built = Built {
    world: "elks-sms-configured",
    bytes: CONFIGURED,
    key: "configured",
    wit: "wit/configured.wit",
    heading: "\n### elks-sms-configured\n",
};

/// Functions by interface.
type Functions = BTreeMap<String, BTreeSet<String>>;

impl Built {
    /// The built component, taken apart again.
    fn decoded(&self) -> (Resolve, WorldId) {
        match wit_component::decode(self.bytes).expect("can be decoded") {
            DecodedWasm::Component(resolve, world) => (resolve, world),
            DecodedWasm::WitPackage(..) => panic!("it is no component"),
        }
    }

    /// A package of the built component, as a tool for WIT prints it.
    fn printed(&self, name: &str, with_docs: bool) -> String {
        let (resolve, _) = self.decoded();
        let (package, _) =
            resolve.packages.iter().find(|(_, it)| it.name.to_string().starts_with(name)).expect("is there");
        let mut printer = WitPrinter::default();
        printer.emit_docs(with_docs);
        printer.print(&resolve, package, &[]).expect("can be printed");
        printer.output.to_string()
    }

    /// Every function that it imports.
    fn imports(&self) -> Functions {
        let (resolve, world) = self.decoded();
        imports(&resolve, world)
    }

    /// The functions that SECURITY.md lists below a heading.
    fn listed(&self) -> Functions {
        let security = read("SECURITY.md");
        let (_, section) = security.split_once(self.heading).expect("SECURITY.md has the heading");
        let section = section.split("\n#").next().unwrap();
        let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(ToString::to_string).collect::<Vec<_>>();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        rows.map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            (quoted(cells[0])[0].clone(), quoted(cells[1]).into_iter().collect())
        })
        .collect()
    }

    /// The functions that `capabilities --json` states.
    fn stated(&self) -> Functions {
        let output: Value =
            serde_json::from_str(&Launch::with(&["capabilities", "--json"]).run().stdout.join("\n")).unwrap();
        serde_json::from_value(output[self.key]["imports"].clone()).expect("is a list by interface")
    }
}

/// Every function that a world imports, by interface.
fn imports(resolve: &Resolve, world: WorldId) -> Functions {
    let of = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => {
            let names = resolve.interfaces[*id].functions.keys().map(ToString::to_string);
            Some((resolve.id_of(*id).expect("has a name"), names.collect()))
        }
        WorldItem::Type { .. } => None,
        WorldItem::Function(function) => panic!("the world imports {}", function.name),
    };
    resolve.worlds[world].imports.values().filter_map(of).collect()
}

/// What a world of `wit/` imports.
fn imports_of_wit(world: &str) -> Functions {
    let mut wit = Resolve::default();
    let (package, _) = wit.push_dir(root().join("wit")).expect("is WIT");
    let world = wit.select_world(&[package], Some(world)).expect("is there");
    imports(&wit, world)
}

#[test]
fn its_imports_are_those_of_wit_and_of_security_md_function_by_function() {
    let real = ELKS_SMS.imports();
    assert_eq!(real.len(), 5);
    assert_eq!(imports_of_wit(ELKS_SMS.world), real, "wit/");
    assert_eq!(ELKS_SMS.listed(), real, "SECURITY.md");
    assert_eq!(ELKS_SMS.stated(), real, "capabilities --json");
}

#[test]
fn the_configured_one_imports_one_function_more_and_types() {
    let real = ELKS_SMS_CONFIGURED.imports();
    // Of its own package it imports types, and no function.
    let functions_of_own = |interface: &String| interface.starts_with("elks:sms/");
    let mut wit = imports_of_wit(ELKS_SMS_CONFIGURED.world);
    wit.iter_mut().filter(|(interface, _)| functions_of_own(interface)).for_each(|(_, functions)| functions.clear());
    assert_eq!(wit, real, "wit/");
    assert_eq!(ELKS_SMS_CONFIGURED.stated(), real, "capabilities --json");

    let mut expected = ELKS_SMS.imports();
    let more = ELKS_SMS_CONFIGURED.listed();
    assert_eq!(more.values().flatten().collect::<Vec<_>>(), ["get"], "SECURITY.md");
    expected.extend(more);
    assert_eq!(expected, real, "SECURITY.md");
}

#[test]
fn the_configured_one_exports_the_tools_and_no_account() {
    let (resolve, world) = ELKS_SMS_CONFIGURED.decoded();
    let exports: Vec<&str> = resolve.worlds[world]
        .exports
        .values()
        .map(|item| match item {
            WorldItem::Function(function) => function.name.as_str(),
            _ => panic!("only functions are exported"),
        })
        .collect();
    let (first, world) = ELKS_SMS.decoded();
    let interfaces = first.worlds[world].exports.values().map(|item| match item {
        WorldItem::Interface { id, .. } => &first.interfaces[*id],
        _ => panic!("only interfaces are exported"),
    });
    let tools: Vec<&str> = interfaces.flat_map(|interface| interface.functions.keys().map(String::as_str)).collect();
    assert_eq!(exports, tools);
    let types = ["root:component", "elks:sms"].map(|package| ELKS_SMS_CONFIGURED.printed(package, false)).concat();
    for word in ["(account: ", "record account {", "credentials", "password"] {
        assert!(!types.contains(word), "{word}");
    }
}

#[test]
fn each_function_of_the_configured_one_has_the_texts_of_its_tool_and_of_its_fields() {
    let (resolve, world) = ELKS_SMS_CONFIGURED.decoded();
    let mut wit = Resolve::default();
    let (package, _) = wit.push_dir(root().join("wit")).expect("is WIT");
    let interfaces = &wit.packages[package].interfaces;
    let mut found = 0;
    for interface in ["sending", "queries"] {
        for (name, tool) in &wit.interfaces[interfaces[interface]].functions {
            let exported = resolve.worlds[world].exports.values().find_map(|item| match item {
                WorldItem::Function(function) if function.name == *name => Some(function),
                _ => None,
            });
            let shown = exported.expect(name).docs.contents.as_deref().expect(name);
            assert!(shown.starts_with(tool.docs.contents.as_deref().expect(name)), "{name}: {shown}");
            let request = tool.params.iter().find(|param| param.name == "request").map(|param| param.ty);
            let Some(Type::Id(id)) = request else { panic!("{name} takes no request") };
            let TypeDefKind::Record(request) = &wit.types[id].kind else { panic!("{name} takes no record") };
            for field in &request.fields {
                let text = field.docs.contents.as_deref().expect(name).lines().next().unwrap();
                assert!(shown.contains(&format!("\n- `{}`: {text}", field.name)), "{name}: {shown}");
            }
            found += 1;
        }
    }
    assert_eq!(found, 6);
}

#[test]
fn each_is_valid_and_carries_its_name_version_licence_and_source() {
    for component in [ELKS_SMS, ELKS_SMS_CONFIGURED] {
        Validator::new().validate_all(component.bytes).expect("is valid");
        let mut sections = BTreeMap::new();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component.bytes) {
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
        assert!(String::from_utf8_lossy(sections["component-name"]).contains(component.world));
    }
}

#[test]
fn each_prints_with_every_comment_of_wit_about_what_is_in_it() {
    // Worlds that are in neither component.
    let of_other_worlds = "What the component offers, without what it needs.";
    // The account is in the first one alone, and so is its world.
    let elks = read("wit/elks.wit");
    let (account, rest) = elks.split_once("  /// The direction of a message").expect("the account stands before it");
    let (interfaces, _) = rest.split_once("/// What the component offers").expect("the worlds stand after it");
    let configured = read("wit/configured.wit") + interfaces;
    for (component, wit, least) in [(ELKS_SMS, &elks, 100), (ELKS_SMS_CONFIGURED, &configured, 100)] {
        let printed = component.printed("root:component", true);
        let printed: String = printed.lines().map(|line| format!("{}\n", bare(line))).collect();
        let comments: Vec<&str> = wit.lines().filter(|line| line.trim().starts_with("///")).map(bare).collect();
        assert!(comments.len() > least);
        for comment in comments.into_iter().filter(|comment| *comment != of_other_worlds) {
            assert!(printed.contains(comment), "{}: {comment:?} is missing", component.world);
        }
    }
    let printed = ELKS_SMS_CONFIGURED.printed("root:component", true);
    let of_account = account.split_once("record account {").expect("has it").1.lines();
    // A short line may stand elsewhere, too.
    let of_account: Vec<&str> =
        of_account.filter(|line| line.trim().starts_with("///")).map(bare).filter(|line| line.len() > 40).collect();
    assert!(of_account.len() > 5);
    for comment in of_account {
        assert!(!printed.contains(comment), "{comment:?} is about the account, which it does not have");
    }
}

/// A line without what makes it a comment.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches("///").trim()
}

#[test]
fn no_exported_type_changes_without_a_new_version() {
    let exports = ELKS_SMS.printed("elks:sms", false);
    let configured =
        ELKS_SMS_CONFIGURED.printed("root:component", false) + &ELKS_SMS_CONFIGURED.printed("elks:sms", false);
    let (_, version) = exports.lines().next().and_then(|line| line.split_once('@')).expect("has a version");
    let version = version.trim_end_matches(';');
    for (component, exports, file) in [
        (ELKS_SMS, &exports, format!("{version}.wit")),
        (ELKS_SMS_CONFIGURED, &configured, format!("{version}-configured.wit")),
    ] {
        let reviewed = std::fs::read_to_string(root().join("tests/contract").join(&file)).unwrap_or_default();
        let now = scratch().join(&file);
        std::fs::write(&now, exports).unwrap();
        assert!(
            *exports == reviewed,
            "what {} of elks:sms@{version} exports has changed, and other hosts depend on it: give the package in {} a \
             new version, and put {} beside the older ones in tests/contract/",
            component.world,
            component.wit,
            now.display()
        );
    }
}

/// How large a component may be, in bytes. docs/performance.md states it. A sixth of it are lists: top-level domains,
/// names that are impersonated, placeholders, the joining types of letters.
const MAX_COMPONENT_BYTES: usize = 350_000;

#[test]
fn each_stays_small() {
    for component in [ELKS_SMS, ELKS_SMS_CONFIGURED] {
        let bytes = component.bytes.len();
        assert!(bytes < MAX_COMPONENT_BYTES, "{}: {bytes} bytes", component.world);
    }
    let stated = format!("under {} KB", MAX_COMPONENT_BYTES / 1000);
    assert!(read("docs/performance.md").contains(&stated), "docs/performance.md must say: {stated}");
}

#[test]
fn each_holds_no_path_of_the_machine_that_built_it() {
    for component in [ELKS_SMS, ELKS_SMS_CONFIGURED] {
        let text = String::from_utf8_lossy(component.bytes);
        for path in [root().to_str().unwrap(), ".cargo", "registry/src", ".rustup", "/home/", "/Users/"] {
            assert!(!text.contains(path), "{}: {path}", component.world);
        }
    }
}
