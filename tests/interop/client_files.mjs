// The files of MCP clients: what `elks-mcp install` writes, beside what add-mcp writes, a program of other people.
// Both write into an empty home. Files and entries must be the same, but for the differences below.
// Usage: node client_files.mjs ELKS_MCP
import assert from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parse as parseToml } from "@iarna/toml";
import yaml from "js-yaml";

// Our name of each client, and that of add-mcp. It does not know LM Studio.
const CLIENTS = {
  "antigravity": "antigravity",
  "claude-code": "claude-code",
  "claude-desktop": "claude-desktop",
  "cline": "cline",
  "cline-cli": "cline-cli",
  "codex": "codex",
  "copilot": "github-copilot-cli",
  "cursor": "cursor",
  "gemini": "gemini-cli",
  "goose": "goose",
  "kiro": "kiro-cli",
  "opencode": "opencode",
  "vscode": "vscode",
  "windsurf": "windsurf",
  "zed": "zed",
};

// On macOS, Zed reads ~/.config/zed (https://zed.dev/docs/configuring-zed); add-mcp writes into another folder there.
if (process.platform === "darwin") delete CLIENTS.zed;

const withoutDisabled = (ours, theirs) => {
  assert.equal(theirs.disabled, false);
  delete theirs.disabled;
};

// What may differ, and why.
const DIFFERENCES = {
  // The clients' own commands write it.
  "claude-code": (ours) => delete ours.type,
  // Its page of formats has it; without it, VS Code finds out by itself.
  "vscode": (ours) => delete ours.type,
  // `copilot mcp add` writes local; stdio is read in the same way.
  "copilot": (ours, theirs) => {
    assert.deepEqual([ours.type, theirs.type], ["local", "stdio"]);
    ours.type = theirs.type;
  },
  // A text for people.
  "goose": (ours, theirs) => (ours.description = theirs.description),
  // False is the default.
  "cline": withoutDisabled,
  "cline-cli": withoutDisabled,
};

const program = realpathSync(process.argv[2]);
const home = mkdtempSync(join(tmpdir(), "elks-clients-"));
const env = { HOME: home, PATH: process.env.PATH };
// Where the settings file stands depends on the system, so the program itself says it.
const notes = spawnSync(program, ["print-config", "cursor"], { env, encoding: "utf8" }).stderr;
const settings = notes.match(/^Settings file: (.+)$/m)[1];
assert(settings.startsWith(home), settings);
const run = (file, ...args) => execFileSync(file, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const files = () =>
  readdirSync(home, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => file !== settings && !relative(home, file).includes("add-mcp"));
const parsers = { json: JSON.parse, jsonc: JSON.parse, toml: parseToml, yaml: yaml.load };
const read = (file) => parsers[file.split(".").pop()](readFileSync(file, "utf8"));
// A client takes an empty map for a missing one.
const withoutEmpty = (entry) => {
  const isEmpty = (value) => typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => !isEmpty(value)));
};
// The section and the entry of the one file in the home.
const written = () => {
  const all = files();
  assert.equal(all.length, 1, all.join());
  const [[section, entries]] = Object.entries(read(all[0]));
  const [[name, entry]] = Object.entries(entries);
  return { file: all[0], section, name, entry: withoutEmpty(entry) };
};

try {
  const version = JSON.parse(readFileSync("node_modules/add-mcp/package.json", "utf8")).version;
  for (const [client, agent] of Object.entries(CLIENTS)) {
    const theirOptions = ["--args=--settings", `--args=${settings}`, "--global", "--yes", "--name=elks"];
    run("node_modules/.bin/add-mcp", program, ...theirOptions, "--agent", agent);
    const theirs = written();
    // Our program finds its entry in a file that the other one has written, and takes it out.
    assert.match(run(program, "install", client, "--edit"), /nothing was changed/, client);
    assert.match(run(program, "uninstall", client, "--edit"), /is no longer in|is removed/, client);
    files().forEach((file) => rmSync(file));

    run(program, "install", client, "--edit", "--force");
    const ours = written();
    DIFFERENCES[client]?.(ours.entry, theirs.entry);
    assert.deepEqual(ours, theirs, client);
    run(program, "uninstall", client, "--edit");
    assert.deepEqual(files(), [], client);
  }
  const count = Object.keys(CLIENTS).length;
  console.log(`${count} passed, 0 failed: the files of ${count} clients are those that add-mcp ${version} writes`);
} finally {
  rmSync(home, { recursive: true });
}
