//! From a guest crate to a component, and from a component to an image compiled ahead of time. The
//! build scripts of the program and of its tests share it.

use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use wasmtime::Engine;

#[path = "../src/engine.rs"]
mod engine;

/// What a guest is compiled to before it is made a component.
const TARGET: &str = "wasm32-unknown-unknown";

/// Tells what went wrong as one error of cargo's, without the backtrace that a panic would add.
pub(crate) fn tell(built: Result<()>) {
    if let Err(error) = built {
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}

/// Builds a guest crate and makes it a component. It gets a target directory of its own: the outer
/// cargo holds the lock of the usual one.
pub(crate) fn build(root: &Path, package: &str, target_dir: &Path) -> Result<Vec<u8>> {
    ensure_target()?;
    let cargo_home =
        env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", env::var("HOME").unwrap_or_default()));
    // No path of the building machine lands in the component.
    let flags =
        [format!("--remap-path-prefix={}=.", root.display()), format!("--remap-path-prefix={cargo_home}=cargo")];
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--package", package, "--lib", "--locked", "--quiet"])
        .args(["--target", TARGET, "--profile", "component", "--target-dir"])
        .arg(target_dir)
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        // The component is the same whichever tool (clippy, a coverage run) builds the host.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .status()
        .context("cannot start cargo to build the component")?;
    ensure!(status.success(), "the component did not build; `cargo build -p {package} --target {TARGET}` shows why");
    let core = target_dir.join(TARGET).join("component").join(package.replace('-', "_")).with_extension("wasm");
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&fs::read(&core)?)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("{package} needs something that its WIT does not offer"))
}

/// Compiles a component ahead of time, for the settings that the program runs it with. An explicit
/// target keeps the build machine's own processor features out of the image.
pub(crate) fn compile(component: &[u8]) -> Result<Vec<u8>> {
    let engine = Engine::new(engine::config().target(&env::var("TARGET")?)?)?;
    Ok(engine.precompile_component(component)?)
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
        "the Rust target {TARGET} is missing and could not be added. Run `rustup target add {TARGET}` and build again. ({why})"
    );
}
