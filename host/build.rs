//! Builds the component, compiles it ahead of time, and derives from `wit/` what MCP clients are
//! told. Six files land in `OUT_DIR`:
//!
//! - `elks-sms.wasm`: the component, as other hosts load it
//! - `elks-sms.cwasm`: the same, compiled for this target's baseline
//! - `elks-sms.wit`: imports and exports as the finished component has them
//! - `interfaces.json`: their functions, by interface
//! - `tools.json`: the tool list, from `wit/`
//! - `imports.txt`: the functions that `wit/` lets a component import

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script everything by the environment")]

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::env;
use std::fs;
use std::path::PathBuf;
use wit_component::DecodedWasm;
use wit_parser::{IndexMap, Resolve, WorldItem, WorldKey};

#[path = "build/about.rs"]
mod about;
#[path = "build/component.rs"]
mod component;
#[path = "build/tools.rs"]
mod tools;

fn main() {
    component::tell(build());
}

fn build() -> Result<()> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.parent().context("host/ has a parent")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in ["wit", "guest", "Cargo.lock", "Cargo.toml", "host/build.rs", "host/build", "host/src/engine.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let mut contract = Resolve::default();
    let (package, _) = contract.push_dir(root.join("wit"))?;
    let tools = tools::list(&contract, package)?;
    fs::write(out.join("tools.json"), serde_json::to_vec(&tools)?)?;
    fs::write(out.join("imports.txt"), tools::imports(&contract, package)?.join("\n"))?;

    let component = component::build(root, "elks-sms", &out.join("guest"))?;
    let component = about::add(&component, &contract, package)?;
    fs::write(out.join("elks-sms.wasm"), &component)?;
    let decoded = wit_component::decode(&component)?;
    fs::write(out.join("elks-sms.wit"), printed(&decoded)?)?;
    fs::write(out.join("interfaces.json"), serde_json::to_vec(&interfaces(&decoded)?)?)?;
    fs::write(out.join("elks-sms.cwasm"), component::compile(&component)?)?;
    Ok(())
}

/// Imports and exports of the finished component, as WIT.
fn printed(decoded: &DecodedWasm) -> Result<String> {
    let mut printer = wit_component::WitPrinter::default();
    printer.emit_docs(false);
    let others: Vec<_> =
        decoded.resolve().packages.iter().map(|(id, _)| id).filter(|id| *id != decoded.package()).collect();
    printer.print(decoded.resolve(), decoded.package(), &others)?;
    Ok(printer.output.to_string())
}

/// The functions that the finished component imports and exports, by interface.
fn interfaces(decoded: &DecodedWasm) -> Result<Value> {
    let DecodedWasm::Component(resolve, world) = decoded else { bail!("this is no component") };
    let functions = |items: &IndexMap<WorldKey, WorldItem>| {
        let mut found = Map::new();
        for (key, item) in items {
            let WorldItem::Interface { id, .. } = item else { bail!("the component's items are interfaces") };
            let names = resolve.interfaces[*id].functions.keys().map(|name| json!(name)).collect();
            found.insert(resolve.name_world_key(key), Value::Array(names));
        }
        Ok(found)
    };
    let world = &resolve.worlds[*world];
    Ok(json!({"imports": functions(&world.imports)?, "exports": functions(&world.exports)?}))
}
