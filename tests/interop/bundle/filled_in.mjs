// What Claude Desktop starts for an unpacked bundle: the official library fills in the fields. A person has written the
// required ones and left the others as they were. Prints command, args and env as JSON.
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const userConfig = {
  elks_api_username: "u0123456789abcdef",
  elks_api_password: "0123456789ABCDEF0123456789ABCDEF",
  elks_phone_number: "+46766861004",
};
const config = await getMcpConfigForManifest({
  manifest,
  extensionPath: folder,
  systemDirs: {},
  userConfig,
  pathSeparator: "/",
});
console.log(JSON.stringify(config));
