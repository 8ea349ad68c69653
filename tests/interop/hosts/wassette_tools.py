"""All six tools through Wassette over MCP, what its policy does, and the gaps that the page names. Runs where the page
has run, so that component, account and Wassette are there."""

import json
import os
import pathlib
import subprocess
import time

ENDPOINT = os.environ["ELKS_ENDPOINT"]
NAMES = ["check-account-balance", "check-sms-status", "estimate-sms-cost", "get-delivery-statistics",
         "get-sms-messages", "send-sms"]
TO, MESSAGE = "+46701740605", "Hej från Wassette"
POLICY = pathlib.Path("components/elks-sms.policy.yaml")
passed = 0


class Wassette:
    """A session with Wassette under a policy. What it logs is in the file `log`."""

    def __init__(self, allowed=ENDPOINT, more="", builtin=False, level="info"):
        POLICY.write_text(PAGE_POLICY.replace(f'- host: "{ENDPOINT}"', f'- host: "{allowed}"{more}'))
        self.log = pathlib.Path("log")
        options = ["--component-dir", "components", "--env-file", "account.env"]
        if not builtin:
            options.append("--disable-builtin-tools")
        with open(self.log, "w") as errors:
            self.process = subprocess.Popen(
                ["./wassette.sh", "run", *options], env=os.environ | {"RUST_LOG": level}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.last = 0

    def __enter__(self):
        client = {"name": "test", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self.write({"method": "notifications/initialized"})
        for _ in range(100):  # It loads the component in the background.
            self.tools = self.ask("tools/list", {})["tools"]
            if any(tool["name"] == "send-sms" for tool in self.tools):
                return self
            time.sleep(0.05)
        raise AssertionError("Wassette does not load the component")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def write(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.last += 1
        self.write({"id": self.last, "method": method, "params": params})
        while line := self.process.stdout.readline():
            if (answer := json.loads(line)).get("id") == self.last:
                return answer["result"]
        raise AssertionError(f"Wassette has ended:\n{self.log.read_text()}")

    def answer(self, tool, request):
        for _ in range(200):
            found = self.ask("tools/call", {"name": tool, "arguments": {"request": request}})
            if not (found["isError"] and "Tool not found" in json.dumps(found["content"])):
                return found
            time.sleep(0.05)  # It lists a tool that it knows from an earlier start before it can call it.
        raise AssertionError(f"Wassette does not find {tool}")

    def call(self, tool, **request):
        return self.answer(tool, request)["structuredContent"]["result"]

    def send(self, to, dry_run=None):
        request = {"to": to, "message": MESSAGE, "from": None, "flashsms": None, "dry-run": dry_run}
        return self.call("send-sms", **request)

    def balance(self):
        return self.call("check-account-balance", to=None)


def check(found, **expected):
    """Checks that a record has these fields with these values, of exactly these types."""
    global passed
    for name, value in expected.items():
        field = found[name.replace("_", "-")]
        assert field == value and type(field) is type(value), (name, field)
    passed += 1
    return found


def holds(claim, true):
    global passed
    assert true, claim
    passed += 1


def six_tools(host):
    holds("six tools", sorted(tool["name"] for tool in host.tools) == NAMES)
    holds("each has its text", all(len(tool["description"]) > 20 for tool in host.tools))
    holds("no text is made up", not any("Auto-generated" in tool["description"] for tool in host.tools))
    private = ("password", "username", "credentials")
    holds("no credentials", not any(word in json.dumps(host.tools).lower() for word in private))
    holds("no account among the arguments", "account" not in json.dumps([tool["inputSchema"] for tool in host.tools]))

    check(host.balance()["ok"], balance=2_500_000, currency="SEK", subaccount=False, messages_left=480)
    estimate = host.call("estimate-sms-cost", **{"to": TO, "message": "Hej 👋", "from": None})["ok"]
    check(estimate, encoding="utf16", parts=1, characters_left=64, estimated_cost=5200)
    check(host.send(TO, True)["ok"], sent=False, dry_run=True, id=None, estimated_cost=5200)
    sent = check(host.send(TO)["ok"], sent=True, status="created", to=TO, message=None, cost=5200, checker_notes=[])
    status = host.call("check-sms-status", **{"message-id": sent["id"]})["ok"]["message"]
    check(status, id=sent["id"], direction="outbound", untrusted=False, parts=1)
    page = {"limit": 1, "direction": None, "start": None, "end": None, "to": None, "cursor": None}
    history = check(host.call("get-sms-messages", **page)["ok"], stopped_early=False, unreadable=0)
    holds("the newest message is the sent one", [it["id"] for it in history["messages"]] == [sent["id"]])
    page |= {"limit": None, "direction": "inbound", "cursor": history["next-cursor"]}
    older = host.call("get-sms-messages", **page)["ok"]
    holds("a received text is marked", [it["untrusted"] for it in older["messages"]] == [True])
    check(host.call("get-delivery-statistics", limit=None)["ok"], total=4, failed=1)

    check(host.send("+46701234567")["err"], tag="invalid")
    refused = check(host.send("+46701740693")["err"], tag="rejected")["val"]
    check(refused, status=403, reason="Not enough credits on your account to send this SMS")
    check(host.send("+46701740695")["err"], tag="outcome-unknown")


def gaps(host):
    failed = host.answer("check-account-balance", {"to": "070"})
    holds("a failure is no error of MCP", "err" in failed["structuredContent"]["result"] and not failed["isError"])
    holds("a call that succeeds leaves no record", "send-sms" not in host.log.read_text())
    partial = host.answer("send-sms", {"to": TO, "message": MESSAGE})
    holds("an argument that is left out fails", partial["isError"] and "missing field from" in json.dumps(partial))
    holds("the log of an incomplete call has its text", MESSAGE in host.log.read_text())
    send = next(tool for tool in host.tools if tool["name"] == "send-sms")
    properties = send["inputSchema"]["properties"]["request"]
    names = ["dry-run", "flashsms", "from", "message", "to"]
    holds("every argument is required", sorted(properties["required"]) == names)
    words = ("description", "minLength", "maxLength", "pattern", "minimum", "maximum", "E.164")
    holds("no argument has a text or a bound of its own", not any(word in json.dumps(properties) for word in words))
    texts = all(f"- `{name}`: " in send["description"] for name in names) and "E.164" in send["description"]
    holds("the text of the tool has those of its arguments", texts)
    holds("no annotations", not any("annotations" in tool for tool in host.tools))
    host.process.stdin.close()
    try:
        host.process.wait(1)
        ended = True
    except subprocess.TimeoutExpired:
        ended = False
    holds("it goes on when its input ends", not ended)


PAGE_POLICY = POLICY.read_text()
account = pathlib.Path("account.env")
account.write_text(account.read_text().replace("dry-run=true", "dry-run=false"))
host_name = ENDPOINT.rpartition(":")[0]
denied = {"tag": "unreachable", "val": "the host denied the request"}

with Wassette() as host:
    six_tools(host)
    gaps(host)
with Wassette("https://api.46elks.com") as host:
    check(host.balance()["err"], **denied)
    check(host.send(TO)["err"], **denied)
    holds("the log of a denied call has its text", MESSAGE in host.log.read_text() and TO in host.log.read_text())
with Wassette("https://api.46elks.com", level="off") as host:
    check(host.send(TO)["err"], **denied)
    holds("a log that is off has nothing", host.log.read_text() == "")
with Wassette(f"{host_name}:1/other/path", f'\n    deny:\n      - host: "{host_name}"') as host:
    holds("port, path and deny have no effect", host.balance().get("ok"))
with Wassette("https://api.46elks.com", builtin=True) as host:
    check(host.balance()["err"], **denied)
    host.ask("tools/call", {"name": "grant-network-permission",
                            "arguments": {"component_id": "elks-sms", "details": {"host": host_name}}})
    holds("with the built-in tools a model widens the policy", host.balance().get("ok"))
account.write_text(account.read_text().replace(ENDPOINT, os.environ["REDIRECTING"]))
with Wassette(os.environ["REDIRECTING"]) as host:  # A redirect is not followed.
    check(host.balance()["err"], tag="unexpected", val="46elks answered 302")
print(f"{passed} passed")
