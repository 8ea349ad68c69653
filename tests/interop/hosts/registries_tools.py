"""Both components in a registry: what skopeo and wash give back is what was pushed, byte for byte. Runs where the page
has run, so that both have been pushed."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import urllib.request

REGISTRY, ARTEFACTS = os.environ["REGISTRY"], pathlib.Path(os.environ["ARTEFACTS"])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SOURCE = "https://github.com/elks-mcp/elks-mcp"
VERSION = subprocess.check_output(["elks-mcp", "--version"], text=True, timeout=60).split()[1]
passed = 0


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def equal(found, expected):
    global passed
    assert found == expected, (found, expected)
    passed += 1


def served(name, reference):
    """A manifest as the registry serves it: the bytes and the digest that it states."""
    address = f"http://{REGISTRY}/v2/elks-mcp/{name}/manifests/{reference}"
    request = urllib.request.Request(address, headers={"Accept": MANIFEST})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read(), response.headers["Docker-Content-Digest"]


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


for name in ("elks-sms", "elks-sms-configured"):
    component = pathlib.Path(f"{name}.wasm").read_bytes()
    with tarfile.open(ARTEFACTS / f"{name}-{VERSION}-oci.tar") as tar:
        made = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    digest = json.loads(made["index.json"])["manifests"][0]["digest"]
    manifest, stated = served(name, VERSION)
    equal(manifest, made[f"blobs/{digest.replace(':', '/')}"])
    equal((stated, sha256(manifest)), (digest, digest))
    equal(served(name, digest)[0], manifest)

    manifest = json.loads(manifest)
    annotations = {key.removeprefix("org.opencontainers.image."): text for key, text in manifest["annotations"].items()}
    assert annotations.pop("description").strip(), "there is no description"
    equal(annotations, {"title": name, "version": VERSION, "licenses": "MIT OR Apache-2.0", "source": SOURCE})
    [layer] = manifest["layers"]
    equal((layer["mediaType"], layer["digest"], layer["size"]), ("application/wasm", sha256(component), len(component)))

    # By tag and by digest, through both programs.
    for reference in (f":{VERSION}", f"@{digest}"):
        pulled = pathlib.Path("again.wasm")
        pulled.unlink(missing_ok=True)
        run("wash", "oci", "pull", "--insecure", f"{REGISTRY}/elks-mcp/{name}{reference}", str(pulled))
        equal(pulled.read_bytes() == component, True)
        shutil.rmtree("copied", ignore_errors=True)
        pushed = f"docker://{REGISTRY}/elks-mcp/{name}{reference}"
        run("skopeo", "copy", "--quiet", "--src-tls-verify=false", pushed, "dir:copied")
        equal((pathlib.Path("copied") / layer["digest"].removeprefix("sha256:")).read_bytes() == component, True)

    # A second push of the same file gives the same digest.
    run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci-archive:{ARTEFACTS}/{name}-{VERSION}-oci.tar",
        f"docker://{REGISTRY}/elks-mcp/{name}:again")
    equal(served(name, "again")[1], digest)

print(f"{passed} passed")
