//! What the finished component says about itself, for tools that print it: name, version, licence and
//! source as the registries of components read them, and every comment of `wit/`.
//!
//! The comments are in a section named `package-docs`. A tool that prints a component can hang
//! comments on its world alone, which it calls `root` whatever it was called before: interfaces
//! belong to packages that it does not see. So the whole of `wit/` becomes the world's text, in the
//! two fields that tools of every age read; one that meets a field that it does not know refuses the
//! component.

use crate::tools::text as of;
use anyhow::{Context, Result};
use serde_json::json;
use std::env;
use std::fmt::Write as _;
use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_parser::{Docs, InterfaceId, PackageId, Resolve, TypeDefKind, WorldItem};

/// The version of `package-docs`, its first byte.
const DOCS_VERSION: u8 = 1;

/// Adds all of it to a component.
pub(crate) fn add(component: &[u8], resolve: &Resolve, package: PackageId) -> Result<Vec<u8>> {
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
    serde_json::to_writer(&mut docs, &comments(resolve, package)?)?;
    append(&mut component, "package-docs", &docs);
    Ok(component)
}

fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}

/// Every comment of `wit/`.
fn comments(resolve: &Resolve, package: PackageId) -> Result<serde_json::Value> {
    let world = &resolve.worlds[resolve.select_world(&[package], Some("elks-sms"))?];
    let mut text = format!("{}\n\n# Imports\n\n", of(&world.docs));
    for item in world.imports.values() {
        if let WorldItem::Interface { id, docs, .. } = item {
            writeln!(text, "- {}: {}", resolve.id_of(*id).context("is named")?, of(docs))?;
        }
    }
    for item in world.exports.values() {
        if let WorldItem::Interface { id, .. } = item {
            interface(&mut text, resolve, *id)?;
        }
    }
    Ok(json!({"docs": of(&resolve.packages[package].docs), "worlds": {"root": {"docs": text.trim_end()}}}))
}

/// The comments of an exported interface: its functions, then its types.
fn interface(text: &mut String, resolve: &Resolve, id: InterfaceId) -> Result<()> {
    let interface = &resolve.interfaces[id];
    write!(text, "\n# {}\n\n{}\n", resolve.id_of(id).context("is named")?, of(&interface.docs))?;
    for function in interface.functions.values() {
        write!(text, "\n## {}\n\n{}\n", function.name, of(&function.docs))?;
    }
    for (name, id) in &interface.types {
        let items: Vec<(&str, &Docs)> = match &resolve.types[*id].kind {
            TypeDefKind::Record(it) => it.fields.iter().map(|field| (&*field.name, &field.docs)).collect(),
            TypeDefKind::Enum(it) => it.cases.iter().map(|case| (&*case.name, &case.docs)).collect(),
            TypeDefKind::Variant(it) => it.cases.iter().map(|case| (&*case.name, &case.docs)).collect(),
            // A type of another interface is described there.
            _ => continue,
        };
        write!(text, "\n## {name}\n\n{}\n\n", of(&resolve.types[*id].docs))?;
        for (name, docs) in items {
            writeln!(text, "- {name}: {}", of(docs).replace('\n', "\n  "))?;
        }
    }
    Ok(())
}
