//! From `wit/` to Rust: one record or enum a type, and one `Export` a tool.
//!
//! `wasmtime::component::bindgen!` would derive `Debug` for each record, which prints texts and numbers. Records made
//! here have none. serde spells their fields and cases as the tool list does, and leaves out what is absent, and what
//! is false, 0 or empty by default. Other defaults are left out by the verdict. wasmtime compares each field's name and
//! type with the component when a function is called.

use crate::contract::Contract;
use crate::tools::{INTERFACES, SENDING, default, host_fields, interface_id, is_bound, is_option, joined, snake, text};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use wit_parser::{Docs, Resolve, Type, TypeDefKind, TypeId};

/// Which way values of a type go, seen from the host.
#[derive(Clone, Copy)]
struct Ways {
    /// Into the component: requests.
    inward: bool,
    /// Out of the component: results and errors.
    outward: bool,
}

/// The contract as Rust source: all records and enums that tools use, and one `Export` a tool.
///
/// # Errors
/// A type of the contract has no Rust form here.
pub fn records(contract: &Contract) -> Result<String> {
    let Contract { resolve, .. } = contract;
    let mut source = String::new();
    let (mut inward, mut outward) = (BTreeSet::new(), BTreeSet::new());
    for name in INTERFACES {
        let id = interface_id(contract, name)?;
        let interface = resolve.id_of(id).context("the interface has a name")?;
        for function in resolve.interfaces[id].functions.values() {
            let class = if name == SENDING { "Sending" } else { "Queries" };
            let title = text(&function.docs).lines().next().unwrap_or_default();
            writeln!(source, "/// {title}.")?;
            writeln!(source, "pub const {}: Export = Export {{", snake(&function.name).to_uppercase())?;
            writeln!(source, "    tool: {:?},", snake(&function.name))?;
            writeln!(source, "    interface: {interface:?},")?;
            writeln!(source, "    function: {:?},", function.name)?;
            writeln!(source, "    class: Class::{class},\n}};\n")?;
            for param in &function.params {
                collect(resolve, &param.ty, &mut inward)?;
            }
            if let Some(result) = &function.result {
                collect(resolve, result, &mut outward)?;
            }
        }
    }
    let mut times = BTreeSet::new();
    // In the order of the contract, not of discovery: the file can be read beside wit/.
    for (id, ty) in resolve.types.iter() {
        let ways = Ways { inward: inward.contains(&id), outward: outward.contains(&id) };
        if (ways.inward || ways.outward) && ty.name.is_some() {
            define(&mut source, resolve, id, ways)?;
        }
        if let (true, TypeDefKind::Record(record)) = (ways.outward, &ty.kind) {
            times.extend(record.fields.iter().filter(|it| is_time(resolve, &it.ty)).map(|it| snake(&it.name)));
        }
    }
    writeln!(source, "/// The fields of results that hold a time.")?;
    writeln!(source, "pub(crate) const TIMES: &[&str] = &{:?};\n", Vec::from_iter(times))?;
    writeln!(
        source,
        "/// The fields of results and requests that the host adds: no record of the component has them."
    )?;
    writeln!(source, "#[cfg(test)]\npub(crate) const HOST_FIELDS: &[&str] = &{:?};", host_fields(contract)?)?;
    Ok(source)
}

/// All named types that a type consists of.
fn collect(resolve: &Resolve, ty: &Type, found: &mut BTreeSet<TypeId>) -> Result<()> {
    let Type::Id(id) = ty else { return Ok(()) };
    let inner: Vec<&Type> = match &resolve.types[*id].kind {
        TypeDefKind::Type(ty) | TypeDefKind::Option(ty) | TypeDefKind::List(ty) => return collect(resolve, ty, found),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
        TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).collect(),
        TypeDefKind::Enum(_) => Vec::new(),
        other => bail!("a {} has no Rust form here", other.as_str()),
    };
    if !matches!(resolve.types[*id].kind, TypeDefKind::Result(_)) {
        found.insert(*id);
    }
    inner.into_iter().try_for_each(|ty| collect(resolve, ty, found))
}

