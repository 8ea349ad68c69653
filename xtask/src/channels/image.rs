//! The container image, and the components as artefacts of a registry.
//!
//! podman loads and starts the image, locked down as docs/install/containers.md has it. skopeo must read the artefacts.

use super::{Run, SIMULATE, ensure_version, session};
use crate::component;
use crate::dist::VERSION;
use crate::process::{exists, output, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// What podman needs on a machine without systemd, and without overlays.
const PODMAN: [&str; 6] = ["--storage-driver", "vfs", "--runtime", "runc", "--cgroup-manager", "cgroupfs"];

/// How a container is locked down. Some machines refuse higher limits than their own.
const LOCKED: [&str; 14] = [
    "run",
    "-i",
    "--rm",
    "-e",
    "DRY_RUN",
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=1024:1024",
    "--network=none",
    "--read-only",
    "--cap-drop=all",
    "--security-opt",
    "no-new-privileges",
];

/// More certificates than this are those of Mozilla; a single one of a proxy would be fewer.
const MIN_CERTIFICATES: u64 = 100;

/// How podman ends when it fails itself, and not what it started.
const FAULT_OF_PODMAN: i32 = 125;

/// Tries the image, and the component beside it.
pub(super) fn try_it(all: &mut Run) -> Result<()> {
    artefacts(all)?;
    let folder = all.folder("image")?;
    let podman = |words: &[&str]| {
        let mut podman = Command::new("podman");
        podman
            .args(PODMAN)
            .arg("--root")
            .arg(folder.join("storage"))
            .arg("--runroot")
            .arg(folder.join("run"))
            .args(words);
        podman
    };
    if !exists("podman") || !exists("runc") {
        all.skip("container image", "there is no podman with runc");
        return Ok(());
    }
    let archive = all.package("elks-mcp-", "-image.tar")?;
    let name = format!("localhost/elks-mcp:{VERSION}");
    let begun = Instant::now();
    let pulled = output(podman(&["pull", "--quiet"]).arg(format!("oci-archive:{}", archive.display())))?;
    run(&mut podman(&["tag", pulled.trim(), &name]))?;
    let installed = begun.elapsed();
    let started = |words: &[&str]| {
        let mut started = podman(&LOCKED);
        started.arg(&name).args(words);
        started
    };
    // Some machines refuse containers inside of containers, whatever the image. Then the fault is podman's own.
    let first = started(&["--version"]).output()?;
    if first.status.code() == Some(FAULT_OF_PODMAN) {
        let why = String::from_utf8_lossy(&first.stderr).lines().last().unwrap_or_default().to_string();
        all.skip("container image", &format!("podman cannot start containers here ({why})"));
        return Ok(());
    }
    ensure_version(&mut started(&[]))?;
    let answered = session::play(&mut started(&[SIMULATE]))?;
    all.works("container image", &[archive], installed + answered)?;
    let user = output(&mut podman(&["image", "inspect", "--format", "{{.User}}", &name]))?;
    ensure!(user.trim() == "65532:65532", "the image runs as {user}");
    let doctor = podman(&LOCKED).args([&name, "doctor", "--offline", "--json"]).output()?;
    let doctor: Value = serde_json::from_slice(&doctor.stdout)?;
    let findings = doctor["findings"].as_array().into_iter().flatten();
    let found = findings.into_iter().find(|it| it["group"] == "connection" && it["check"] == "certificates");
    let found = found.context("doctor has no finding about certificates")?;
    let number = found["facts"]["number"].as_u64().unwrap_or_default();
    ensure!(found["status"] == "ok" && number > MIN_CERTIFICATES, "the image's certificates are not found: {found}");
    Ok(())
}

/// The artefacts of the components: the layer of each is the component, byte for byte.
fn artefacts(all: &mut Run) -> Result<()> {
    if !exists("skopeo") {
        all.skip("the components as OCI artefacts", "there is no skopeo");
        return Ok(());
    }
    for here in component::Component::all_of(&crate::process::debug_program())? {
        let name = here.kind.name;
        let archive = all.package(&format!("{name}-{VERSION}"), "-oci.tar")?;
        let copied = all.folder(&format!("artefact-{name}"))?.join("copied");
        run(Command::new("skopeo")
            .args(["copy", "--quiet"])
            .arg(format!("oci-archive:{}", archive.display()))
            .arg(format!("dir:{}", copied.display())))?;
        let manifest: Value = serde_json::from_slice(&fs::read(copied.join("manifest.json"))?)?;
        let digest = manifest["layers"][0]["digest"].as_str().unwrap_or_default().trim_start_matches("sha256:");
        ensure!(digest == here.sha256, "the artefact has the component {digest}, the checkout {}", here.sha256);
        println!("-- {name} as an OCI artefact: its layer is the component");
    }
    Ok(())
}
