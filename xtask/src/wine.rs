//! Wine: programs for Windows on Linux x86-64.

use crate::process::{command, exists, root, run, target};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The C compiler and linker for Windows.
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// Names of Wine's loader, the most exact first. Debian keeps it out of `PATH`.
const LOADERS: [&str; 3] = ["/usr/lib/wine/wine64", "wine64", "wine"];

/// Wine, with a folder of its own for the Windows that it plays.
pub(crate) struct Wine {
    pub(crate) loader: &'static str,
    prefix: PathBuf,
}

impl Wine {
    /// Makes the folder when it is not there; or says what is missing.
    pub(crate) fn new() -> Result<Result<Self, &'static str>> {
        let Some(loader) = LOADERS.into_iter().find(|loader| exists(loader)) else {
            return Ok(Err("there is no Wine"));
        };
        if !exists(MINGW) {
            return Ok(Err("there is no mingw-w64"));
        }
        let wine = Self { loader, prefix: target().join("wine") };
        fs::create_dir_all(&wine.prefix)?;
        let system = wine.prefix.join("drive_c/windows/system32");
        if !system.exists() {
            run(wine.command(Path::new("wineboot")).arg("--init").stderr(Stdio::null()))?;
        }
        let library = system.join("bcryptprimitives.dll");
        if !library.exists() {
            let source = root().join("xtask/src/bcryptprimitives.c");
            run(Command::new(MINGW).args(["-shared", "-s", "-o"]).arg(&library).arg(source).arg("-ladvapi32"))?;
        }
        Ok(Ok(wine))
    }

    /// A program for Windows.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = command(self.loader, "");
        self.prepare(command.arg(program));
        command
    }

    /// Tells whatever starts programs under Wine to use this one, without its own messages.
    pub(crate) fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // Without the two libraries Wine does not ask whether it shall download something.
        let variables = [("WINEDEBUG", "-all"), ("WINEDLLOVERRIDES", "mscoree,mshtml=")];
        command.envs(variables).env("WINEPREFIX", &self.prefix)
    }
}
