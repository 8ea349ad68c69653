//! What reviewers want to see: what the component can reach, which bytes it is, and what a call of each tool may cause.

use crate::component::{COMPONENT, CONFIGURED, CONFIGURED_ORIGIN, CONFIGURED_SHA256, IS_OWN, ORIGIN, SHA256};
use crate::config::{Settings, Variables};
use crate::tools::{TOOLS_JSON, Tool};
use anyhow::{Context, Result};
use elks_sandbox::{Parameter, Permit, RequestPattern};
use serde_json::{Map, Value, json};
use sms_rules::limits::API_HOST;
use std::io::Write;
use std::path::Path;

/// Imports and exports of the component, printed by the build script from its bytes.
const COMPONENT_WIT: &str = include_str!(concat!(env!("OUT_DIR"), "/elks-sms.wit"));

/// The functions that the component imports and exports, by interface, read by the build script from its bytes.
const INTERFACES_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/elks-sms.json"));

/// The same of the component that the program does not run.
const CONFIGURED_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/elks-sms-configured.json"));

/// Writes the served tool list as JSON.
///
/// # Errors
/// When it cannot be written.
pub fn write_tools(out: &mut dyn Write) -> Result<()> {
    let tools: Value = serde_json::from_str(TOOLS_JSON)?;
    writeln!(out, "{}", serde_json::to_string_pretty(&tools)?)?;
    Ok(())
}

/// Writes the component to a file, or to stdout if the path is `-`; with `configured` elks-sms-configured.
///
/// # Errors
/// When it cannot be written.
pub fn write_component(path: &Path, configured: bool) -> Result<()> {
    let (component, sha256) = if configured { (CONFIGURED, CONFIGURED_SHA256) } else { (COMPONENT, SHA256) };
    if path == Path::new("-") {
        std::io::stdout().write_all(component)?;
        return Ok(());
    }
    std::fs::write(path, component).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(std::io::stderr(), "✓ {} bytes, SHA-256 {sha256}, written to {}", component.len(), path.display())?;
    Ok(())
}

/// Writes the component's imports and exports, its digest, and the permits. Then which component the program has for
/// other hosts.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "// elks-sms.wasm, {} bytes, {ORIGIN}, SHA-256 {SHA256}", COMPONENT.len())?;
    writeln!(out, "// Imports and exports, printed from these bytes:\n")?;
    writeln!(out, "{}", COMPONENT_WIT.trim_end())?;
    writeln!(out, "\n// What one call of a tool may cause at https://{API_HOST}. The egress denies everything else.")?;
    for (title, dry_run) in [("DRY_RUN=true (the default)", true), ("DRY_RUN=false", false)] {
        writeln!(out, "//\n// {title}")?;
        for &tool in Tool::ALL {
            writeln!(out, "//   {}", tool.name())?;
            for allowed in permit(tool, dry_run)?.allowed() {
                writeln!(out, "//     at most {} × {}", allowed.times, Request::of(&allowed.request).words())?;
            }
        }
    }
    write_configured(out)
}

/// Writes the digest of elks-sms-configured and the functions that it imports, as comments: none of it is about what
/// the program runs.
fn write_configured(out: &mut dyn Write) -> Result<()> {
    let bytes = CONFIGURED.len();
    writeln!(out, "\n// Not run by this program, and written by `elks-mcp component --configured` for other hosts:")?;
    writeln!(out, "// elks-sms-configured.wasm, {bytes} bytes, {CONFIGURED_ORIGIN}, SHA-256 {CONFIGURED_SHA256}")?;
    writeln!(out, "// The functions that it imports, read from these bytes:\n//")?;
    let interfaces: Value = serde_json::from_str(CONFIGURED_JSON)?;
    for (interface, functions) in interfaces["imports"].as_object().context("imports are an object")? {
        let names: Vec<&str> = functions.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        writeln!(out, "//   {interface}: {}", if names.is_empty() { "none".into() } else { names.join(", ") })?;
    }
    Ok(())
}

