"""All six tools of both components through the wasmtime command line, as WAVE text."""

import json
import os
import re
import subprocess

USERNAME, PASSWORD, SENDER, ENDPOINT = (os.environ[f"ELKS_{name}"]
                                        for name in ("API_USERNAME", "API_PASSWORD", "PHONE_NUMBER", "ENDPOINT"))
ACCOUNT = "{{credentials: some({{username: {}, password: {}}}), default-sender: some({}), currency: some(\"SEK\"), " \
    "dry-run: false, endpoint: some({})}}, ".format(*map(json.dumps, (USERNAME, PASSWORD, SENDER, ENDPOINT)))
KEYS = {"username": USERNAME, "password": PASSWORD, "sender": SENDER, "currency": "SEK", "dry-run": "false",
        "endpoint": ENDPOINT}
CONFIG = ["-S", "config", *(word for key, value in KEYS.items() for word in ("-S", f"config-var={key}={value}"))]
TO, MESSAGE = "+46701740605", "Hej från wasmtime"
passed = 0


def check(value, *expected):
    """Checks that a value begins with the first of these texts and contains the others."""
    global passed
    assert value.startswith(expected[0]) and all(part in value for part in expected[1:]), value
    passed += 1
    return value


def tools(component, account, options, balance, left, total):
    """Calls the tools of a component. The numbers are those of the account before it sends."""

    def call(function, request):
        invoked = ["wasmtime", "run", "-S", "http", *options, "--invoke", f"{function}({account}{request})", component]
        return subprocess.run(invoked, check=True, text=True, stdout=subprocess.PIPE, timeout=60).stdout.strip()

    def send(to, more=""):
        return call("send-sms", f"{{to: {json.dumps(to)}, message: {json.dumps(MESSAGE, ensure_ascii=False)}{more}}}")

    check(call("check-account-balance", "{:}"), "ok({", f"balance: some({balance})", 'currency: some("SEK")',
          "subaccount: false", f"messages-left: some({left})")
    check(call("estimate-sms-cost", f'{{to: "{TO}", message: "Hej 👋"}}'), "ok({", "parts: 1", "encoding: utf16",
          "characters-left: 64", 'non-gsm-characters: [{character: "👋"', "estimated-cost: some(5200)",
          'checker-notes: ["These characters make the message UTF-16')
    check(send(TO, ", dry-run: some(true)"), "ok({", "sent: false", "dry-run: true", "estimated-cost: some(5200)")
    sent = check(send(TO), "ok({", "sent: true", "status: some(created)", f'to: "{TO}"', "cost: some(5200)",
                 "checker-notes: []")
    id = re.search(r'id: some\("(s[0-9a-f]{32})"\)', sent)[1]
    status = check(call("check-sms-status", f'{{message-id: "{id}"}}'),
                   "ok({", f'message: {{id: "{id}"', "direction: outbound", "untrusted: false", "parts: some(1)")
    assert re.search(r"status: some\((sent|delivered)\)", status), status
    history = check(call("get-sms-messages", "{limit: some(1)}"),
                    "ok({", f'id: "{id}"', "stopped-early: false", "unreadable: 0")
    cursor = re.search(r'next-cursor: some\("([^"]+)"\)', history)[1]
    older = f'{{direction: some(inbound), cursor: some("{cursor}")}}'
    check(call("get-sms-messages", older), "ok({", "untrusted: true")
    check(call("get-delivery-statistics", "{:}"), "ok({", f"total: {total + 1}", "failed: 1", "total-cost: ")
    check(send("+46701234567"), "err(invalid(")
    check(send("+46701740693"), "err(rejected({status: 403, reason: ", "Not enough credits")
    check(send("+46701740695"), "err(outcome-unknown(")


tools("elks-sms.wasm", ACCOUNT, [], 2_500_000, 480, 3)
# The first component has sent two messages: the answer to one was lost.
tools("elks-sms-configured.wasm", "", CONFIG, 2_489_600, 478, 5)

# A redirect is not followed. The last value of a key counts.
options = [*CONFIG, "-S", f"config-var=endpoint={os.environ['REDIRECTING']}"]
call = ["--invoke", "check-account-balance({:})", "elks-sms-configured.wasm"]
redirected = subprocess.check_output(["wasmtime", "run", "-S", "http", *options, *call], text=True, timeout=60)
check(redirected, 'err(unexpected("46elks answered 302"))')
print(f"{passed} passed")
