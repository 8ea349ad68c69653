// Takes the official JSON schemas of MCP out of the official conformance tool, which carries them in its bundle, and
// writes each as VERSION.json.
//
// Usage: node official_schemas.mjs BUNDLE FOLDER   (the package is pinned in package.json)

import { readFileSync, writeFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const [bundle, folder] = process.argv.slice(2);
const text = readFileSync(bundle, "utf8");

// Oldest first, as in the bundle.
const versions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

// The object literal that begins at an index.
function literal(begin) {
  let depth = 0;
  let quote = null;
  for (let at = begin; at < text.length; at += 1) {
    const character = text[at];
    if (quote) {
      if (character === "\\") at += 1;
      else if (character === quote) quote = null;
    } else if ("`\"'".includes(character)) {
      quote = character;
    } else if (character === "{") {
      depth += 1;
    } else if (character === "}") {
      depth -= 1;
      if (depth === 0) return text.slice(begin, at + 1);
    }
  }
  throw new Error("the bundle breaks off");
}

const schemas = [...text.matchAll(/\{\$schema:`[^`]*json-schema\.org/g)]
  .map((match) => literal(match.index))
  .filter((schema) => schema.includes("JSONRPCRequest:{"))
  .map((schema) => runInNewContext(`(${schema})`));
if (schemas.length !== versions.length) {
  console.error(`the bundle has ${schemas.length} schemas of MCP, expected are ${versions.length}`);
  process.exit(1);
}
schemas.forEach((schema, index) => {
  writeFileSync(`${folder}/${versions[index]}.json`, JSON.stringify(schema, null, 2));
});
