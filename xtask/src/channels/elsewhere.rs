//! The programs of other systems, from their archives: Linux on ARM under QEMU, and Windows under Wine.
//!
//! They show that the program of a release starts and answers. How fast it is, only its own system shows.

use super::{Run, SIMULATE, ensure_version, session};
use crate::dist::VERSION;
use crate::process::{exists, run};
use crate::wine::Wine;
use anyhow::Result;
use std::fs::File;

const ARM: &str = "aarch64-unknown-linux-musl";
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const QEMU: &str = "qemu-aarch64-static";

/// Tries those that are in target/dist.
pub(super) fn try_all(all: &mut Run) -> Result<()> {
    arm(all)?;
    windows(all)
}

fn arm(all: &mut Run) -> Result<()> {
    let Ok(archive) = all.package("elks-mcp-", &format!("{ARM}.tar.gz")) else {
        all.skip(ARM, "target/dist has no archive of it");
        return Ok(());
    };
    if !exists(QEMU) {
        all.skip(ARM, &format!("there is no {QEMU}"));
        return Ok(());
    }
    let folder = all.folder(ARM)?;
    run(all.command("tar", &folder).arg("-xzf").arg(&archive))?;
    let program = folder.join(format!("elks-mcp-{VERSION}-{ARM}/elks-mcp"));
    let start = || {
        let mut start = all.command(QEMU, &folder);
        start.arg(&program);
        start
    };
    ensure_version(&mut start())?;
    session::play(start().arg(SIMULATE))?;
    println!("-- {ARM}: a whole session under QEMU");
    Ok(())
}

fn windows(all: &mut Run) -> Result<()> {
    let Ok(archive) = all.package("elks-mcp-", &format!("{WINDOWS}.zip")) else {
        all.skip(WINDOWS, "target/dist has no archive of it");
        return Ok(());
    };
    let wine = match Wine::new()? {
        Ok(wine) => wine,
        Err(why) => {
            all.skip(WINDOWS, why);
            return Ok(());
        }
    };
    let folder = all.folder(WINDOWS)?;
    zip::ZipArchive::new(File::open(&archive)?)?.extract(&folder)?;
    let program = folder.join(format!("elks-mcp-{VERSION}-{WINDOWS}/elks-mcp.exe"));
    ensure_version(&mut wine.command(&program))?;
    session::play(wine.command(&program).arg(SIMULATE))?;
    println!("-- {WINDOWS}: a whole session under Wine");
    Ok(())
}
