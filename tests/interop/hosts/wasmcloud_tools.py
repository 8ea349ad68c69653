"""All six tools through wasmCloud: the trigger of host/examples/wasmcloud takes HTTP requests and calls elks-sms. Runs
where the page has run, so that both components and the configuration are there."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

PORT, ENDPOINT = os.environ["PORT"], os.environ["ELKS_ENDPOINT"]
TO, MESSAGE = "+46701740605", "Hej från wasmCloud"
CONFIG = pathlib.Path(".wash/config.yaml")
LOG = pathlib.Path("tools.log")
TOKEN = pathlib.Path("token").read_text().strip().removeprefix("Authorization: ")
passed = 0


@contextlib.contextmanager
def wasmcloud(allowed):
    """A workload whose component may reach these hosts."""
    changed = re.sub(r"allowedHosts: \[\".*\"\]", f"allowedHosts: {json.dumps(allowed)}", PAGE_CONFIG)
    CONFIG.write_text(changed.replace('dry-run: "true"', 'dry-run: "false"'))
    with open(LOG, "w") as log:
        command = ["wash", "dev", "--non-interactive"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while post("", {}, token=None)[0] != 401:  # 404 while the workload starts
            assert time.monotonic() < end and process.poll() is None, LOG.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def post(path, request, token=TOKEN):
    """The status and the text of a response."""
    data = request if isinstance(request, bytes) else json.dumps(request).encode()
    made = urllib.request.Request(f"http://127.0.0.1:{PORT}/{path}", data, {"Authorization": token} if token else {})
    try:
        with urllib.request.urlopen(made, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return None, ""


def call(tool, **request):
    status, text = post(tool, request)
    assert status == 200, (status, text)
    return json.loads(text)


def send(to, **more):
    return call("send-sms", to=to, message=MESSAGE, **more)


def check(found, **expected):
    """Checks that a record has these fields with these values, of exactly these types."""
    global passed
    for name, value in expected.items():
        assert found[name] == value and type(found[name]) is type(value), (name, found[name])
    passed += 1
    return found


def refused(status, path, request, token=TOKEN):
    global passed
    assert post(path, request, token)[0] == status, (status, path)
    passed += 1


PAGE_CONFIG = CONFIG.read_text()
with wasmcloud([ENDPOINT]):
    check(call("check-account-balance")["Ok"], balance=2_500_000, currency="SEK", subaccount=False, messages_left=480)
    estimate = call("estimate-sms-cost", to=TO, message="Hej 👋")["Ok"]
    check(estimate, encoding="Utf16", parts=1, characters_left=64, estimated_cost=5200)
    check(send(TO, dry_run=True)["Ok"], sent=False, dry_run=True, id=None, estimated_cost=5200)
    sent = check(send(TO)["Ok"], sent=True, status="Created", to=TO, message=None, cost=5200, checker_notes=[])
    status = call("check-sms-status", message_id=sent["id"])["Ok"]["message"]
    check(status, id=sent["id"], direction="Outbound", untrusted=False, parts=1)
    history = check(call("get-sms-messages", limit=1)["Ok"], stopped_early=False, unreadable=0)
    check(history["messages"][0], id=sent["id"])
    older = call("get-sms-messages", direction="Inbound", cursor=history["next_cursor"])["Ok"]
    check(older["messages"][0], untrusted=True)
    check(call("get-delivery-statistics")["Ok"], total=4, failed=1)
    assert list(send("+46701234567")["Err"]) == ["Invalid"]
    reason = "Not enough credits on your account to send this SMS"
    check(send("+46701740693")["Err"]["Rejected"], status=403, reason=reason)
    assert list(send("+46701740695")["Err"]) == ["OutcomeUnknown"]
    total = call("get-delivery-statistics")["Ok"]["total"]
    refused(401, "send-sms", {"to": TO, "message": MESSAGE}, token=None)
    refused(401, "send-sms", {"to": TO, "message": MESSAGE}, token=TOKEN + "x")
    refused(404, "send-sms?to=x", {"to": TO, "message": MESSAGE})
    refused(400, "send-sms", {"to": TO})
    refused(413, "send-sms", b" " * 100_000)
    check(call("get-delivery-statistics")["Ok"], total=total)
    log = LOG.read_text()
    private = [TO, MESSAGE, TOKEN.split()[1], os.environ["ELKS_API_PASSWORD"]]
    assert not any(text in log for text in private), "the log has something private"
for allowed in (["https://api.46elks.com"], [ENDPOINT.replace("http:", "https:")], ["http://127.0.0.1:1"]):
    with wasmcloud(allowed):
        check(call("check-account-balance")["Err"], Unreachable="the host denied the request")
with wasmcloud(["http://127.0.0.1:80"]):  # The port of the scheme stands for every port.
    check(call("check-account-balance")["Ok"], currency="SEK")
PAGE_CONFIG = PAGE_CONFIG.replace(f"endpoint: {ENDPOINT}", f"endpoint: {os.environ['REDIRECTING']}")
with wasmcloud([os.environ["REDIRECTING"], ENDPOINT]):  # A redirect is not followed.
    check(call("check-account-balance")["Err"], Unexpected="46elks answered 302")
print(f"{passed} passed")