/// Writes the definition of a type.
fn define(source: &mut String, resolve: &Resolve, id: TypeId, ways: Ways) -> Result<()> {
    let ty = &resolve.types[id];
    let name = camel(ty.name.as_deref().context("the type has a name")?);
    comment(source, "", &ty.docs)?;
    let derives = match (ways.inward, ways.outward) {
        (true, true) => "#[derive(ComponentType, Lift, Lower, Deserialize, Serialize)]\n",
        (true, false) => "#[derive(ComponentType, Lower, Deserialize, Serialize)]\n",
        _ => "#[derive(ComponentType, Lift, Serialize)]\n#[cfg_attr(test, derive(Deserialize))]\n",
    };
    match &ty.kind {
        TypeDefKind::Record(record) => {
            // The host compares the records that come out with what it knows.
            let equal = if ways.outward { "#[derive(PartialEq)]\n" } else { "" };
            write!(source, "{derives}{equal}#[component(record)]\npub struct {name} {{\n")?;
            for field in &record.fields {
                comment(source, "    ", &field.docs)?;
                component_name(source, &field.name, &snake(&field.name))?;
                let name = identifier(&field.name);
                if is_option(resolve, &field.ty) {
                    writeln!(source, "    #[serde(default, skip_serializing_if = \"Option::is_none\")]")?;
                } else if default(&field.docs).is_some_and(|default| ["false", "0", "[]"].contains(&default)) {
                    writeln!(source, "    #[serde(default, skip_serializing_if = \"is_default\")]")?;
                }
                writeln!(source, "    pub {name}: {},", rust(resolve, &field.ty)?)?;
            }
            writeln!(source, "}}\n")?;
        }
        TypeDefKind::Enum(cases) => {
            write!(source, "{derives}#[derive(Debug, Clone, Copy, PartialEq, Eq)]\n#[component(enum)]\n#[repr(u8)]\n")?;
            writeln!(source, "pub enum {name} {{")?;
            for case in &cases.cases {
                comment(source, "    ", &case.docs)?;
                component_name(source, &case.name, &camel(&case.name))?;
                writeln!(source, "    #[serde(rename = {:?})]", snake(&case.name))?;
                writeln!(source, "    {},", camel(&case.name))?;
            }
            writeln!(source, "}}\n")?;
        }
        // Errors are not results: they have no JSON form.
        TypeDefKind::Variant(variant) if !ways.inward => {
            write!(source, "#[derive(ComponentType, Lift)]\n#[component(variant)]\npub enum {name} {{\n")?;
            for case in &variant.cases {
                comment(source, "    ", &case.docs)?;
                component_name(source, &case.name, &camel(&case.name))?;
                match &case.ty {
                    Some(ty) => writeln!(source, "    {}({}),", camel(&case.name), rust(resolve, ty)?)?,
                    None => writeln!(source, "    {},", camel(&case.name))?,
                }
            }
            writeln!(source, "}}\n")?;
        }
        other => bail!("{name} is a {}, which has no Rust form here", other.as_str()),
    }
    Ok(())
}

/// The name that the component uses, where Rust uses another.
fn component_name(source: &mut String, wit: &str, rust: &str) -> Result<()> {
    if wit != rust {
        writeln!(source, "    #[component(name = {wit:?})]")?;
    }
    Ok(())
}

/// The text of an item as a doc comment, without the lines that are bounds.
fn comment(source: &mut String, indent: &str, docs: &Docs) -> Result<()> {
    let (bounds, prose): (Vec<&str>, Vec<&str>) = text(docs).lines().partition(|line| is_bound(line));
    writeln!(source, "{indent}/// {}", joined(&prose.join(" ")))?;
    for bound in bounds {
        writeln!(source, "{indent}///\n{indent}/// `{bound}`")?;
    }
    Ok(())
}

/// Whether a type is the contract's `time`, or an optional one.
fn is_time(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return false };
    let ty = &resolve.types[*id];
    match &ty.kind {
        TypeDefKind::Option(inner) => is_time(resolve, inner),
        TypeDefKind::Type(_) => ty.name.as_deref() == Some("time"),
        _ => false,
    }
}

/// The Rust form of a type where it is used.
fn rust(resolve: &Resolve, ty: &Type) -> Result<String> {
    Ok(match ty {
        Type::Bool => "bool".into(),
        Type::U16 => "u16".into(),
        Type::U32 => "u32".into(),
        Type::U64 => "u64".into(),
        Type::S64 => "i64".into(),
        Type::String => "String".into(),
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(aliased) => rust(resolve, aliased)?,
            TypeDefKind::Option(inner) => format!("Option<{}>", rust(resolve, inner)?),
            TypeDefKind::List(item) => format!("Vec<{}>", rust(resolve, item)?),
            _ => camel(resolve.types[*id].name.as_deref().context("a named type")?),
        },
        other => bail!("{other:?} has no Rust form here"),
    })
}

/// `dry-run` in WIT is `dry_run` in Rust, and `type` is `r#type`.
fn identifier(name: &str) -> String {
    const KEYWORDS: [&str; 12] =
        ["as", "async", "const", "enum", "fn", "for", "in", "match", "mod", "move", "ref", "type"];
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// `sent-sms` in WIT is `SentSms` in Rust.
fn camel(name: &str) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(capitalised).collect()
}
