//! From `wit/` to the MCP tool list: names, titles, descriptions, schemas and hints. No text of it stands anywhere
//! else.
//!
//! The first paragraph of a function's text is the tool's title, the second its description. A request is a closed
//! object schema; a result is open, so that it can grow. A field that is an `option` or has a default is not required.
//! Of a field's text, the first sentence is left out, because the name says it, and the rest of the paragraph is the
//! description. Lines that begin with `Bounds:`, `Default:` or `Pattern:` become bounds; the default of a result's
//! field is not repeated, because it is what anybody would expect. The interface `host` says what the host adds.
//!
//! Every byte of the list is read by a model in every session, so that it says nothing twice.

use crate::contract::Contract;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use wit_parser::{Docs, Function, InterfaceId, Record, Resolve, Type, TypeDef, TypeDefKind};

/// Longest description of a tool, in bytes. Clients cut longer ones, or count them against a budget.
const MAX_DESCRIPTION_BYTES: usize = 500;

/// The interface whose functions send. Functions of all other interfaces only read.
pub(crate) const SENDING: &str = "sending";

/// How lines of a field's text begin that are bounds of its schema.
const BOUNDS: &str = "Bounds: ";
const DEFAULT: &str = "Default: ";
const PATTERN: &str = "Pattern: ";

/// The interface of types alone.
const TYPES: &str = "types";

/// The interface of what the host adds: its own tools, and fields of the component's records.
const HOST: &str = "host";

/// The interfaces whose functions are tools, in the order of the tool list.
pub(crate) const INTERFACES: [&str; 3] = [SENDING, "queries", HOST];

/// How the name of a record ends whose fields belong to another record.
const ADDITIONS: &str = "-additions";

/// The name of the record before [`ADDITIONS`] whose fields are in every result.
const RESULT: &str = "result";

/// The MCP tool list, in the order of the contract.
///
/// # Errors
/// A function or type of the contract does not fit an MCP tool.
pub fn tools(contract: &Contract) -> Result<Vec<Value>> {
    let Contract { resolve, package } = contract;
    for name in resolve.packages[*package].interfaces.keys() {
        ensure!(name == TYPES || INTERFACES.contains(&&**name), "wit/ has an interface {name} that no tool list knows");
    }
    let mut list = Vec::new();
    for interface in INTERFACES {
        let id = interface_id(contract, interface)?;
        for function in resolve.interfaces[id].functions.values() {
            let tool = tool(contract, function, interface).with_context(|| format!("{interface}.{}", function.name))?;
            list.push(tool);
        }
    }
    Ok(list)
}

/// The names of the fields that the host adds to records of the component, as clients see them.
///
/// # Errors
/// wit/ has no such interface.
pub(crate) fn host_fields(contract: &Contract) -> Result<Vec<String>> {
    let types = &contract.resolve.interfaces[interface_id(contract, HOST)?].types;
    let additions = types.iter().filter(|(name, _)| name.ends_with(ADDITIONS));
    let records = additions.filter_map(|(_, id)| match &contract.resolve.types[*id].kind {
        TypeDefKind::Record(record) => Some(record),
        _ => None,
    });
    Ok(records.flat_map(|record| record.fields.iter().map(|field| snake(&field.name))).collect())
}

/// An interface of the contract.
pub(crate) fn interface_id(contract: &Contract, name: &str) -> Result<InterfaceId> {
    let interfaces = &contract.resolve.packages[contract.package].interfaces;
    interfaces.get(name).copied().with_context(|| format!("wit/ has no interface {name}"))
}

/// The record that adds to the record of this name, if there is one.
fn additions<'a>(contract: &'a Contract, name: &str) -> Result<Option<&'a TypeDef>> {
    let types = &contract.resolve.interfaces[interface_id(contract, HOST)?].types;
    Ok(types.get(&format!("{name}{ADDITIONS}")).map(|id| &contract.resolve.types[*id]))
}

/// One tool. Its interface decides whether it sends, and whether the component or the host runs it.
fn tool(contract: &Contract, function: &Function, interface: &str) -> Result<Value> {
    let (resolve, sends, of_host) = (&contract.resolve, interface == SENDING, interface == HOST);
    let docs = function.docs.contents.as_deref().context("the function has no text")?;
    let mut paragraphs = docs.split("\n\n");
    let (Some(title), Some(description)) = (paragraphs.next(), paragraphs.next()) else {
        bail!("the text has a title and, after an empty line, a description");
    };
    let names: Vec<&str> = function.params.iter().map(|param| param.name.as_str()).collect();
    let takes: &[&str] = if of_host { &["request"] } else { &["account", "request"] };
    ensure!(names == takes, "a tool takes {}", takes.join(" and "));
    let request = &function.params.last().context("a tool takes a request")?.ty;
    let mut description = joined(description);
    if let Some(more) = additions(contract, name_of(resolve, request)?)? {
        description = format!("{description} {}", joined(text(&more.docs))).trim_end().into();
    }
    ensure!(description.len() <= MAX_DESCRIPTION_BYTES, "the description has {} characters", description.len());
    let Some(Type::Id(result)) = function.result else { bail!("a tool gives a result") };
    let answer = match &resolve.types[result].kind {
        TypeDefKind::Result(result) => result.ok.context("a tool gives a record")?,
        _ => Type::Id(result),
    };
    let mut input = schema(contract, request, "")?;
    input["additionalProperties"] = json!(false);
    let mut output = schema(contract, &answer, "")?;
    let everywhere = additions(contract, RESULT)?.context("wit/ says what every result holds")?;
    let TypeDefKind::Record(everywhere) = &everywhere.kind else { bail!("additions are a record") };
    add_fields(contract, everywhere, &mut output)?;
    Ok(json!({
        "name": snake(&function.name),
        "title": joined(title),
        "description": description,
        "inputSchema": input,
        "outputSchema": output,
        "annotations": {
            "title": joined(title),
            "readOnlyHint": !sends,
            "destructiveHint": sends,
            "idempotentHint": !sends,
            "openWorldHint": !of_host,
        },
    }))
}

