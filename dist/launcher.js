#!/usr/bin/env node
// Starts the program of this system. It is in a package of its own, which npm chooses by system and processor; no script
// runs at the installation, and nothing is downloaded here.
"use strict";

const { spawn } = require("node:child_process");
const { programs } = require("./package.json");

const isWindows = process.platform === "win32";
const system = `${process.platform}-${process.arch}`;
const name = programs[system];

function fail(problem) {
  process.stderr.write(`✗ elks-mcp: ${problem}\n`);
  process.exit(1);
}

if (name === undefined) {
  fail(`there is no program for ${system}; there is one for ${Object.keys(programs).join(", ")}. Build it from source.`);
}

let program;
try {
  program = require.resolve(`${name}/${isWindows ? "elks-mcp.exe" : "elks-mcp"}`);
} catch {
  fail(`the package ${name} is missing. Install elks-mcp again, without --omit=optional or --no-optional.`);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit", windowsHide: true });
child.on("error", (error) => fail(`${program} cannot be started: ${error.message}`));

// What asks this process to end asks the program, which ends in its own time. On Windows, the console asks both.
for (const signal of isWindows ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, isWindows ? () => {} : () => child.kill(signal));
}

child.on("exit", (code, signal) => {
  if (signal === null) {
    process.exit(code);
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
