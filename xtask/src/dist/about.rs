//! What packages say about the program and about the component. The manifests of their crates state it.

use crate::process::cargo_packages;
use anyhow::{Context, Result};
use serde_json::Value;

/// The words of a package about what is in it.
pub(super) struct About {
    /// What it is, in one sentence.
    pub(super) description: String,
    /// The licences, as an SPDX expression.
    pub(super) licence: String,
    pub(super) keywords: Vec<String>,
}

impl About {
    /// Reads them from the manifest of a crate of this workspace.
    pub(super) fn read(name: &str) -> Result<Self> {
        let packages = cargo_packages("--no-deps")?;
        let package = packages.iter().find(|package| package["name"] == name);
        let package = package.with_context(|| format!("{name} is no crate of this workspace"))?;
        let text = |field: &str| {
            let text = package[field].as_str().with_context(|| format!("the manifest of {name} has no {field}"))?;
            anyhow::Ok(text.to_string())
        };
        let keywords = package["keywords"].as_array().into_iter().flatten();
        Ok(Self {
            description: text("description")?,
            licence: text("license")?,
            keywords: keywords.filter_map(Value::as_str).map(str::to_string).collect(),
        })
    }
}
