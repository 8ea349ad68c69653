//! The bundle for Claude Desktop (mcpb).
//!
//! The official library checks it, unpacks it, and fills in the fields as Claude Desktop does. The program is then
//! started with exactly what the library gives.

use super::{Run, SIMULATE, session};
use crate::process::{exists, output, root, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Tries the bundle for Linux.
pub(super) fn try_it(all: &mut Run) -> Result<()> {
    if !exists("npm") {
        all.skip("bundle for Claude Desktop", "there is no npm");
        return Ok(());
    }
    let bundle = all.package("elks-mcp-", "-linux.mcpb")?;
    let folder = all.folder("bundle")?;
    let scripts = root().join("tests/interop/bundle");
    for name in ["package.json", "filled_in.mjs"] {
        fs::copy(scripts.join(name), folder.join(name))?;
    }
    let mut install = Command::new("npm");
    install.args(["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(install.current_dir(&folder))?;
    let library = folder.join("node_modules/.bin/mcpb");

    let begun = Instant::now();
    let unpacked = folder.join("unpacked");
    output(all.command(&library, &folder).arg("unpack").arg(&bundle).arg(&unpacked))?;
    output(all.command(&library, &folder).arg("validate").arg(unpacked.join("manifest.json")))?;
    let installed = begun.elapsed();
    let filled = output(all.command("node", &folder).arg("filled_in.mjs").arg(&unpacked))?;
    let filled: Value = serde_json::from_str(&filled)?;
    let answered = session::play(started(all, &filled, &unpacked)?.arg(SIMULATE))?;
    all.works("bundle for Claude Desktop", &[bundle], installed + answered)?;

    // Without the simulator, the fields are read: what a person left blank must be valid, and must be the default.
    let policy = output(started(all, &filled, &unpacked)?.arg("policy"))?;
    let mut plain = all.command(filled["command"].as_str().unwrap_or_default(), &unpacked);
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER"] {
        plain.env(name, filled["env"][name].as_str().unwrap_or_default());
    }
    // The last column is the source of the value, which differs.
    let values = |policy: &str| -> Vec<String> {
        policy.lines().filter_map(|line| Some(line.rsplit_once("  ")?.0.trim_end().to_string())).collect()
    };
    let defaults = output(plain.arg("policy"))?;
    ensure!(
        !values(&policy).is_empty() && values(&policy) == values(&defaults),
        "the bundle's defaults are not the program's:\n{policy}\n{defaults}"
    );
    println!("   the defaults of its fields are the program's");
    Ok(())
}

/// The command that the library gives.
fn started(all: &Run, filled: &Value, folder: &Path) -> Result<Command> {
    let mut command = all.command(filled["command"].as_str().context("the library gives a command")?, folder);
    for argument in filled["args"].as_array().context("the library gives arguments")? {
        command.arg(argument.as_str().context("an argument is a text")?);
    }
    for (name, value) in filled["env"].as_object().context("the library gives variables")? {
        command.env(name, value.as_str().context("a variable is a text")?);
    }
    Ok(command)
}
