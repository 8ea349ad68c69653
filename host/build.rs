//! Builds the component, compiles it ahead of time, and derives from `wit/` what MCP clients are
//! told. Five files land in `OUT_DIR`:
//!
//! - `elks-sms.wasm`: the component, as other hosts load it
//! - `elks-sms.cwasm`: the same, compiled for this target's baseline
//! - `elks-sms.wit`: imports and exports as the finished component has them
//! - `tools.json`: the tool list, from `wit/`
//! - `imports.txt`: the functions that `wit/` lets a component import

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script everything by the environment")]

use anyhow::{Context, Result};
use std::env;
use std::fs;
use std::path::PathBuf;

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

    let tools = tools::list(&root.join("wit"))?;
    fs::write(out.join("tools.json"), serde_json::to_vec(&tools)?)?;
    fs::write(out.join("imports.txt"), tools::imports(&root.join("wit"))?.join("\n"))?;

    let component = component::build(root, "elks-sms", &out.join("guest"))?;
    fs::write(out.join("elks-sms.wasm"), &component)?;
    fs::write(out.join("elks-sms.wit"), printed(&component)?)?;
    fs::write(out.join("elks-sms.cwasm"), component::compile(&component)?)?;
    Ok(())
}

/// Imports and exports of the finished component, as WIT.
fn printed(component: &[u8]) -> Result<String> {
    let decoded = wit_component::decode(component)?;
    let mut printer = wit_component::WitPrinter::default();
    printer.emit_docs(false);
    let others: Vec<_> =
        decoded.resolve().packages.iter().map(|(id, _)| id).filter(|id| *id != decoded.package()).collect();
    printer.print(decoded.resolve(), decoded.package(), &others)?;
    Ok(printer.output.to_string())
}
