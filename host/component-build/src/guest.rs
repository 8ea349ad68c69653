//! From a guest crate to a component, and from a component to an image that is compiled ahead of time.

use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use wasmtime::Engine;

/// The target that a guest is compiled for before it becomes a component.
const TARGET: &str = "wasm32-unknown-unknown";

/// The guest's stack: 64 KiB at the bottom of its memory. A small stack keeps together what a usual call touches, so
/// that less memory is overwritten between calls.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

/// What a component is built from.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    /// The crate.
    pub package: &'a str,
    /// The features of the crate.
    pub features: &'a [&'a str],
    /// The world that the component must fit. Its name is that of the component, too.
    pub world: &'a str,
}

/// The component that elks-mcp runs.
pub const ELKS_SMS: Guest<'static> = Guest { package: "elks-sms", features: &[], world: "elks-sms" };

/// The component for hosts that make a tool of each exported function. elks-mcp only writes it to a file.
pub const CONFIGURED: Guest<'static> =
    Guest { package: "elks-sms", features: &["configured"], world: "elks-sms-configured" };

/// Builds a guest crate of the workspace at `root` and makes it a component. It needs a target directory of its own,
/// because the outer cargo holds the lock of the usual one. Guests that share a directory compile the crates that both
/// need once.
///
/// # Errors
/// The target is missing, the crate does not build, or it needs something that its WIT does not offer.
pub fn build(root: &Path, guest: &Guest<'_>, target_dir: &Path) -> Result<Vec<u8>> {
    ensure_target()?;
    let package = guest.package;
    let folder = target_dir.join(TARGET).join("component");
    let module = Path::new(&package.replace('-', "_")).with_extension("wasm");
    // Whatever its features, a crate of this kind has one name for its module. cargo calls it fresh when it is there,
    // although other features may have made it. What is missing is made again; the dependencies stay.
    for written in [folder.join("deps").join(&module), folder.join(&module)] {
        if written.exists() {
            fs::remove_file(&written).with_context(|| format!("cannot remove {}", written.display()))?;
        }
    }
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--package", package, "--lib", "--locked", "--quiet"])
        .args(["--features", &guest.features.join(",")])
        .args(["--target", TARGET, "--profile", "component", "--target-dir"])
        .arg(target_dir)
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root)?.join("\u{1f}"))
        // clippy and coverage tools wrap rustc; the component must be the same bytes under them.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .status()
        .context("cannot start cargo to build the component")?;
    ensure!(
        status.success(),
        "{} did not build; `cargo build -p {package} --target {TARGET} --features \"{}\"` shows why",
        guest.world,
        guest.features.join(",")
    );
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&fs::read(folder.join(module))?)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("{} needs something that its WIT does not offer", guest.world))
}

/// The output of rustc.
fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new(env::var("RUSTC")?).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}

/// Flags for rustc beyond the profile. They keep paths of the building machine out of the component, so that it is the
/// same bytes wherever it is built: the checkout, the unpacked sources of each registry, and the sources of the
/// standard library, whose path names rustc's commit unless the toolchain contains them.
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

/// Compiles a component ahead of time, with the settings that `elks-sandbox` runs it with. The explicit target keeps
/// processor features of the building machine out of the image.
///
/// # Errors
/// The bytes are no component, or the target is not supported.
pub fn compile(component: &[u8]) -> Result<Vec<u8>> {
    let engine = Engine::new(elks_sandbox::engine::config().target(&env::var("TARGET")?)?)?;
    Ok(engine.precompile_component(component)?)
}

/// Adds the WebAssembly target to the toolchain when it is missing, as cargo-component and wasm-pack do.
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
