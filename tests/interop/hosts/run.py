"""Executes each page of docs/hosts/ as it stands, in a clean directory and against the simulator on
loopback, and then calls all six tools the way that page does.

Usage: run.py PATH_OF_ELKS_MCP PATH_OF_LOOPBACK [PAGE...]

What a page says is what happens: a block that begins with a comment naming a file becomes that file,
a `sh` block is run, and a `text` block after it is what it printed.
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
PATIENCE = 900  # seconds; the Rust host is built from scratch
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = "--- the next block ---"
FILE = re.compile(r"(?://|#) (\S+)\n")


class Loopback:
    """A fresh pretend 46elks, which ends when its input does."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)


def run(command, work, env):
    """Runs a command to its end and gives what it printed; ends this program when it fails."""
    done = subprocess.run(command, cwd=work, env=env, stdin=subprocess.DEVNULL, text=True, timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def execute(page, work, env):
    """Follows a page from top to bottom, in one shell."""
    steps, expected = [], {}
    for language, text in BLOCK.findall((CHECKOUT / f"docs/hosts/{page}.md").read_text()):
        if language == "sh":
            steps.append(text)
        elif language == "text":
            expected[len(steps) - 1] = text
        elif named := FILE.match(text):
            (work / named[1]).write_text(text)
    script = f"\necho {BETWEEN}\n".join(steps)
    printed = run(["bash", "-euo", "pipefail", "-c", script], work, env).split(BETWEEN)
    if not expected:
        sys.exit(f"docs/hosts/{page}.md shows nothing that could be checked")
    for step, text in expected.items():
        if printed[step].strip() != text.strip():
            sys.exit(f"docs/hosts/{page}.md says:\n{text}\nand this was printed:\n{printed[step]}")


def tools(page, work, env):
    """Calls all six tools the way that the page does, with typed checks."""
    test = next(HERE.glob(f"{page}_tools.*"), None)
    if test is None:  # The Rust host's are where cargo looks for them.
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
            print(f"{page}: the page does what it says; {tools(page, work, env).strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
