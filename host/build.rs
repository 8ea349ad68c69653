//! Embeds the component, compiled ahead of time, and derives from `wit/` what the program needs of the contract. Beside
//! it stands the component for hosts that make a tool of each exported function, as bytes alone: the program does not
//! run it. The first component is, in this order:
//!
//! 1. the file that `ELKS_COMPONENT` names, for reviewers and red teams;
//! 2. built from `guest/`, in a clone of the repository;
//! 3. the file that the published crate carries in `component/`, with its digest.
//!
//! The second one is the same without the first step. In each case the imports and exports are compared with `wit/`.
//! Files in `OUT_DIR`:
//!
//! - `elks-sms.wasm`, `elks-sms-configured.wasm`: the components, as other hosts load them
//! - `elks-sms.cwasm`: the first one, compiled for this target's baseline
//! - `elks-sms-configured.cwasm`: the second one in the same way, for the tests; empty in a release build
//! - `elks-sms.wit`: its imports and exports, read from its bytes
//! - `elks-sms.json`, `elks-sms-configured.json`: the functions that each imports and exports, by interface
//! - `tools.json`: the tool list, from `wit/`
//! - `imports.txt`: the functions that `wit/` lets a component import
//! - `contract.rs`: the records, from `wit/`

#![expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script in the environment")]

use anyhow::{Context, Result, ensure};
use elks_component_build::{
    CONFIGURED, Commit, Contract, ELKS_SMS, Guest, build, compile, describe, digest, records, report, tools,
    with_metadata,
};
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
    fs::write(out.join("imports.txt"), contract.import_list(ELKS_SMS.world)?)?;

    let given = env::var_os(COMPONENT_VARIABLE).filter(|file| !file.is_empty());
    let own = |guest| if is_clone { built(root, &out, &contract, guest) } else { packed(&host, &contract, guest) };
    let component = match &given {
        Some(file) => {
            let component = read_given(root, is_clone, Path::new(file))?;
            let named = || format!("{COMPONENT_VARIABLE}: {}", Path::new(file).display());
            contract.check(&component, ELKS_SMS.world).with_context(named)?;
            component
        }
        None => own(&ELKS_SMS)?,
    };
    let source = match &given {
        Some(_) => COMPONENT_VARIABLE,
        None if is_clone => "source",
        None => "package",
    };
    let description = described(&out, &ELKS_SMS, &component)?;
    fs::write(out.join("elks-sms.wit"), description)?;
    fs::write(out.join("elks-sms.cwasm"), compile(&component)?)?;
    let configured = own(&CONFIGURED)?;
    described(&out, &CONFIGURED, &configured)?;
    let image = if env::var("PROFILE")? == "release" { Vec::new() } else { compile(&configured)? };
    fs::write(out.join("elks-sms-configured.cwasm"), image)?;
    println!("cargo::rustc-env=ELKS_COMPONENT_SHA256={}", digest(&component));
    println!("cargo::rustc-env=ELKS_COMPONENT_SOURCE={source}");
    println!("cargo::rustc-env=CONFIGURED_SHA256={}", digest(&configured));
    println!("cargo::rustc-env=CONFIGURED_SOURCE={}", if is_clone { "source" } else { "package" });
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

/// Writes a component, and as JSON the functions that it imports and exports. Gives them as WIT.
fn described(out: &Path, guest: &Guest<'_>, component: &[u8]) -> Result<String> {
    let description = describe(component)?;
    fs::write(out.join(guest.world).with_extension("wasm"), component)?;
    fs::write(out.join(guest.world).with_extension("json"), serde_json::to_vec(&description.interfaces)?)?;
    Ok(description.wit)
}

/// A component of this repository, built from source.
fn built(root: &Path, out: &Path, contract: &Contract, guest: &Guest<'_>) -> Result<Vec<u8>> {
    for watched in ["guest", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let component = with_metadata(&build(root, guest, &out.join("guest"))?, contract, guest)?;
    contract.check(&component, guest.world).with_context(|| guest.world.to_string())?;
    Ok(component)
}

/// A component that the published crate carries.
fn packed(host: &Path, contract: &Contract, guest: &Guest<'_>) -> Result<Vec<u8>> {
    let file = host.join("component").join(guest.world).with_extension("wasm");
    let component = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let stated = fs::read_to_string(file.with_extension("wasm.sha256"))?;
    let stated = stated.split_whitespace().next().unwrap_or_default();
    let digest = digest(&component);
    ensure!(stated == digest, "{} has the SHA-256 {digest}, but {stated} is stated beside it", file.display());
    contract.check(&component, guest.world).with_context(|| guest.world.to_string())?;
    Ok(component)
}
