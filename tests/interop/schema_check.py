"""Every line that the program emits is held against the official MCP JSON schema of its era.

Usage: schema_check.py PATH_OF_ELKS_MCP FOLDER_OF_SCHEMAS      (needs jsonschema, see requirements.txt)

The folder holds the schemas of the specification by version: 2025-06-18.json and so on.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from jsonschema import Draft7Validator, Draft202012Validator

RECIPIENT = "+46701740605"
MODERN = "2026-07-28"
YES = {"action": "accept", "content": {"send": True}}

CALLS = [
    ("send_sms", {"to": RECIPIENT, "message": "Hej"}),
    ("send_sms", {"to": RECIPIENT, "message": "”Hej” example.com", "dry_run": True, "flashsms": True}),
    ("send_sms", {"to": "+46701234567", "message": "Hej"}),
    ("send_sms", {"surprise": 1}),
    ("get_sms_messages", {"limit": 2}),
    ("check_sms_status", {"message_id": "s0"}),
    ("estimate_sms_cost", {"to": RECIPIENT, "message": "Hej"}),
    ("check_account_balance", {}),
    ("get_delivery_statistics", {}),
    ("get_sending_limits", {}),
    ("get_sending_limits", {"to": RECIPIENT}),
    ("send_sms", {"to": RECIPIENT, "message": "Hej", "idempotency_key": "1"}),
    ("no_such_tool", {}),
]


class Era:
    """One version of the protocol: its schema, and a session that speaks it."""

    def __init__(self, program, folder, version, confirm):
        schema = json.loads((Path(folder) / f"{version}.json").read_text())
        self.version, self.modern = version, version == MODERN
        self.key = "$defs" if "$defs" in schema else "definitions"
        self.schema = schema
        self.validator = Draft202012Validator if "2020-12" in schema["$schema"] else Draft7Validator
        environment = dict(os.environ, DRY_RUN="false", CONFIRM_SENDS=str(confirm).lower())
        self.process = subprocess.Popen(
            [program, "--simulate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self.last_id, self.lines = 0, 0

    def fits(self, value, name):
        reference = {self.key: self.schema[self.key], "$ref": f"#/{self.key}/{name}"}
        errors = list(self.validator(reference).iter_errors(value))
        if errors:
            sys.exit(f"FAILED: {self.version} {name}: {errors[0].message}\n{json.dumps(value)[:1000]}")

    def write(self, message):
        self.process.stdin.write((message if isinstance(message, str) else json.dumps(message)).encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        message = json.loads(self.process.stdout.readline())
        # The schema of 2025-06-18 has no error for a line whose id nobody can tell; later ones have.
        if self.version != "2025-06-18" or "error" not in message or "id" in message:
            self.fits(message, "JSONRPCMessage")
        self.lines += 1
        return message

    def request(self, method, params, result=None):
        self.last_id += 1
        if self.modern:
            params = dict(params)
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": self.version,
                "io.modelcontextprotocol/clientInfo": {"name": "schemas", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            }
        self.write({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
        answer = self.read()
        while "method" in answer:  # a question of the server, in the era that allows one
            self.fits(answer, "ElicitRequest" if self.version != "2025-06-18" else "ServerRequest")
            self.write({"jsonrpc": "2.0", "id": answer["id"], "result": YES})
            answer = self.read()
        if "error" in answer:
            self.fits(answer, "JSONRPCError" if self.version == "2025-06-18" else "JSONRPCErrorResponse")
        elif answer["result"].get("resultType") == "input_required":
            self.fits(answer["result"], "InputRequiredResult")
        elif result:
            self.fits(answer["result"], result)
        return answer

    def session(self):
        if self.modern:
            self.request("server/discover", {}, "DiscoverResult")
        else:
            client = {"name": "schemas", "version": "1"}
            hello = {"protocolVersion": self.version, "capabilities": {"elicitation": {}}, "clientInfo": client}
            self.request("initialize", hello, "InitializeResult")
            self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.request("tools/list", {}, "ListToolsResult")
        for tool, arguments in CALLS:
            answer = self.request("tools/call", {"name": tool, "arguments": arguments}, "CallToolResult")
            if answer.get("result", {}).get("resultType") == "input_required":
                question = answer["result"]
                responses = {name: YES for name in question["inputRequests"]}
                again = {"name": tool, "arguments": arguments, "inputResponses": responses, "requestState": question["requestState"]}
                assert self.request("tools/call", again, "CallToolResult")["result"]["structuredContent"]["sent"] is True
        self.request("tools/call", {"name": "send_sms", "arguments": "no object"}, "CallToolResult")
        for method in ("prompts/list", "no/such/method"):
            assert "error" in self.request(method, {})
        for odd in ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', '{"a":1,"a":2}', "x" * 70_000):
            self.write(odd)
            assert "error" in self.read()
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0 and self.process.stdout.read() == b""
        return self.lines


def main(program, folder):
    checked = 0
    for version in ("2025-06-18", "2025-11-25", MODERN):
        for confirm in (False, True):
            lines = Era(program, folder, version, confirm).session()
            print(f"ok: {version}{' with CONFIRM_SENDS' if confirm else ''}: {lines} lines fit the schema")
            checked += 1
    print(f"{checked} passed, 0 failed")


main(*sys.argv[1:3])
