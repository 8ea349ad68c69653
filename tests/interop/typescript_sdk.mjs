// The official TypeScript SDK launches the program as its users do, in the simulator, calls every
// tool, and answers a question about a send. It holds every result against the served output schema.
//
// Usage: node typescript_sdk.mjs PATH_OF_ELKS_MCP   (needs the package of package.json)

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const program = process.argv[2];
const to = "+46701740605";
let passed = 0;

function check(claim, holds) {
  if (!holds) {
    console.error(`FAILED: ${claim}`);
    process.exit(1);
  }
  console.log(`ok: ${claim}`);
  passed += 1;
}

async function connect(env, capabilities, answer) {
  const client = new Client({ name: "interop", version: "1" }, { capabilities });
  const questions = [];
  if (answer) {
    client.setRequestHandler(ElicitRequestSchema, async (request) => {
      questions.push(request.params.message);
      return answer;
    });
  }
  const transport = new StdioClientTransport({ command: program, args: ["--simulate"], env, stderr: "ignore" });
  await client.connect(transport);
  const call = (name, args = {}) => client.callTool({ name, arguments: args });
  return { client, call, questions };
}

const { client, call } = await connect({ DRY_RUN: "false" }, {});
check("the handshake names the server", client.getServerVersion().name === "elks-mcp");
const { tools } = await client.listTools();
check("seven tools are listed", tools.length === 7);

const sent = await call("send_sms", { to, message: "Hej från SDK:t" });
check("send_sms sends", sent.structuredContent.sent === true && sent.structuredContent.simulated === true);
const id = sent.structuredContent.id;
const dry = await call("send_sms", { to, message: "Hej", dry_run: true });
check("send_sms in a dry run sends nothing", dry.structuredContent.sent === false);
const status = await call("check_sms_status", { message_id: id });
check("check_sms_status knows the message", status.structuredContent.message.id === id);
const history = await call("get_sms_messages", { limit: 2 });
check("get_sms_messages pages", history.structuredContent.messages.length === 2 && history.structuredContent.next_cursor);
const estimate = await call("estimate_sms_cost", { to, message: "x".repeat(161) });
check("estimate_sms_cost counts parts", estimate.structuredContent.parts === 2);
const balance = await call("check_account_balance");
check("check_account_balance tells the currency", balance.structuredContent.currency === "SEK");
const statistics = await call("get_delivery_statistics");
check("get_delivery_statistics counts", statistics.structuredContent.total >= 3);
const limits = await call("get_sending_limits", { to });
check("get_sending_limits counts the send",
  limits.structuredContent.limits.find((limit) => limit.rule === "sms_per_day").used === 1);
const again = await call("send_sms", { to, message: "Hej från SDK:t" });
check("the same message is not sent twice", again.structuredContent.duplicate === true && again.structuredContent.id === id);
const failed = await call("send_sms", { to: "+46701234567", message: "Hej" });
check("a failure is marked and has no facts", failed.isError === true && failed.structuredContent === undefined);
await client.close();

for (const [answer, expected] of [
  [{ action: "accept", content: { send: true } }, true],
  [{ action: "accept", content: { send: false } }, undefined],
  [{ action: "decline" }, undefined],
]) {
  const asked = await connect({ DRY_RUN: "false", CONFIRM_SENDS: "true" }, { elicitation: {} }, answer);
  const result = await asked.call("send_sms", { to, message: "Får jag?" });
  check(`with CONFIRM_SENDS the person is asked, and may answer ${JSON.stringify(answer)}`,
    asked.questions.length === 1 && asked.questions[0].includes("│ Får jag?") && result.structuredContent?.sent === expected);
  await asked.client.close();
}
console.log(`${passed} passed, 0 failed`);
