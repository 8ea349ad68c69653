//! Builds the component, compiles it ahead of time, and derives from `wit/` what MCP clients are
//! told. Four files land in `OUT_DIR`:
//!
//! - `elks-sms.wasm`: the component, as other hosts load it
//! - `elks-sms.cwasm`: the same, compiled for this target's baseline
//! - `elks-sms.wit`: imports and exports as the finished component has them
//! - `tools.json`: the tool list, from `wit/`

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script everything by the environment")]

use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasmtime::Engine;

#[path = "src/engine.rs"]
mod engine;
#[path = "build/tools.rs"]
mod tools;

/// What the component is compiled to before it is made a component.
const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<()> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.parent().context("host/ has a parent")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in ["wit", "guest", "Cargo.lock", "Cargo.toml", "host/build.rs", "host/build", "host/src/engine.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let tools = tools::list(&root.join("wit"))?;
    fs::write(out.join("tools.json"), serde_json::to_vec(&tools)?)?;

    let core = build_guest(root, &out.join("guest"))?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&fs::read(&core)?)
        .and_then(|mut encoder| encoder.encode())
        .context("the guest needs something that wit/ does not offer, so it is no elks-sms component")?;
    fs::write(out.join("elks-sms.wasm"), &component)?;
    fs::write(out.join("elks-sms.wit"), printed(&component)?)?;

    // An explicit target keeps the build machine's own processor features out of the image.
    let engine = Engine::new(engine::config().target(&env::var("TARGET")?)?)?;
    fs::write(out.join("elks-sms.cwasm"), engine.precompile_component(&component)?)?;
    Ok(())
}

/// Builds `guest/` in a target directory of its own (the outer cargo holds the lock of the usual
/// one) and gives the path of the core module.
fn build_guest(root: &Path, target_dir: &Path) -> Result<PathBuf> {
    ensure_target()?;
    let cargo_home =
        env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", env::var("HOME").unwrap_or_default()));
    // No path of the building machine lands in the component.
    let flags =
        [format!("--remap-path-prefix={}=.", root.display()), format!("--remap-path-prefix={cargo_home}=cargo")];
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--package", "elks-sms", "--lib", "--locked", "--quiet"])
        .args(["--target", TARGET, "--profile", "component", "--target-dir"])
        .arg(target_dir)
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        // The component is the same whichever tool (clippy, a coverage run) builds the host.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .status()
        .context("cannot start cargo to build the component")?;
    ensure!(status.success(), "the component did not build; `cargo build -p elks-sms --target {TARGET}` shows why");
    Ok(target_dir.join(TARGET).join("component").join("elks_sms.wasm"))
}

/// Adds the WebAssembly target to the toolchain when it is missing, as cargo-component and
/// wasm-pack do.
fn ensure_target() -> Result<()> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let installed = || {
        let output = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
        output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    if installed() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    if let Ok(toolchain) = env::var("RUSTUP_TOOLCHAIN") {
        rustup.args(["--toolchain", &toolchain]);
    }
    let added = rustup.output();
    if added.as_ref().is_ok_and(|output| output.status.success()) && installed() {
        return Ok(());
    }
    let why = match added {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_string(),
        Err(error) => format!("rustup: {error}"),
    };
    bail!(
        "the Rust target {TARGET} is missing and could not be added. Run `rustup target add {TARGET}` and build again.\n{why}"
    );
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
