//! The findings for programs. `docs/doctor.md` describes the form.

use super::finding::{Finding, is_well};
use crate::component::{CONFIGURED_SHA256, SHA256};
use crate::origin::{COMMIT, TARGET, VERSION};
use crate::sanitise::sanitise;
use serde_json::{Value, json};

/// The whole output.
pub(super) fn json(findings: &[Finding]) -> Value {
    let mut output = json!({
        "ok": is_well(findings),
        "version": VERSION,
        "commit": COMMIT,
        "target": TARGET,
        "component_sha256": SHA256,
        "configured_sha256": CONFIGURED_SHA256,
        "findings": findings.iter().map(finding).collect::<Vec<Value>>(),
    });
    sanitise(&mut output);
    output
}

fn finding(finding: &Finding) -> Value {
    let mut value = json!({
        "group": finding.group.word(),
        "check": finding.check,
        "status": finding.status.word(),
        "text": finding.text,
        "facts": finding.facts,
    });
    if let Some(next) = &finding.next {
        value["next"] = next.as_str().into();
    }
    if let Some(took) = finding.took {
        value["ms"] = (took.as_millis() as u64).into();
    }
    value
}
