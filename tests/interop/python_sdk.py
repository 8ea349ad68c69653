"""The official Python SDK launches the program as its users do, in the simulator, and calls every tool.

Usage: python_sdk.py PATH_OF_ELKS_MCP      (needs the package `mcp`, pinned in requirements.txt)

The SDK itself holds every result against the served output schema.
"""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

RECIPIENT = "+46701740605"

TOOLS = [
    "send_sms",
    "get_sms_messages",
    "check_sms_status",
    "estimate_sms_cost",
    "check_account_balance",
    "get_delivery_statistics",
    "get_sending_limits",
]


def field(model, snake, camel):
    """Version 1 of the SDK spells attributes the way JSON does, version 2 the way Python does."""
    return getattr(model, snake) if hasattr(model, snake) else getattr(model, camel)


async def main(program):
    passed = 0

    def check(claim, holds):
        nonlocal passed
        if not holds:
            sys.exit(f"FAILED: {claim}")
        print(f"ok: {claim}")
        passed += 1

    parameters = StdioServerParameters(command=program, args=["--simulate"], env={"DRY_RUN": "false"})
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        check("the handshake names the server", field(hello, "server_info", "serverInfo").name == "elks-mcp")
        check("the instructions begin with the simulator", hello.instructions.startswith("SIMULATOR"))

        listed = await session.list_tools()
        check("seven tools are listed, in order", [tool.name for tool in listed.tools] == TOOLS)

        async def call(tool, **arguments):
            result = await session.call_tool(tool, arguments)
            failed = field(result, "is_error", "isError")
            return failed, field(result, "structured_content", "structuredContent"), result.content[0].text

        failed, facts, text = await call("send_sms", to=RECIPIENT, message="Hej från SDK:t")
        check("send_sms sends", not failed and facts["sent"] and facts["simulated"] and facts["summary"].startswith("[SIMULATED]"))
        message_id = facts["id"]

        failed, facts, _ = await call("send_sms", to=RECIPIENT, message="Hej", dry_run=True)
        check("send_sms in a dry run sends nothing", not failed and not facts["sent"] and "id" not in facts)

        failed, facts, _ = await call("check_sms_status", message_id=message_id)
        check("check_sms_status knows the message", not failed and facts["message"]["id"] == message_id)

        failed, facts, _ = await call("get_sms_messages", limit=3, direction="both")
        check("get_sms_messages lists it", not failed and message_id in [sms["id"] for sms in facts["messages"]])

        failed, facts, _ = await call("estimate_sms_cost", to=RECIPIENT, message="x" * 161)
        check("estimate_sms_cost counts parts", not failed and facts["parts"] == 2 and facts["estimated_cost"] == 10400)

        failed, facts, _ = await call("check_account_balance")
        check("check_account_balance tells the currency", not failed and facts["currency"] == "SEK")

        failed, facts, _ = await call("get_delivery_statistics", limit=10)
        check("get_delivery_statistics counts", not failed and facts["total"] >= 3)

        failed, facts, _ = await call("get_sending_limits", to=RECIPIENT)
        used = {limit["rule"]: limit["used"] for limit in facts["limits"]}
        check("get_sending_limits counts the send", not failed and used["sms_per_day"] == 1)

        failed, facts, _ = await call("send_sms", to=RECIPIENT, message="Hej från SDK:t")
        check("the same message is not sent twice", not failed and facts["duplicate"] and facts["id"] == message_id)

        failed, facts, text = await call("send_sms", to="+46701234567", message="Hej")
        check("a failure has a code and no facts", failed and facts is None and text.startswith("Error (VALIDATION_ERROR)"))
    print(f"{passed} passed, 0 failed")


asyncio.run(main(sys.argv[1]))
