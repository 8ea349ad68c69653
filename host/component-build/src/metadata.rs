//! What a finished component says about itself to tools that print it: name, version, licence and source as the
//! registries of components read them, and every comment of `wit/`.
//!
//! The comments are in a section named `package-docs`. A tool that prints a component can attach comments only to its
//! world, which it calls `root` whatever the world's name was: interfaces belong to packages that it does not see. So
//! all comments of `wit/` become the world's text, in the two fields that tools of every age read. A tool that meets a
//! field that it does not know refuses the component.

use crate::contract::{Contract, WORLD};
use crate::tools::text;
use anyhow::{Context, Result};
use serde_json::json;
use std::env;
use std::fmt::Write as _;
use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_parser::{Docs, InterfaceId, Resolve, TypeDefKind, WorldItem};

/// The version of `package-docs`, its first byte.
const DOCS_VERSION: u8 = 1;

/// A component with its metadata: name, version, licence, source, and every comment of the contract.
///
/// # Errors
/// The bytes are no component.
pub fn with_metadata(component: &[u8], contract: &Contract) -> Result<Vec<u8>> {
    let mut name = AddMetadata::default();
    name.name = AddMetadataField::Set("elks-sms".into());
    let mut component = name.to_wasm(component)?;
    for (name, value) in [
        ("description", "CARGO_PKG_DESCRIPTION"),
        ("licenses", "CARGO_PKG_LICENSE"),
        ("source", "CARGO_PKG_REPOSITORY"),
        ("version", "CARGO_PKG_VERSION"),
    ] {
        append(&mut component, name, env::var(value)?.as_bytes());
    }
    let mut docs = vec![DOCS_VERSION];
    serde_json::to_writer(&mut docs, &comments(contract)?)?;
    append(&mut component, "package-docs", &docs);
    Ok(component)
}

fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}

/// Every comment of `wit/`.
fn comments(contract: &Contract) -> Result<serde_json::Value> {
    let Contract { resolve, package } = contract;
    let world = &resolve.worlds[resolve.select_world(&[*package], Some(WORLD))?];
    let mut all = format!("{}\n\n# Imports\n\n", text(&world.docs));
    for item in world.imports.values() {
        if let WorldItem::Interface { id, docs, .. } = item {
            writeln!(all, "- {}: {}", resolve.id_of(*id).context("is named")?, text(docs))?;
        }
    }
    for item in world.exports.values() {
        if let WorldItem::Interface { id, .. } = item {
            interface(&mut all, resolve, *id)?;
        }
    }
    Ok(json!({"docs": text(&resolve.packages[*package].docs), "worlds": {"root": {"docs": all.trim_end()}}}))
}

/// The comments of an exported interface: its functions, then its types.
fn interface(all: &mut String, resolve: &Resolve, id: InterfaceId) -> Result<()> {
    let interface = &resolve.interfaces[id];
    write!(all, "\n# {}\n\n{}\n", resolve.id_of(id).context("is named")?, text(&interface.docs))?;
    for function in interface.functions.values() {
        write!(all, "\n## {}\n\n{}\n", function.name, text(&function.docs))?;
    }
    for (name, id) in &interface.types {
        let items: Vec<(&str, &Docs)> = match &resolve.types[*id].kind {
            TypeDefKind::Record(it) => it.fields.iter().map(|field| (&*field.name, &field.docs)).collect(),
            TypeDefKind::Enum(it) => it.cases.iter().map(|case| (&*case.name, &case.docs)).collect(),
            TypeDefKind::Variant(it) => it.cases.iter().map(|case| (&*case.name, &case.docs)).collect(),
            // A type of another interface is described there.
            _ => continue,
        };
        write!(all, "\n## {name}\n\n{}\n\n", text(&resolve.types[*id].docs))?;
        for (name, docs) in items {
            writeln!(all, "- {name}: {}", text(docs).replace('\n', "\n  "))?;
        }
    }
    Ok(())
}
