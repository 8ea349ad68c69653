//! Other people's clients and conformance tools against the program, and other hosts with the component. All are
//! pinned, in tests/interop/requirements.txt and tests/interop/package.json, and come from the package registries.

use crate::component;
use crate::dist;
use crate::process::{
    cargo, debug_program, exists, logged, logged_status, output, path_with, python_packages, root, run, target,
};
use anyhow::{Context, Result, ensure};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The exit code of the Inspector when a tool says that it failed.
const INSPECTOR_TOOL_FAILED: i32 = 5;

/// A part that was skipped, and why.
type Skipped = Vec<String>;

/// The folders and programs of one run.
struct Run {
    /// tests/interop.
    scripts: PathBuf,
    /// Where packages are installed and logs are written.
    work: PathBuf,
    /// elks-mcp.
    program: PathBuf,
    /// `PATH` with the Python packages' programs in front.
    path: OsString,
}

/// Runs everything; what could not run here is said on the console and handed back.
pub(crate) fn run_all(schemas: Option<PathBuf>) -> Result<Skipped> {
    let it = Run::prepared()?;
    let mut skipped = Skipped::new();

    println!("-- official Python SDK");
    it.python("python_sdk.py", &[it.program.as_path()])?;

    let has_npm = exists("npm");
    if has_npm {
        it.node_packages()?;
        it.typescript_sdk()?;
        it.inspector()?;
        it.client_files()?;
    } else {
        skip(&mut skipped, "official TypeScript SDK and Inspector", "there is no npm");
        skip(&mut skipped, "files of MCP clients, as add-mcp writes them", "there is no npm");
    }

    it.conformance_tools()?;

    let named = schemas.or_else(|| env::var_os("MCP_SCHEMAS").map(PathBuf::from));
    if let Some(folder) = named {
        ensure!(folder.is_dir(), "the folder of the MCP schemas, {}, is not there", folder.display());
        println!("-- official JSON schemas of {}", folder.display());
        it.schemas(&folder)?;
    } else if has_npm {
        println!("-- official JSON schemas, as @modelcontextprotocol/conformance has them (MCP_SCHEMAS is not set)");
        let folder = it.packaged_schemas()?;
        it.schemas(&folder)?;
    } else {
        skip(&mut skipped, "official JSON schemas", "MCP_SCHEMAS is not set, and there is no npm");
    }

    skipped.extend(it.other_hosts()?);
    Ok(skipped)
}

/// Runs the other hosts alone.
pub(crate) fn run_hosts() -> Result<Skipped> {
    Run::prepared()?.other_hosts()
}

/// Says aloud that a part does not run.
fn skip(skipped: &mut Skipped, what: &str, why: &str) {
    println!("-- {what}: SKIPPED, {why}");
    skipped.push(format!("{what}: {why}"));
}

impl Run {
    /// The programs are built, and the Python packages installed.
    fn prepared() -> Result<Self> {
        component::build()?;
        run(&mut cargo("build --locked --quiet --example loopback"))?;
        let (scripts, work) = (root().join("tests/interop"), target().join("interop"));
        fs::create_dir_all(&work)?;
        let venv = work.join("venv");
        python_packages(&venv, &scripts.join("requirements.txt"), &[])?;
        Ok(Self { scripts, program: debug_program(), path: path_with(&[venv.join("bin")])?, work })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.work.join(format!("{name}.log"))
    }