/// Writes the same as JSON, for programs.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(out: &mut dyn Write) -> Result<()> {
    let interfaces: Value = serde_json::from_str(INTERFACES_JSON)?;
    let of_configured: Value = serde_json::from_str(CONFIGURED_JSON)?;
    let mut permits = Vec::new();
    for dry_run in [true, false] {
        for &tool in Tool::ALL {
            let permit = permit(tool, dry_run)?;
            let allowed: Vec<Value> =
                permit.allowed().iter().map(|it| Request::of(&it.request).json(it.times)).collect();
            permits.push(json!({"tool": tool.name(), "DRY_RUN": dry_run, "requests": allowed}));
        }
    }
    let capabilities = json!({
        "component": {
            // Nobody knows what a component that the builder named calls itself.
            "name": IS_OWN.then_some("elks-sms"),
            "version": IS_OWN.then_some(env!("CARGO_PKG_VERSION")),
            "bytes": COMPONENT.len(),
            "sha256": SHA256,
            "origin": ORIGIN,
            "imports": interfaces["imports"],
            "exports": interfaces["exports"],
        },
        // The program never runs it: neither destination nor permits are about it.
        "configured": {
            "name": "elks-sms-configured",
            "version": env!("CARGO_PKG_VERSION"),
            "bytes": CONFIGURED.len(),
            "sha256": CONFIGURED_SHA256,
            "origin": CONFIGURED_ORIGIN,
            "imports": of_configured["imports"],
            "exports": of_configured["exports"],
        },
        "destination": format!("https://{API_HOST}"),
        "permits": permits,
    });
    writeln!(out, "{}", serde_json::to_string_pretty(&capabilities)?)?;
    Ok(())
}

/// The permit of a tool's example call, which has every argument that widens the permit.
fn permit(tool: Tool, dry_run: bool) -> Result<Permit> {
    let mut settings = Settings::read(&Variables::default(), true)?;
    settings.dry_run = dry_run;
    settings.sender = "<from>".into();
    Ok(tool.example().permit(&settings))
}

/// A request that a permit allows, for display.
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    /// The parameters of a query or the fields of a body that must be there.
    required: Vec<(&'static str, String)>,
    /// The parameters of a query that may be there.
    optional: Vec<(&'static str, String)>,
    sends: bool,
}

impl<'a> Request<'a> {
    fn of(pattern: &'a RequestPattern) -> Self {
        match pattern {
            RequestPattern::Get { path, required, optional } => {
                let value = |parameter: &Parameter| match parameter {
                    Parameter::Exactly(value) => value.clone(),
                    Parameter::Time => "<time>".into(),
                };
                let shown = |parameters: &[(&'static str, Parameter)]| {
                    parameters.iter().map(|(name, parameter)| (*name, value(parameter))).collect()
                };
                Self { method: "GET", path, required: shown(required), optional: shown(optional), sends: false }
            }
            RequestPattern::PostSms { to, from, message, flash, dry_run } => {
                let mut required = vec![("from", from.clone()), ("to", to.clone()), ("message", message.clone())];
                let yes = |name| (name, "yes".to_string());
                required.extend(flash.then(|| yes("flashsms")));
                required.extend(dry_run.then(|| yes("dryrun")));
                Self { method: "POST", path: "/a1/sms", required, optional: vec![], sends: !dry_run }
            }
        }
    }

    fn words(&self) -> String {
        let listed = |parameters: &[(&str, String)]| {
            parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
        };
        let (method, path, required, optional) =
            (self.method, self.path, listed(&self.required), listed(&self.optional));
        match (method, required.is_empty(), optional.is_empty()) {
            ("GET", true, true) => format!("GET {path}"),
            ("GET", true, false) => format!("GET {path} with any of {optional}"),
            ("GET", false, true) => format!("GET {path} with exactly {required}"),
            ("GET", false, false) => format!("GET {path} with exactly {required}, and any of {optional}"),
            _ if self.sends => format!("{method} {path} with exactly {required}: one real message"),
            _ => format!("{method} {path} with exactly {required}: nothing is sent"),
        }
    }

    fn json(&self, times: u32) -> Value {
        let all: Map<String, Value> = self
            .required
            .iter()
            .chain(&self.optional)
            .map(|(name, value)| ((*name).to_string(), json!(value)))
            .collect();
        let required: Vec<&str> = self.required.iter().map(|(name, _)| *name).collect();
        let place = if self.method == "GET" { "query" } else { "body" };
        json!({"times": times, "method": self.method, "path": self.path, place: all, "required": required, "sends": self.sends})
    }
}
