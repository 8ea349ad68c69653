"""All six tools through wasmtime-py, with the types that Python sees."""

import os

from wasmtime.component import Record, Variant

import elks_sms

ACCOUNT = {
    "credentials": {"username": os.environ["ELKS_API_USERNAME"], "password": os.environ["ELKS_API_PASSWORD"]},
    "default-sender": os.environ["ELKS_PHONE_NUMBER"],
    "currency": "SEK",
    "dry-run": False,
    "endpoint": os.environ["ELKS_ENDPOINT"],
}
TO, MESSAGE = "+46701740605", "Hej från Python"
passed = 0


def query(function, **request):
    return elks_sms.call("queries", function, ACCOUNT, request)


def send(to, message=MESSAGE, dry_run=None):
    request = {"to": to, "message": message, "from": None, "flashsms": None, "dry-run": dry_run}
    return elks_sms.call("sending", "send-sms", ACCOUNT, request)


def check(result, **expected):
    """Checks that a record has these fields with these values, of exactly these types."""
    global passed
    assert isinstance(result, Record), vars(result)
    for name, value in expected.items():
        found = vars(result)[name.strip("_").replace("_", "-")]
        assert found == value and type(found) is type(value), (name, found)
    passed += 1
    return result


def fails(result, tag):
    """Checks that a result is a failure of this kind and returns its payload."""
    global passed
    assert isinstance(result, Variant) and result.tag == tag, vars(result)
    passed += 1
    return result.payload


def messages(limit=None, direction=None, cursor=None):
    request = {"limit": limit, "direction": direction, "start": None, "end": None, "to": None, "cursor": cursor}
    return query("get-sms-messages", **request)


check(query("check-account-balance", to=None), balance=2_500_000, currency="SEK", subaccount=False, messages_left=480)
estimate = query("estimate-sms-cost", **{"to": TO, "message": "Hej 👋", "from": None})
check(estimate, encoding="utf16", parts=1, characters_left=64, estimated_cost=5200)
assert [vars(it)["character"] for it in vars(estimate)["non-gsm-characters"]] == ["👋"]
assert [note.split(",")[0] for note in vars(estimate)["checker-notes"]] == ["These characters make the message UTF-16"]
check(send(TO, dry_run=True), sent=False, dry_run=True, id=None, estimated_cost=5200)
sent = check(send(TO), sent=True, status="created", to=TO, message=None, cost=5200, checker_notes=[])
status = query("check-sms-status", **{"message-id": sent.id})
check(status.message, id=sent.id, direction="outbound", untrusted=False, parts=1)
assert status.message.status in ("sent", "delivered")
history = check(messages(limit=1), stopped_early=False, unreadable=0)
assert [message.id for message in history.messages] == [sent.id]
older = check(messages(direction="inbound", cursor=vars(history)["next-cursor"]))
assert [message.untrusted for message in older.messages] == [True]
check(query("get-delivery-statistics", limit=None), total=4, failed=1)
fails(send("+46701234567"), "invalid")
refused = fails(send("+46701740693"), "rejected")
assert refused.status == 403 and "Not enough credits" in refused.reason
fails(send("+46701740695"), "outcome-unknown")
redirecting = ACCOUNT | {"endpoint": os.environ["REDIRECTING"]}
redirected = fails(elks_sms.call("queries", "check-account-balance", redirecting, {"to": None}), "unexpected")
assert redirected == "46elks answered 302", redirected
print(f"{passed} passed")
