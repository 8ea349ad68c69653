//! What a reviewer wants to see: what the component can reach, which bytes it is, and what each
//! tool may cause.

use crate::call::{Call, TOOLS_JSON, Tool};
use crate::config::Settings;
use crate::permit::{Parameter, Shape};
use crate::sandbox::{COMPONENT, COMPONENT_WIT};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

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
            for line in permit(tool, dry_run)? {
                writeln!(out, "//     {line}")?;
            }
        }
    }
    Ok(())
}

/// The permit of a tool, called with every argument that widens it, in words.
fn permit(tool: Tool, dry_run: bool) -> Result<Vec<String>> {
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
    let permit = call.permit(&settings);
    let lines = permit.allowed().iter();
    Ok(lines.map(|allowed| format!("at most {} × {}", allowed.times, words(&allowed.shape))).collect())
}

/// A request in words.
fn words(shape: &Shape) -> String {
    let mut words = String::new();
    match shape {
        Shape::Get { path, query } => {
            words.push_str("GET ");
            words.push_str(path);
            for (at, (name, parameter)) in query.iter().enumerate() {
                let value = match parameter {
                    Parameter::Exactly(value) => value.clone(),
                    Parameter::Time => "<time>".into(),
                    Parameter::AtMost(most) => format!("<1 to {most}>"),
                };
                // Writing into a String does not fail.
                let _ = write!(words, "{}{name}={value}", if at == 0 { " with any of " } else { ", " });
            }
        }
        Shape::PostSms { to, from, message, flash, dry_run } => {
            let _ = write!(words, "POST /a1/sms with exactly from={from}, to={to}, message={message}");
            words.push_str(if *flash { ", flashsms=yes" } else { "" });
            words.push_str(if *dry_run { ", dryrun=yes: nothing is sent" } else { ": one real message" });
        }
    }
    words
}
