//! Builds the attacking component and the small ones beside it, and compiles them as the program's own is compiled.

#![expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script in the environment")]

use anyhow::{Context, Result};
use elks_component_build::{Contract, ELKS_SMS, Guest, build, compile, report};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Functions that no elks-sms component may import, in the text form of a component's import.
const FORBIDDEN: [(&str, &str, &str); 7] = [
    // A function of an interface that the component does import, but not this one of it.
    (
        "timeouts",
        "wasi:http/types@0.2.0",
        r#"(export "request-options" (type $r (sub resource)))
           (export "[constructor]request-options" (func (result (own $r))))"#,
    ),
    ("environment", "wasi:cli/environment@0.2.0", r#"(export "get-arguments" (func (result (list string))))"#),
    ("filesystem", "wasi:filesystem/preopens@0.2.0", r#"(export "descriptor-count" (func (result u32)))"#),
    ("sockets", "wasi:sockets/instance-network@0.2.0", r#"(export "connect" (func (result u32)))"#),
    ("clocks", "wasi:clocks/monotonic-clock@0.2.0", r#"(export "now" (func (result u64)))"#),
    ("random", "wasi:random/random@0.2.0", r#"(export "get-random-u64" (func (result u64)))"#),
    ("anything", "elks:other/thing@0.1.0", r#"(export "do" (func))"#),
];

/// A component that grows its table by a million elements, and returns the old size or -1.
const GROWER: &str = r#"
(component
  (core module $m
    (table 1 funcref)
    (func (export "grow") (result i32) (table.grow 0 (ref.null func) (i32.const 1000000))))
  (core instance $i (instantiate $m))
  (func (export "grow") (result s32) (canon lift (core func $i "grow"))))
"#;

fn main() {
    report(run());
}

fn run() -> Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.ancestors().nth(2).context("tests/hostile is in the repository")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in ["wit", "tests/hostile", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let contract = Contract::read(&root.join("wit"))?;
    fs::write(out.join("imports.txt"), contract.import_list(ELKS_SMS.world)?)?;
    let hostile = build(root, &Guest { package: "hostile-guest", ..ELKS_SMS }, &out.join("guest"))?;
    fs::write(out.join("hostile.cwasm"), compile(&hostile)?)?;
    fs::write(out.join("grower.cwasm"), compile(&wat::parse_str(GROWER)?)?)?;

    let mut list = String::from("[\n");
    for (name, import, function) in FORBIDDEN {
        let text = format!("(component (import \"{import}\" (instance {function})))");
        let path = out.join(name).with_extension("cwasm");
        let component = wat::parse_str(text)?;
        fs::write(&path, compile(&component)?)?;
        writeln!(list, "({import:?}, include_bytes!({path:?}) as &[u8], {:?}),", refusal(&contract, &component))?;
    }
    list.push(']');
    fs::write(out.join("forbidden.rs"), list)?;
    let refusals = [
        refusal(&contract, &hostile),
        refusal(&contract, &wat::parse_str("(component)")?),
        refusal(&contract, &wat::parse_str("(module)")?),
    ];
    fs::write(out.join("refusals.rs"), format!("{refusals:?}"))?;
    Ok(())
}

/// Why a build with `ELKS_COMPONENT` refuses a component; empty when it does not.
fn refusal(contract: &Contract, component: &[u8]) -> String {
    contract.check(component, ELKS_SMS.world).err().map(|error| format!("{error:#}")).unwrap_or_default()
}
