//! From `wit/` to the MCP tool list: names, titles, descriptions, schemas and hints. No text of it stands anywhere
//! else.
//!
//! The first paragraph of a function's text is the tool's title, the rest its description. A record is a closed object
//! schema. An `option` is a property that is not required. Lines of a field's text that begin with `Bounds:`,
//! `Default:` or `Pattern:` become bounds of the schema.

use crate::contract::Contract;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use wit_parser::{Docs, Function, Resolve, Type, TypeDefKind};

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

/// The interfaces whose functions are tools, in the order of the tool list.
pub(crate) const INTERFACES: [&str; 2] = [SENDING, "queries"];

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
        let id = *resolve.packages[*package].interfaces.get(interface).context("wit/ has both interfaces")?;
        for function in resolve.interfaces[id].functions.values() {
            let tool = tool(resolve, function, interface == SENDING)
                .with_context(|| format!("{interface}.{}", function.name))?;
            list.push(tool);
        }
    }
    Ok(list)
}

/// One tool. Its interface decides whether it sends.
fn tool(resolve: &Resolve, function: &Function, sends: bool) -> Result<Value> {
    let docs = function.docs.contents.as_deref().context("the function has no text")?;
    let (title, description) =
        docs.split_once("\n\n").context("the text has a title and, after an empty line, a description")?;
    let description = joined(description);
    ensure!(description.len() <= MAX_DESCRIPTION_BYTES, "the description has {} characters", description.len());
    let [account, request] = function.params.as_slice() else { bail!("a tool takes an account and a request") };
    ensure!(account.name == "account" && request.name == "request", "a tool takes an account and a request");
    let Some(Type::Id(result)) = function.result else { bail!("a tool gives a result") };
    let TypeDefKind::Result(result) = &resolve.types[result].kind else { bail!("a tool gives a result") };

    let mut output = schema(resolve, &result.ok.context("a tool gives a record")?, "")?;
    // The host adds these fields. It writes the sentence from what it has checked, and the component does not know
    // whether 46elks is simulated.
    for (name, field) in [
        ("summary", json!({"type": "string", "description": "One sentence for people."})),
        (
            "simulated",
            json!({
                "type": "boolean",
                "description": "True when the built-in simulator answered instead of 46elks: nothing was sent or charged.",
            }),
        ),
    ] {
        output["properties"][name] = field;
        output["required"].as_array_mut().context("an object lists what is required")?.push(json!(name));
    }
    Ok(json!({
        "name": snake(&function.name),
        "title": joined(title),
        "description": description,
        "inputSchema": schema(resolve, &request.ty, "")?,
        "outputSchema": output,
        "annotations": {
            "title": joined(title),
            "readOnlyHint": !sends,
            "destructiveHint": sends,
            "idempotentHint": !sends,
            "openWorldHint": true,
        },
    }))
}

/// The schema of a type, with a field's own text where it has one.
fn schema(resolve: &Resolve, ty: &Type, docs: &str) -> Result<Value> {
    let mut schema = match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::U16 | Type::U32 | Type::U64 => json!({"type": "integer", "minimum": 0}),
        Type::S64 => json!({"type": "integer"}),
        Type::String => json!({"type": "string"}),
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(aliased) => return schema(resolve, aliased, docs),
            TypeDefKind::Option(inner) => return schema(resolve, inner, docs),
            TypeDefKind::List(item) => json!({"type": "array", "items": schema(resolve, item, "")?}),
            TypeDefKind::Enum(cases) => {
                let names: Vec<String> = cases.cases.iter().map(|case| snake(&case.name)).collect();
                json!({"type": "string", "enum": names})
            }
            TypeDefKind::Record(record) => {
                let mut properties = Map::new();
                let mut required = Vec::new();
                for field in &record.fields {
                    let name = snake(&field.name);
                    let property = schema(resolve, &field.ty, text(&field.docs)).with_context(|| name.clone())?;
                    if !is_option(resolve, &field.ty) {
                        required.push(json!(name));
                    }
                    properties.insert(name, property);
                }
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
            }
            other => bail!("{} has no place in a tool", other.as_str()),
        },
        other => bail!("{other:?} has no place in a tool"),
    };
    describe(&mut schema, docs)?;
    Ok(schema)
}

/// Puts a field's text into its schema: bounds as bounds, the rest as description.
fn describe(schema: &mut Value, docs: &str) -> Result<()> {
    let mut prose = String::new();
    for line in docs.lines() {
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
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    if !prose.is_empty() {
        schema["description"] = json!(joined(&prose).replace('`', ""));
    }
    Ok(())
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