/// The name of a named type.
fn name_of<'a>(resolve: &'a Resolve, ty: &Type) -> Result<&'a str> {
    let Type::Id(id) = ty else { bail!("a tool takes a record") };
    resolve.types[*id].name.as_deref().context("a tool takes a named record")
}

/// Adds the fields of a record to an object schema.
fn add_fields(contract: &Contract, record: &Record, object: &mut Value) -> Result<()> {
    for field in &record.fields {
        let name = snake(&field.name);
        let mut property = schema(contract, &field.ty, text(&field.docs)).with_context(|| name.clone())?;
        if !is_option(&contract.resolve, &field.ty) {
            // The default of a result's field is what anybody would expect: that need not be said.
            let default = property.as_object_mut().and_then(|property| property.remove("default"));
            if default.is_none() {
                object["required"].as_array_mut().context("an object lists what is required")?.push(json!(name));
            }
        }
        object["properties"][&name] = property;
    }
    Ok(())
}

/// The schema of a type, with a field's own text where it has one.
fn schema(contract: &Contract, ty: &Type, docs: &str) -> Result<Value> {
    let resolve = &contract.resolve;
    let mut schema = match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::U16 | Type::U32 | Type::U64 | Type::S64 => json!({"type": "integer"}),
        Type::String => json!({"type": "string"}),
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(aliased) => return schema(contract, aliased, docs),
            TypeDefKind::Option(inner) => return schema(contract, inner, docs),
            TypeDefKind::List(item) => json!({"type": "array", "items": schema(contract, item, "")?}),
            TypeDefKind::Enum(cases) => {
                let names: Vec<String> = cases.cases.iter().map(|case| snake(&case.name)).collect();
                json!({"type": "string", "enum": names})
            }
            TypeDefKind::Record(record) => {
                let mut object = json!({"type": "object", "properties": {}, "required": []});
                add_fields(contract, record, &mut object)?;
                let more = additions(contract, name_of(resolve, ty)?)?;
                if let Some(TypeDef { kind: TypeDefKind::Record(more), .. }) = more {
                    add_fields(contract, more, &mut object)?;
                }
                object
            }
            other => bail!("{} has no place in a tool", other.as_str()),
        },
        other => bail!("{other:?} has no place in a tool"),
    };
    describe(&mut schema, docs)?;
    Ok(schema)
}

/// Puts a field's text into its schema: bounds as bounds, and what the name does not say as description.
fn describe(schema: &mut Value, docs: &str) -> Result<()> {
    let (mut prose, mut is_for_people) = (String::new(), false);
    for line in docs.lines() {
        is_for_people |= line.is_empty();
        if let Some(bounds) = line.strip_prefix(BOUNDS) {
            let bounds = bounds.trim_end_matches('.');
            let (names, bounds) = match bounds.strip_suffix(" characters") {
                Some(bounds) => (["minLength", "maxLength"], bounds),
                None => (["minimum", "maximum"], bounds),
            };
            let (low, high) = bounds.split_once(" to ").context("bounds are written `1 to 100`")?;
            schema[names[0]] = json!(low.parse::<u64>()?);
            schema[names[1]] = json!(high.parse::<u64>()?);
        } else if let Some(default) = line.strip_prefix(DEFAULT) {
            let default = default.trim_end_matches('.');
            schema["default"] = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
        } else if let Some(pattern) = line.strip_prefix(PATTERN) {
            schema["pattern"] = json!(pattern);
        } else if !is_for_people {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    if let Some((_, more)) = joined(&prose).split_once(". ") {
        schema["description"] = json!(more.replace('`', ""));
    }
    Ok(())
}

/// What a field has when it is left out, as its text says it.
pub(crate) fn default(docs: &Docs) -> Option<&str> {
    let default = text(docs).lines().find_map(|line| line.strip_prefix(DEFAULT))?;
    Some(default.trim_end_matches('.'))
}

/// Whether a line of a field's text is a bound of its schema.
pub(crate) fn is_bound(line: &str) -> bool {
    [BOUNDS, DEFAULT, PATTERN].iter().any(|word| line.starts_with(word))
}

/// The text of an item, empty where it has none.
pub(crate) fn text(docs: &Docs) -> &str {
    docs.contents.as_deref().unwrap_or("")
}

/// Whether a field may be left out.
pub(crate) fn is_option(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return false };
    match &resolve.types[*id].kind {
        TypeDefKind::Type(aliased) => is_option(resolve, aliased),
        kind => matches!(kind, TypeDefKind::Option(_)),
    }
}

/// Lines joined to one paragraph.
pub(crate) fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `send-sms` in WIT is `send_sms` in MCP.
pub(crate) fn snake(name: &str) -> String {
    name.replace('-', "_")
}
