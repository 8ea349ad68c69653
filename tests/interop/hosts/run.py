"""Executes each page of docs/hosts/ unchanged, in a clean directory and against the simulator on loopback. Then calls all
six tools in the same way as the page.

Usage: run.py PATH_OF_ELKS_MCP PATH_OF_LOOPBACK [PAGE...]

A block that begins with a comment naming a file becomes that file. A `sh` block is run. A `text` block after it must be
its output.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
PAGES = ["wasmtime", "node", "python", "rust"]
TIMEOUT_SECONDS = 900  # the Rust host is built from scratch
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATOR = "--- the next block ---"
FILE = re.compile(r"(?://|#) (\S+)\n")


class Loopback:
    """A fresh simulated 46elks. It ends when its standard input is closed."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)


def run(command, work, env):
    """Runs a command to its end and returns its output. Ends this program when the command fails."""
    done = subprocess.run(command, cwd=work, env=env, stdin=subprocess.DEVNULL, text=True, timeout=TIMEOUT_SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def execute(page, work, env):
    """Executes a page from top to bottom, in one shell."""
    steps, expected = [], {}
    for language, text in BLOCK.findall((CHECKOUT / f"docs/hosts/{page}.md").read_text()):
        if language == "sh":
            steps.append(text)
        elif language == "text":
            expected[len(steps) - 1] = text
        elif named := FILE.match(text):
            (work / named[1]).write_text(text)
    script = f"\necho {SEPARATOR}\n".join(steps)
    printed = run(["bash", "-euo", "pipefail", "-c", script], work, env).split(SEPARATOR)
    if not expected:
        sys.exit(f"docs/hosts/{page}.md has no output that could be checked")
    for step, text in expected.items():
        if printed[step].strip() != text.strip():
            sys.exit(f"docs/hosts/{page}.md expects:\n{text}\nbut the output was:\n{printed[step]}")


def tools(page, work, env):
    """Calls all six tools in the same way as the page, with typed checks."""
    test = next(HERE.glob(f"{page}_tools.*"), None)
    if test is None:  # The tests of the Rust host are in its cargo package.
        manifest = str(CHECKOUT / "host/examples/embedder/Cargo.toml")
        return run(["cargo", "test", "--quiet", "--locked", "--test", "tools", "--manifest-path", manifest], work, env)
    shutil.copy(test, work)
    program = {"node": "node", "python": "venv/bin/python"}.get(page, sys.executable)
    return run([program, test.name], work, env)


def main(program, loopback, *pages):
    base = CHECKOUT / "target/interop/hosts"
    bin = base / "bin"
    bin.mkdir(parents=True, exist_ok=True)
    (bin / "elks-mcp").unlink(missing_ok=True)
    (bin / "elks-mcp").symlink_to(pathlib.Path(program).resolve())
    for page in pages or PAGES:
        if page == "node" and not shutil.which("npm"):
            print("node: skipped, there is no npm")
            continue
        work = base / page
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        with Loopback(loopback) as elks:
            env = dict(
                os.environ,
                PATH=f"{bin}:{os.environ['PATH']}",
                CHECKOUT=str(CHECKOUT),
                CARGO_TARGET_DIR=str(CHECKOUT / "target/interop/embedder"),
                ELKS_API_USERNAME="u" + 32 * "0",
                ELKS_API_PASSWORD="simulator-password",
                ELKS_PHONE_NUMBER="+46766861004",
                ELKS_ENDPOINT=elks.url,
                ELKS_SMS_WASM=str(work / "elks-sms.wasm"),
            )
            execute(page, work, env)
            print(f"{page}: its output is as the page shows; {tools(page, work, env).strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
