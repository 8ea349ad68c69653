//! What a reviewer wants to see: what the component can reach, which bytes it is, and what each
//! tool may cause.

use crate::call::{Call, TOOLS_JSON, Tool};
use crate::config::Settings;
use crate::permit::{AUTHORITY, Parameter, Permit, Shape};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The component as other hosts load it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms.wasm"));

/// Imports and exports of [`COMPONENT`], as the build script printed them from its bytes.
const COMPONENT_WIT: &str = include_str!(concat!(env!("OUT_DIR"), "/elks-sms.wit"));

/// The functions that [`COMPONENT`] imports and exports, by interface, as the build script read them
/// from its bytes.
const INTERFACES_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/interfaces.json"));

/// The component's SHA-256, as hexadecimal digits.
pub fn digest() -> String {
    Sha256::digest(COMPONENT).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the served tool list as JSON.
///
/// # Errors
/// When it cannot be written.
pub fn write_tools(out: &mut dyn Write) -> Result<()> {
    let tools: Value = serde_json::from_str(TOOLS_JSON)?;
    writeln!(out, "{}", serde_json::to_string_pretty(&tools)?)?;
    Ok(())
}

/// Writes the component to a file.
///
/// # Errors
/// When it cannot be written.
pub fn write_component(path: &Path) -> Result<()> {
    std::fs::write(path, COMPONENT).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(std::io::stderr(), "✓ {} bytes, SHA-256 {}, written to {}", COMPONENT.len(), digest(), path.display())?;
    Ok(())
}

/// Writes the component's real imports and exports, its digest, and the permits.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "// elks-sms.wasm, {} bytes, SHA-256 {}", COMPONENT.len(), digest())?;
    writeln!(out, "// Imports and exports, printed from these bytes:\n")?;
    writeln!(out, "{}", COMPONENT_WIT.trim_end())?;
    writeln!(
        out,
        "\n// What one call of a tool may cause at https://api.46elks.com. The door denies everything else."
    )?;
    for (title, dry_run) in [("DRY_RUN=true (the default)", true), ("DRY_RUN=false", false)] {
        writeln!(out, "//\n// {title}")?;
        for tool in Tool::ALL {
            writeln!(out, "//   {}", tool.name())?;
            for allowed in permit(tool, dry_run)?.allowed() {
                writeln!(out, "//     at most {} × {}", allowed.times, Request::of(&allowed.shape).words())?;
            }
        }
    }
    Ok(())
}

/// Writes the same as JSON, for programs.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(out: &mut dyn Write) -> Result<()> {
    let interfaces: Value = serde_json::from_str(INTERFACES_JSON)?;
    let mut permits = Vec::new();
    for dry_run in [true, false] {
        for tool in Tool::ALL {
            let permit = permit(tool, dry_run)?;
            let allowed: Vec<Value> = permit.allowed().iter().map(|it| Request::of(&it.shape).json(it.times)).collect();
            permits.push(json!({"tool": tool.name(), "DRY_RUN": dry_run, "requests": allowed}));
        }
    }
    let capabilities = json!({
        "component": {
            "name": "elks-sms",
            "version": env!("CARGO_PKG_VERSION"),
            "bytes": COMPONENT.len(),
            "sha256": digest(),
            "imports": interfaces["imports"],
            "exports": interfaces["exports"],
        },
        "destination": format!("https://{AUTHORITY}"),
        "permits": permits,
    });
    writeln!(out, "{}", serde_json::to_string_pretty(&capabilities)?)?;
    Ok(())
}

/// The permit of a tool, called with every argument that widens it.
fn permit(tool: Tool, dry_run: bool) -> Result<Permit> {
    let mut settings = Settings::read(|_| None, true)?;
    settings.dry_run = dry_run;
    settings.sender = "<from>".into();
    let arguments = match tool {
        Tool::SendSms => json!({"to": "<to>", "message": "<message>"}),
        Tool::EstimateSmsCost => json!({"to": "<to>", "message": "<message>"}),
        Tool::GetSmsMessages => json!({"to": "<to>"}),
        Tool::CheckSmsStatus => json!({"message_id": "ID"}),
        Tool::CheckAccountBalance => json!({"to": "<to>"}),
        Tool::GetDeliveryStatistics => json!({}),
    };
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    let call = Call::parse(tool, arguments).map_err(anyhow::Error::msg)?;
    Ok(call.permit(&settings))
}

/// A request that a permit allows, to be shown.
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    /// Of the query, each may be left out; of the body, none.
    parameters: Vec<(&'static str, String)>,
    sends: bool,
}

impl<'a> Request<'a> {
    fn of(shape: &'a Shape) -> Self {
        match shape {
            Shape::Get { path, query } => {
                let value = |parameter: &Parameter| match parameter {
                    Parameter::Exactly(value) => value.clone(),
                    Parameter::Time => "<time>".into(),
                    Parameter::AtMost(most) => format!("<1 to {most}>"),
                };
                let parameters = query.iter().map(|(name, parameter)| (*name, value(parameter))).collect();
                Self { method: "GET", path, parameters, sends: false }
            }
            Shape::PostSms { to, from, message, flash, dry_run } => {
                let mut parameters = vec![("from", from.clone()), ("to", to.clone()), ("message", message.clone())];
                let yes = |name| (name, "yes".to_string());
                parameters.extend(flash.then(|| yes("flashsms")));
                parameters.extend(dry_run.then(|| yes("dryrun")));
                Self { method: "POST", path: "/a1/sms", parameters, sends: !dry_run }
            }
        }
    }

    fn words(&self) -> String {
        let all: Vec<String> = self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (method, path, all) = (self.method, self.path, all.join(", "));
        match (method, self.sends) {
            ("GET", _) if all.is_empty() => format!("GET {path}"),
            ("GET", _) => format!("GET {path} with any of {all}"),
            (_, true) => format!("{method} {path} with exactly {all}: one real message"),
            (_, false) => format!("{method} {path} with exactly {all}: nothing is sent"),
        }
    }

    fn json(&self, times: u32) -> Value {
        let parameters: Map<String, Value> =
            self.parameters.iter().map(|(name, value)| ((*name).to_string(), json!(value))).collect();
        let place = if self.method == "GET" { "query" } else { "body" };
        json!({"times": times, "method": self.method, "path": self.path, place: parameters, "sends": self.sends})
    }
}
