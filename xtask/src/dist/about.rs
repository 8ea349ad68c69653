//! What every package says about the program. host/Cargo.toml states it.

use crate::process::cargo_packages;
use anyhow::{Context, Result};
use serde_json::Value;

/// The words of a package about itself.
pub(super) struct About {
    /// What the program is, in one sentence.
    pub(super) description: String,
    /// The licences, as an SPDX expression.
    pub(super) licence: String,
    pub(super) keywords: Vec<String>,
}

impl About {
    /// Reads them from host/Cargo.toml.
    pub(super) fn read() -> Result<Self> {
        let packages = cargo_packages("--no-deps")?;
        let package = packages.iter().find(|package| package["name"] == "elks-mcp").context("elks-mcp is a package")?;
        let text = |field: &str| {
            let text = package[field].as_str().with_context(|| format!("host/Cargo.toml has no {field}"))?;
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
