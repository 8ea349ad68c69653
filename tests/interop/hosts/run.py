"""Executes each page of docs/hosts/ unchanged, in a clean directory and against the simulator on loopback. Then calls
all six tools in the same way as the page.

Usage: run.py PATH_OF_ELKS_MCP PATH_OF_LOOPBACK FOLDER_OF_ARTEFACTS [PAGE...]

A block that begins with a comment naming a file becomes that file. A `sh` block is run. A `text` block after it must be
its output. The page `wasmcloud` pulls from the registry that the page `registries` has filled.
"""

import contextlib
import http.server
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
PAGES = ["wasmtime", "node", "python", "rust", "registries", "wasmcloud", "wassette"]
TIMEOUT_SECONDS = 900  # the Rust host is built from scratch
READY_SECONDS = 20
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATOR = "--- the next block ---"
FILE = re.compile(r"(?://|#) (\S+)\n")

# What a page needs beside elks-mcp. The packages of these programs are installed on Linux x86-64 alone.
NEEDS = {
    "node": ["npm"],
    "registries": ["docker-registry", "skopeo", "wash"],
    "wasmcloud": ["docker-registry", "skopeo", "wash", "wasm-tools", "curl"],
    "wassette": ["wassette"],
}

# Wheels that have lost the executable bit of their program: its name and the Python module that it is in.
WHEELS = {"wasmtime": "wasmtime_cli", "wash": "wash_cli", "wassette": "wassette_cli"}

# Wassette is built for glibc 2.39. On Debian 12 its page unpacks the one of Debian 13 beside the system's.
WASSETTE_GLIBC = (2, 39)


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


@contextlib.contextmanager
def redirecting(url):
    """A server that redirects every GET to the account of a simulator, whose answer shows that a host has followed."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("location", f"{url}/a1/me")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def free_port():
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def registry(work):
    """An empty registry of containers on loopback; gives its address."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    port = free_port()
    storage = f'storage: {{filesystem: {{rootdirectory: "{work}/blobs"}}}}'
    (work / "registry.yml").write_text(f'version: 0.1\n{storage}\nhttp: {{addr: "127.0.0.1:{port}"}}\n')
    with open(work / "log", "w") as log:
        process = subprocess.Popen(["docker-registry", "serve", work / "registry.yml"], stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port, process):
    """Waits until a program listens on a port."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} does not listen on its port")


def run(command, work, env):
    """Runs a command to its end and returns its output. Ends this program when the command fails."""
    process = subprocess.Popen(command, cwd=work, env=env, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):  # what a page has started and a failure has left behind
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}:\n{output}\n{errors}")
    return output


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


def lacking(page, path):
    """Why a page cannot be executed here, or nothing."""
    for program in NEEDS.get(page, []):
        if not shutil.which(program, path=path):
            return f"there is no {program}"
    if page == "wassette":
        if sys.platform != "linux":
            return "it was tried on Linux alone"
        version = tuple(map(int, platform.libc_ver()[1].split(".")[:2]))
        system = platform.freedesktop_os_release()
        if version < WASSETTE_GLIBC and (system["ID"], system.get("VERSION_ID")) != ("debian", "12"):
            return f"its program needs glibc 2.39, and this is {system['ID']} with another"
    return None


def programs(bin, elks_mcp):
    """A folder with the programs that pages start by name."""
    shutil.rmtree(bin, ignore_errors=True)
    bin.mkdir(parents=True)
    (bin / "elks-mcp").symlink_to(pathlib.Path(elks_mcp).resolve())
    for program, module in WHEELS.items():
        if found := importlib.util.find_spec(module):
            file = pathlib.Path(found.origin).parent / program
            file.chmod(0o755)
            (bin / program).symlink_to(file)


def environment(page, work, path, elks, redirects, address, artefacts):
    """The variables that a page may use."""
    env = dict(
        os.environ,
        PATH=path,
        CHECKOUT=str(CHECKOUT),
        # The Rust host is built as the program was, so that crates of both are compiled once.
        CARGO_TARGET_DIR=str(CHECKOUT / os.environ.get("CARGO_TARGET_DIR", "target")),
        CARGO_PROFILE_DEV_DEBUG="line-tables-only",
        ELKS_API_USERNAME="u" + 32 * "0",
        ELKS_API_PASSWORD="simulator-password",
        ELKS_PHONE_NUMBER="+46766861004",
        ELKS_ENDPOINT=elks.url,
        REDIRECTING=redirects,
        ELKS_SMS_WASM=str(work / "elks-sms.wasm"),
        ARTEFACTS=str(pathlib.Path(artefacts).resolve()),
        REGISTRY=address,
        PORT=str(free_port()),
    )
    if page in ("registries", "wasmcloud", "wassette"):  # Their programs keep files in the home folder.
        home = pathlib.Path.home()
        env.setdefault("CARGO_HOME", str(home / ".cargo"))
        env.setdefault("RUSTUP_HOME", str(home / ".rustup"))
        for name in [name for name in env if name.startswith("XDG_")]:
            del env[name]
        env["HOME"] = str(work)
    return env


def main(program, loopback, artefacts, *pages):
    base = CHECKOUT / "target/interop/hosts"
    programs(base / "bin", program)
    path = f"{base / 'bin'}:{os.environ['PATH']}"
    with contextlib.ExitStack() as stack:
        address = ""
        for page in pages or PAGES:
            if why := lacking(page, path):
                print(f"-- {page}: SKIPPED, {why}", flush=True)
                continue
            if page == "registries":
                address = stack.enter_context(registry(base / "registry"))
            begun = time.monotonic()
            work = base / page
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            with Loopback(loopback) as elks, redirecting(elks.url) as redirects:
                env = environment(page, work, path, elks, redirects, address, artefacts)
                execute(page, work, env)
                result = tools(page, work, env).strip().splitlines()[-1]
            seconds = time.monotonic() - begun
            print(f"{page}: its output is as the page shows; {result} ({seconds:.1f} s)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
