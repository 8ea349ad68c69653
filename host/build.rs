//! Embeds the component, compiled ahead of time, and derives from `wit/` what the program needs of the contract. The
//! component is, in this order:
//!
//! 1. the file that `ELKS_COMPONENT` names, for reviewers and red teams;
//! 2. built from `guest/`, in a clone of the repository;
//! 3. the file that the published crate carries in `component/`, with its digest.
//!
//! In each case its imports and exports are compared with `wit/`. Files in `OUT_DIR`:
//!
//! - `elks-sms.wasm`: the component, as other hosts load it
//! - `elks-sms.cwasm`: the same, compiled for this target's baseline
//! - `elks-sms.wit`: imports and exports, read from its bytes
//! - `interfaces.json`: their functions, by interface
//! - `tools.json`: the tool list, from `wit/`
//! - `imports.txt`: the functions that `wit/` lets a component import
//! - `contract.rs`: the records, from `wit/`

#![expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script in the environment")]

use anyhow::{Context, Result, ensure};
use elks_component_build::{Commit, Contract, build, compile, describe, digest, records, report, tools, with_metadata};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Names a component to embed instead of the one in this repository.
const COMPONENT_VARIABLE: &str = "ELKS_COMPONENT";

fn main() {
    report(run());
}

fn run() -> Result<()> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.parent().context("host/ has a parent")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={COMPONENT_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");

    let is_clone = root.join("guest/Cargo.toml").exists() && root.join("wit/elks.wit").exists();
    let wit = if is_clone { root.join("wit") } else { host.join("component/wit") };
    println!("cargo::rerun-if-changed={}", wit.display());
    let contract = Contract::read(&wit)?;
    fs::write(out.join("tools.json"), serde_json::to_vec(&tools(&contract)?)?)?;
    fs::write(out.join("contract.rs"), records(&contract)?)?;
    fs::write(out.join("imports.txt"), contract.import_list()?)?;

    let given = env::var_os(COMPONENT_VARIABLE).filter(|file| !file.is_empty());
    let (component, source) = match &given {
        Some(file) => (read_given(root, is_clone, Path::new(file))?, COMPONENT_VARIABLE),
        None if is_clone => (built(root, &out, &contract)?, "source"),
        None => (packed(&host)?, "package"),
    };
    let named = given.map(|file| format!("{COMPONENT_VARIABLE}: {}", Path::new(&file).display()));
    contract.check(&component).with_context(|| named.unwrap_or_else(|| "the component".into()))?;
    fs::write(out.join("elks-sms.wasm"), &component)?;
    let description = describe(&component)?;
    fs::write(out.join("elks-sms.wit"), description.wit)?;
    fs::write(out.join("interfaces.json"), serde_json::to_vec(&description.interfaces)?)?;
    fs::write(out.join("elks-sms.cwasm"), compile(&component)?)?;
    println!("cargo::rustc-env=ELKS_COMPONENT_SHA256={}", digest(&component));
    println!("cargo::rustc-env=ELKS_COMPONENT_SOURCE={source}");
    println!("cargo::rustc-env=BUILD_TARGET={}", env::var("TARGET")?);
    println!("cargo::rustc-env=BUILD_COMMIT={}", commit(&host, root)?);
    Ok(())
}

/// The commit that a release is built from. A debug build has none: it would be made anew after each commit.
fn commit(host: &Path, root: &Path) -> Result<String> {
    if env::var("PROFILE")? != "release" {
        return Ok(String::new());
    }
    let commit = Commit::of(host, root);
    for file in &commit.files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    Ok(commit.digits.unwrap_or_default())
}

/// The component that the builder names. In a clone, a relative path counts from the repository; elsewhere there is no
/// folder that it could count from.
fn read_given(root: &Path, is_clone: bool, file: &Path) -> Result<Vec<u8>> {
    ensure!(is_clone || file.is_absolute(), "{COMPONENT_VARIABLE}: give an absolute path, not {}", file.display());
    let path = root.join(file);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read(&path).with_context(|| format!("{COMPONENT_VARIABLE}: cannot read {}", path.display()))
}

/// The component of this repository, built from source.
fn built(root: &Path, out: &Path, contract: &Contract) -> Result<Vec<u8>> {
    for watched in ["guest", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    with_metadata(&build(root, "elks-sms", &out.join("guest"))?, contract)
}

/// The component that the published crate carries.
fn packed(host: &Path) -> Result<Vec<u8>> {
    let file = host.join("component/elks-sms.wasm");
    let component = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let stated = fs::read_to_string(host.join("component/elks-sms.wasm.sha256"))?;
    let stated = stated.split_whitespace().next().unwrap_or_default();
    let digest = digest(&component);
    ensure!(stated == digest, "{} has the SHA-256 {digest}, but {stated} is stated beside it", file.display());
    Ok(component)
}
