// All six tools through jco, with the types that JavaScript sees.

import assert from "node:assert/strict";
import { queries, sending } from "./elks-sms/elks-sms.js";

const env = process.env;
const account = {
  credentials: { username: env.ELKS_API_USERNAME, password: env.ELKS_API_PASSWORD },
  defaultSender: env.ELKS_PHONE_NUMBER,
  currency: "SEK",
  dryRun: false,
  endpoint: env.ELKS_ENDPOINT,
};
const [to, message] = ["+46701740605", "Hej från Node"];
let passed = 0;
const passes = () => (passed += 1);
const failure = (call) => {
  try {
    call();
  } catch (error) {
    return error.payload;
  }
  assert.fail("it should have failed");
};

const balance = queries.checkAccountBalance(account, {});
assert.deepEqual([balance.balance, balance.currency, balance.subaccount, balance.messagesLeft], [2_500_000n, "SEK", false, 480n]);
passes();

const estimate = queries.estimateSmsCost(account, { to, message: "Hej 👋" });
assert.deepEqual([estimate.encoding, estimate.parts, estimate.charactersLeft, estimate.estimatedCost], ["utf16", 1, 64, 5200n]);
assert.deepEqual(estimate.nonGsmCharacters.map((it) => it.character), ["👋"]);
assert.match(estimate.checkerNotes.join(), /^These characters make the message UTF-16.*👋/);
passes();

const dry = sending.sendSms(account, { to, message, dryRun: true });
assert.deepEqual([dry.sent, dry.dryRun, dry.id, dry.estimatedCost], [false, true, undefined, 5200n]);
passes();

const sent = sending.sendSms(account, { to, message });
assert.deepEqual([sent.sent, sent.status, sent.to, sent.from, sent.message, sent.cost, sent.checkerNotes], [true, "created", to, account.defaultSender, undefined, 5200n, []]);
passes();

const status = queries.checkSmsStatus(account, { messageId: sent.id });
const found = status.message;
assert.deepEqual([found.id, found.direction, found.untrusted, found.parts], [sent.id, "outbound", false, 1]);
assert.ok(["sent", "delivered"].includes(found.status));
passes();

const history = queries.getSmsMessages(account, { limit: 1 });
assert.deepEqual(history.messages.map((it) => it.id), [sent.id]);
assert.deepEqual([typeof history.nextCursor, history.stoppedEarly, history.unreadable], ["string", false, 0]);
const older = queries.getSmsMessages(account, { direction: "inbound", cursor: history.nextCursor });
assert.deepEqual(older.messages.map((it) => it.untrusted), [true]);
passes();

const statistics = queries.getDeliveryStatistics(account, {});
assert.deepEqual([statistics.total, statistics.failed, typeof statistics.totalCost], [4, 1, "bigint"]);
passes();

assert.equal(failure(() => sending.sendSms(account, { to: "+46701234567", message })).tag, "invalid");
passes();
const refused = failure(() => sending.sendSms(account, { to: "+46701740693", message }));
assert.deepEqual([refused.tag, refused.val.status], ["rejected", 403]);
assert.match(refused.val.reason, /Not enough credits/);
passes();
const lost = failure(() => sending.sendSms(account, { to: "+46701740695", message }));
assert.equal(lost.tag, "outcome-unknown");
passes();

const redirected = failure(() => queries.checkAccountBalance({ ...account, endpoint: env.REDIRECTING }, {}));
assert.deepEqual([redirected.tag, redirected.val], ["unexpected", "46elks answered 302"]);
passes();

console.log(`${passed} passed`);
