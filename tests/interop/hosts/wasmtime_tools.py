"""All six tools through the wasmtime command line, as WAVE text."""

import json
import os
import re
import subprocess

ACCOUNT = "{{credentials: some({{username: {}, password: {}}}), default-sender: some({}), currency: some(\"SEK\"), " \
    "dry-run: false, endpoint: some({})}}".format(*(json.dumps(os.environ[f"ELKS_{name}"])
                                                  for name in ("API_USERNAME", "API_PASSWORD", "PHONE_NUMBER", "ENDPOINT")))
TO, MESSAGE = "+46701740605", "Hej från wasmtime"
passed = 0


def call(function, request):
    invoked = ["wasmtime", "run", "-S", "http", "--invoke", f"{function}({ACCOUNT}, {request})", "elks-sms.wasm"]
    return subprocess.run(invoked, check=True, text=True, stdout=subprocess.PIPE, timeout=60).stdout.strip()


def send(to, more=""):
    return call("send-sms", f"{{to: {json.dumps(to)}, message: {json.dumps(MESSAGE, ensure_ascii=False)}{more}}}")


def check(value, *expected):
    """Checks that a value begins with the first of these texts and contains the others."""
    global passed
    assert value.startswith(expected[0]) and all(part in value for part in expected[1:]), value
    passed += 1
    return value


check(call("check-account-balance", "{:}"),
      "ok({", "balance: some(2500000)", 'currency: some("SEK")', "subaccount: false", "messages-left: some(480)")
check(call("estimate-sms-cost", f'{{to: "{TO}", message: "Hej 👋"}}'),
      "ok({", "parts: 1", "encoding: utf16", "characters-left: 64", 'non-gsm-characters: [{character: "👋"', "estimated-cost: some(5200)",
      'checker-notes: ["These characters make the message UTF-16')
check(send(TO, ", dry-run: some(true)"), "ok({", "sent: false", "dry-run: true", "estimated-cost: some(5200)")
sent = check(send(TO), "ok({", "sent: true", "status: some(created)", f'to: "{TO}"', "cost: some(5200)", "checker-notes: []")
id = re.search(r'id: some\("(s[0-9a-f]{32})"\)', sent)[1]
status = check(call("check-sms-status", f'{{message-id: "{id}"}}'),
               "ok({", f'message: {{id: "{id}"', "direction: outbound", "untrusted: false", "parts: some(1)")
assert re.search(r"status: some\((sent|delivered)\)", status), status
history = check(call("get-sms-messages", "{limit: some(1)}"), "ok({", f'id: "{id}"', "stopped-early: false", "unreadable: 0")
cursor = re.search(r'next-cursor: some\("([^"]+)"\)', history)[1]
check(call("get-sms-messages", f'{{direction: some(inbound), cursor: some("{cursor}")}}'), "ok({", "untrusted: true")
check(call("get-delivery-statistics", "{:}"), "ok({", "total: 4", "failed: 1", "total-cost: ")
check(send("+46701234567"), "err(invalid(")
check(send("+46701740693"), "err(rejected({status: 403, reason: ", "Not enough credits")
check(send("+46701740695"), "err(outcome-unknown(")
print(f"{passed} passed")
