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

/// A guest's stack, which lies at the bottom of its memory, in bytes. Small, so that all of what a usual
/// call touches lies together and is quickly made fresh for the next one.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

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
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--package", package, "--lib", "--locked", "--quiet"])
        .args(["--target", TARGET, "--profile", "component", "--target-dir"])
        .arg(target_dir)
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root)?.join("\u{1f}"))
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

/// What rustc says.
fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new(env::var("RUSTC")?).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}

/// What rustc is told beyond the profile. It keeps the paths of the building machine out of the
/// component, so that it is the same bytes wherever it is built: the checkout, the unpacked sources
/// of each registry or mirror, and those of the standard library, which rustc names after itself
/// unless the toolchain has them.
fn flags(root: &Path) -> Result<Vec<String>> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    let cargo_home = env::var_os("CARGO_HOME").map(Into::into).or_else(home).context("there is no CARGO_HOME")?;
    let mut remaps = vec![(root.to_path_buf(), ".".to_string())];
    for registry in fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten() {
        remaps.push((registry?.path(), "crates".into()));
    }
    let sources = Path::new(&rustc(&["--print", "sysroot"])?).join("lib/rustlib/src/rust");
    let version = rustc(&["-vV"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    remaps.push((sources, format!("/rustc/{commit}")));
    let remaps = remaps.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    Ok(std::iter::once(STACK.into()).chain(remaps).collect())
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
    let installed = || {
        let folder = rustc(&["--print", "target-libdir", "--target", TARGET]);
        folder.is_ok_and(|folder| Path::new(&folder).is_dir())
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
