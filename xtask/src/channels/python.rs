//! The wheel: by pip, and by uvx. twine and check-wheel-contents, which PyPI's users know, must find nothing wrong.

use super::{Run, SIMULATE, ensure_version, session};
use crate::process::{exists, python_packages, root, run};
use anyhow::Result;
use std::process::Command;
use std::time::Instant;

/// Tries both.
pub(super) fn try_all(all: &mut Run) -> Result<()> {
    if !exists("python3") {
        all.skip("pip and uvx", "there is no Python 3");
        return Ok(());
    }
    let wheels = [all.package("elks_mcp-", "musllinux_1_1_x86_64.whl")?];
    let wheel = &wheels[0];
    let tools = python_packages(
        &all.work.with_file_name("channels-python"),
        &root().join("xtask/src/channels/requirements.txt"),
        &[],
    )?;
    run(Command::new(tools.join("twine")).args(["--no-color", "check", "--strict"]).arg(wheel))?;
    // W007: a wheel with a program has no library.
    run(Command::new(tools.join("check-wheel-contents")).args(["--ignore", "W007"]).arg(wheel))?;

    // The rules of the MCP Registry and its schema.
    run(Command::new(tools.join("skillsaw")).arg("lint").arg(all.registry_entry()?))?;

    let folder = all.folder("pip")?;
    run(all.command("python3", &folder).args(["-m", "venv", "venv"]))?;
    let begun = Instant::now();
    let mut pip = all.command(folder.join("venv/bin/pip"), &folder);
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links"]);
    run(pip.arg(&all.dist).arg("elks-mcp"))?;
    let installed = begun.elapsed();
    let program = folder.join("venv/bin/elks-mcp");
    ensure_version(&mut all.command(&program, &folder))?;
    let answered = session::play(all.command(&program, &folder).arg(SIMULATE))?;
    all.works("pip install", &wheels, installed + answered)?;

    let folder = all.folder("uvx")?;
    let mut uvx = all.command(tools.join("uvx"), &folder);
    uvx.args(["--offline", "--no-index", "--no-config", "--quiet", "--find-links"]).arg(&all.dist);
    let answered = session::play(uvx.args(["elks-mcp", SIMULATE]).env("UV_CACHE_DIR", folder.join("cache")))?;
    all.works("uvx", &wheels, answered)
}
