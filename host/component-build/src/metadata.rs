//! What a finished component says about itself to tools that print it: name, version, licence and source as the
//! registries of components read them, and every comment of `wit/`.
//!
//! The comments are in a section named `package-docs`. A tool that prints a component can attach comments only to its
//! world, which it calls `root` whatever the world's name was: interfaces belong to packages that it does not see. So
//! all comments of `wit/` become the world's text, in the two fields that tools of every age read. A tool that meets a
//! field that it does not know refuses the component.
//!
//! A function that belongs to the world itself has a text of its own there. `wit/` has it on the tool of the same name.

use crate::contract::{Contract, decode};
use crate::guest::Guest;
use crate::tools::{INTERFACES, interface_id, text};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::env;
use std::fmt::Write as _;
use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_component::DecodedWasm;
use wit_parser::{Docs, Function, InterfaceId, Resolve, Type, TypeDefKind, World, WorldItem};

/// The parameter of a tool that a caller fills in.
const REQUEST: &str = "request";

/// The version of `package-docs`, its first byte.
const DOCS_VERSION: u8 = 1;

/// A component with its metadata: name, version, licence, source, and every comment of the contract about what is in
/// it.
///
/// # Errors
/// The bytes are no component, or a function of its world has no text.
pub fn with_metadata(component: &[u8], contract: &Contract, guest: &Guest<'_>) -> Result<Vec<u8>> {
    let comments = comments(contract, guest.world, &decode(component)?)?;
    let mut name = AddMetadata::default();
    name.name = AddMetadataField::Set(guest.world.into());
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
    serde_json::to_writer(&mut docs, &comments)?;
    append(&mut component, "package-docs", &docs);
    Ok(component)
}

fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}

/// Every comment of `wit/` about a component of this world.
fn comments(contract: &Contract, world: &str, component: &DecodedWasm) -> Result<Value> {
    let Contract { resolve, package } = contract;
    let world = contract.world(world)?;
    let mut all = format!("{}\n\n# Imports\n\n", text(&world.docs));
    for item in world.imports.values() {
        if let WorldItem::Interface { id, docs, .. } = item {
            writeln!(all, "- {}: {}", resolve.id_of(*id).context("is named")?, text(docs))?;
        }
    }
    // The own interfaces are exported, or only their types are imported.
    for item in world.imports.values().chain(world.exports.values()) {
        if let WorldItem::Interface { id, .. } = item
            && resolve.interfaces[*id].package == Some(*package)
        {
            interface(&mut all, resolve, *id, component.resolve())?;
        }
    }
    let mut root = json!({"docs": all.trim_end()});
    let functions = texts_of_functions(contract, world)?;
    if !functions.is_empty() {
        root["func_exports"] = functions.into();
    }
    Ok(json!({"docs": text(&resolve.packages[*package].docs), "worlds": {"root": root}}))
}

/// The texts of the functions that a world exports itself: those of the tools with the same names, and of the fields of
/// their requests. A host that makes a tool of such a function shows a model no other text.
fn texts_of_functions(contract: &Contract, world: &World) -> Result<Map<String, Value>> {
    let interfaces: Vec<InterfaceId> =
        INTERFACES.iter().map(|name| interface_id(contract, name)).collect::<Result<_>>()?;
    let functions = world.exports.values().filter_map(|item| match item {
        WorldItem::Function(function) => Some(&function.name),
        _ => None,
    });
    functions
        .map(|name| {
            let tool = interfaces.iter().find_map(|id| contract.resolve.interfaces[*id].functions.get(name));
            let tool = tool.with_context(|| format!("there is no tool {name}"))?;
            let docs = tool.docs.contents.as_deref().with_context(|| format!("the tool {name} has no text"))?;
            Ok((name.clone(), json!({"docs": format!("{docs}{}", fields(&contract.resolve, tool))})))
        })
        .collect()
}

/// The texts of the fields of a tool's request.
fn fields(resolve: &Resolve, tool: &Function) -> String {
    let mut all = format!("\n\nThe fields of `{REQUEST}`. One that may be left out may be null.\n");
    let request = tool.params.iter().find(|param| param.name == REQUEST);
    let Some(Type::Id(id)) = request.map(|param| param.ty) else { return String::new() };
    let TypeDefKind::Record(record) = &resolve.types[id].kind else { return String::new() };
    for field in &record.fields {
        let _ = write!(all, "\n- `{}`: {}", field.name, text(&field.docs).replace('\n', "\n  "));
    }
    all
}

/// The comments of an interface: its functions, then its types, without those that the component does not have.
fn interface(all: &mut String, resolve: &Resolve, id: InterfaceId, component: &Resolve) -> Result<()> {
    let interface = &resolve.interfaces[id];
    let name = resolve.id_of(id).context("is named")?;
    let same = component.interfaces.iter().find(|(id, _)| component.id_of(*id).as_ref() == Some(&name));
    let (_, in_component) = same.with_context(|| format!("the component has no {name}"))?;
    write!(all, "\n# {name}\n\n{}\n", text(&interface.docs))?;
    for function in interface.functions.values().filter(|it| in_component.functions.contains_key(&it.name)) {
        write!(all, "\n## {}\n\n{}\n", function.name, text(&function.docs))?;
    }
    for (name, id) in interface.types.iter().filter(|(name, _)| in_component.types.contains_key(*name)) {
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