    /// A command in the work folder that finds the Python packages' programs.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.work).env("PATH", &self.path);
        command
    }

    /// Runs a script of tests/interop and shows what it prints.
    fn python(&self, script: &str, arguments: &[&Path]) -> Result<()> {
        let mut python = self.command("python");
        python.arg(self.scripts.join(script)).args(arguments);
        print!("{}", logged(&mut python, &self.log(&script.replace('/', "-")))?);
        Ok(())
    }

    fn node_packages(&self) -> Result<()> {
        for name in ["package.json", "typescript_sdk.mjs", "official_schemas.mjs", "client_files.mjs"] {
            fs::copy(self.scripts.join(name), self.work.join(name))?;
        }
        let mut install = self.command("npm");
        install.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
        logged(&mut install, &self.log("npm")).map(drop)
    }

    fn typescript_sdk(&self) -> Result<()> {
        println!("-- official TypeScript SDK");
        run(self.command("node").arg("typescript_sdk.mjs").arg(&self.program))
    }

    /// How the official Inspector ends, and what it prints.
    fn inspect(&self, arguments: &[&str]) -> Result<(ExitStatus, String)> {
        let mut inspector = self.command(self.work.join("node_modules/.bin/mcp-inspector"));
        inspector.arg("--cli").arg(&self.program).arg("--simulate").args(arguments);
        logged_status(&mut inspector, &self.log("inspector"))
    }

    fn inspector(&self) -> Result<()> {
        println!("-- Inspector CLI");
        let (_, tools) = self.inspect(&["--method", "tools/list", "--format", "json"])?;
        ensure!(tools.contains("\"send_sms\""), "the Inspector does not list send_sms: {tools}");
        let call = ["--method", "tools/call", "--tool-name"];
        let (_, balance) = self.inspect(&[&call[..], &["check_account_balance"]].concat())?;
        ensure!(balance.contains("\"currency\": \"SEK\""), "the Inspector shows no balance: {balance}");
        let placeholder = ["send_sms", "--tool-arg", "to=+46701234567", "--tool-arg", "message=x"];
        let (status, failure) = self.inspect(&[&call[..], &placeholder].concat())?;
        ensure!(status.code() == Some(INSPECTOR_TOOL_FAILED), "the Inspector ends with {status}: {failure}");
        println!("3 passed, 0 failed");
        Ok(())
    }

    /// The files of MCP clients beside those that another program writes.
    fn client_files(&self) -> Result<()> {
        println!("-- files of MCP clients, as add-mcp writes them");
        run(self.command("node").arg("client_files.mjs").arg(&self.program))
    }

    /// Conformance tools, each with the words that it must print.
    fn conformance_tools(&self) -> Result<()> {
        let server = format!("{} --simulate", self.program.display());
        for (name, arguments, required) in [
            ("mcp-conform", ["server", "--command", &server, "", ""], "Result: PASS"),
            ("mcp-lighthouse", ["scan", "--stdio", &server, "--fail-under", "100"], "Overall Score"),
            ("mcp-quality", ["run", &server, "--fail-under", "A", ""], "Quality Score"),
        ] {
            println!("-- {name}");
            let mut tool = self.command(name);
            tool.args(arguments.into_iter().filter(|argument| !argument.is_empty()));
            let printed = logged(&mut tool, &self.log(name))?;
            let result = printed.lines().find(|line| line.contains(required));
            println!("{}", result.with_context(|| format!("{name} does not print {required:?}:\n{printed}"))?.trim());
        }
        Ok(())
    }

    /// Takes the schemas out of the official conformance tool.
    fn packaged_schemas(&self) -> Result<PathBuf> {
        let folder = self.work.join("schemas");
        fs::create_dir_all(&folder)?;
        let package = self.work.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
        run(self.command("node").arg("official_schemas.mjs").arg(package).arg(&folder))?;
        Ok(folder)
    }

    fn schemas(&self, folder: &Path) -> Result<()> {
        let folder = folder.canonicalize()?;
        self.python("schema_check.py", &[&self.program, &folder])
    }

    /// Each page of docs/hosts; those that could not run here are handed back.
    fn other_hosts(&self) -> Result<Skipped> {
        println!("-- other hosts: each page of docs/hosts, and all six tools");
        let artefacts = self.work.join("artefacts");
        dist::write_artefacts(&artefacts)?;
        let loopback = target().join("debug/examples/loopback");
        let mut hosts = self.command("python");
        hosts.arg(self.scripts.join("hosts/run.py")).args([&self.program, &loopback, &artefacts]);
        let printed = output(&mut hosts)?;
        print!("{printed}");
        let skipped = printed.lines().filter_map(|line| line.strip_prefix("-- ")?.split_once(": SKIPPED, "));
        Ok(skipped.map(|(page, why)| format!("docs/hosts/{page}.md: {why}")).collect())
    }
}
