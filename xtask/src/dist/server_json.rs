//! `server.json`, by which the MCP Registry and catalogues know the packages.
//!
//! Format: the schema of 2025-12-11 of modelcontextprotocol/registry.

use super::oci::sha256;
use super::{Package, REGISTRY_NAME, REPOSITORY, VERSION, settings};
use anyhow::Result;
use serde_json::{Value, json};

const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// What the registry shows, in at most 100 characters.
const DESCRIPTION: &str = "Send and read SMS through 46elks: the SMS code in a sandbox, with limits and a journal";

/// The entry, with a package for each registry and each bundle.
pub(super) fn made(packages: &[Package]) -> Result<Vec<u8>> {
    let registered =
        |kind: &str, identifier: &str| json!({"registryType": kind, "identifier": identifier, "version": VERSION});
    let mut listed = vec![
        registered("npm", "elks-mcp"),
        registered("pypi", "elks-mcp"),
        registered("cargo", "elks-mcp"),
        // The tag is the version.
        json!({"registryType": "oci", "identifier": format!("ghcr.io/elks-mcp/elks-mcp:{VERSION}")}),
    ];
    for bundle in packages.iter().filter(|package| package.name.ends_with(".mcpb")) {
        let mut package = registered("mcpb", &format!("{REPOSITORY}/releases/download/v{VERSION}/{}", bundle.name));
        package["fileSha256"] = sha256(&bundle.bytes).into();
        listed.push(package);
    }
    for package in &mut listed {
        package["transport"] = json!({"type": "stdio"});
        package["environmentVariables"] = settings::environment_variables();
    }
    let entry: Value = json!({
        "$schema": SCHEMA,
        "name": REGISTRY_NAME,
        "title": "SMS with 46elks",
        "description": DESCRIPTION,
        "version": VERSION,
        "repository": {"url": REPOSITORY, "source": "github"},
        "websiteUrl": REPOSITORY,
        "packages": listed,
    });
    let mut text = serde_json::to_vec_pretty(&entry)?;
    text.push(b'\n');
    Ok(text)
}
