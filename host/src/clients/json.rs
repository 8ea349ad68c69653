//! JSON with comments: reading it, and adding, changing and removing members without touching anything else.

use super::format::{Fault, Members};
use super::node::Node;
use super::text::{Splice, indentation, is_first_in_line, line_end, position, spliced};
use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

/// How far a level is moved in when the file does not show it.
const INDENT: &str = "  ";

/// A text with what is in it.
struct Document<'a> {
    text: &'a str,
    root: Option<Value<'a>>,
    tokens: Vec<TokenAndRange<'a>>,
}

/// What the document holds. An empty one holds nothing.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let document = Document::parse(text)?;
    Ok(document.root()?.map_or(Node::Map(Vec::new()), object_node))
}

/// The text with a new entry in a section.
pub(super) fn insert(text: &str, section: &str, name: &str, body: &Members<'_>) -> Result<String, Fault> {
    let document = Document::parse(text)?;
    let entry = map(body);
    let Some(root) = document.root()? else {
        let whole = Node::Map(vec![(section.to_string(), Node::Map(vec![(name.to_string(), entry)]))]);
        let (kept, end) = (text.trim_end(), line_end(text));
        let before = if kept.is_empty() { String::new() } else { format!("{kept}{end}") };
        return Ok(format!("{before}{}{end}", rendered(&whole, &Layout { end, unit: INDENT, indent: String::new() })));
    };
    match document.object(root, section)? {
        None => Ok(document.with_member(root, section, &Node::Map(vec![(name.to_string(), entry)]))),
        Some(entries) => match member(document.text, entries, name)? {
            None => Ok(document.with_member(entries, name, &entry)),
            Some(there) => Err(document.fault(there.range.start, format!("{name} is there already"))),
        },
    }
}

/// The text with these members in an entry.
pub(super) fn set(text: &str, section: &str, name: &str, members: &Members<'_>) -> Result<String, Fault> {
    members.iter().try_fold(text.to_string(), |text, (key, value)| {
        let document = Document::parse(&text)?;
        let entry = document.entry(section, name)?;
        let Some(there) = member(&text, entry, key)? else { return Ok(document.with_member(entry, key, value)) };
        let layout = document.layout(indentation(&text, there.range.start).to_string());
        let old = there.value.range();
        Ok(spliced(&text, &[Splice { range: old.start..old.end, with: rendered(value, &layout) }]))
    })
}

/// The text without an entry of a section.
pub(super) fn remove(text: &str, section: &str, name: &str) -> Result<String, Fault> {
    let document = Document::parse(text)?;
    let missing = || Fault::of_file(format!("there is no {name}"));
    let entries = document.root()?.map(|root| document.object(root, section)).transpose()?.flatten();
    let entries = entries.ok_or_else(missing)?;
    let removed = member(text, entries, name)?.ok_or_else(missing)?;
    Ok(document.without_member(entries, removed))
}

fn map(members: &Members<'_>) -> Node {
    Node::Map(members.iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
}

/// A member of an object.
fn member<'o, 'a>(text: &str, object: &'o Object<'a>, name: &str) -> Result<Option<&'o ObjectProp<'a>>, Fault> {
    let mut named = object.properties.iter().filter(|property| property.name.as_str() == name);
    let (first, second) = (named.next(), named.next());
    match second {
        Some(again) => Err(Fault::at(position(text, again.range.start), format!("{name} is there twice"))),
        None => Ok(first),
    }
}

fn object_node(object: &Object<'_>) -> Node {
    let member = |property: &ObjectProp<'_>| (property.name.as_str().to_string(), node(&property.value));
    Node::Map(object.properties.iter().map(member).collect())
}

fn node(value: &Value<'_>) -> Node {
    match value {
        Value::StringLit(text) => Node::text(&text.value),
        Value::BooleanLit(flag) => Node::Flag(flag.value),
        Value::NumberLit(number) => Node::Other(number.value.to_string()),
        Value::NullKeyword(_) => Node::Other("null".into()),
        Value::Object(object) => object_node(object),
        Value::Array(array) => Node::List(array.elements.iter().map(node).collect()),
    }
}

/// How new lines are written.
struct Layout<'a> {
    end: &'a str,
    /// How far a level is moved in.
    unit: &'a str,
    /// The blanks before the line that the value stands in.
    indent: String,
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value. Only maps are written on several lines.
fn rendered(value: &Node, layout: &Layout<'_>) -> String {
    let Node::Map(members) = value else { return on_one_line(value) };
    if members.is_empty() {
        return "{}".into();
    }
    let inner = Layout { end: layout.end, unit: layout.unit, indent: format!("{}{}", layout.indent, layout.unit) };
    let line =
        |(name, value): &(String, Node)| format!("{}{}: {}", inner.indent, quoted(name), rendered(value, &inner));
    let lines: Vec<String> = members.iter().map(line).collect();
    let end = layout.end;
    format!("{{{end}{}{end}{}}}", lines.join(&format!(",{end}")), layout.indent)
}

/// A value on one line.
pub(super) fn on_one_line(value: &Node) -> String {
    match value {
        Node::Text(text) => quoted(text),
        Node::Flag(flag) => flag.to_string(),
        Node::Other(raw) => raw.clone(),
        Node::List(list) => format!("[{}]", list.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Node::Map(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), on_one_line(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let options = ParseOptions {
            allow_comments: true,
            allow_loose_object_property_names: false,
            allow_trailing_commas: true,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let parsed = parse_to_ast(text, &collect, &options)
            .map_err(|error| Fault::at((error.line_display(), error.column_display()), error.kind().to_string()))?;
        Ok(Self { text, root: parsed.value, tokens: parsed.tokens.unwrap_or_default() })
    }

    fn fault(&self, at: usize, what: impl Into<String>) -> Fault {
        Fault::at(position(self.text, at), what)
    }

    /// The object that the document is; nothing if it is empty.
    fn root(&self) -> Result<Option<&Object<'a>>, Fault> {
        match &self.root {
            None => Ok(None),
            Some(Value::Object(root)) => Ok(Some(root)),
            Some(other) => Err(self.fault(other.start(), "the file must hold an object, which begins with {")),
        }
    }

    /// A member that is an object.
    fn object<'o>(&self, object: &'o Object<'a>, name: &str) -> Result<Option<&'o Object<'a>>, Fault> {
        match member(self.text, object, name)?.map(|found| &found.value) {
            None => Ok(None),
            Some(Value::Object(inner)) => Ok(Some(inner)),
            Some(other) => Err(self.fault(other.start(), format!("{name} must be an object, which begins with {{"))),
        }
    }

    fn entry(&self, section: &str, name: &str) -> Result<&Object<'a>, Fault> {
        let entries = self.root()?.map(|root| self.object(root, section)).transpose()?.flatten();
        let entry = entries.map(|entries| self.object(entries, name)).transpose()?.flatten();
        entry.ok_or_else(|| Fault::of_file(format!("there is no {name}")))
    }

    /// The layout of lines with this indentation.
    fn layout(&self, indent: String) -> Layout<'a> {
        let first = match &self.root {
            Some(Value::Object(root)) => root.properties.first().map(|property| property.range.start),
            _ => None,
        };
        let unit = first.filter(|at| is_first_in_line(self.text, *at)).map(|at| indentation(self.text, at));
        Layout { end: line_end(self.text), unit: unit.filter(|unit| !unit.is_empty()).unwrap_or(INDENT), indent }
    }

    /// The comma that follows a place before anything but comments does.
    fn comma_after(&self, place: usize) -> Option<usize> {
        let is_comment = |token: &Token<'_>| matches!(token, Token::CommentLine(_) | Token::CommentBlock(_));
        let next = self.tokens.iter().find(|found| found.range.start >= place && !is_comment(&found.token))?;
        (next.token == Token::Comma).then_some(next.range.start)
    }

    /// The end of the comments that follow a place in its line.
    fn end_of_comments(&self, place: usize) -> usize {
        self.tokens
            .iter()
            .filter(|found| found.range.start >= place)
            .try_fold(place, |end, found| {
                let same_line = !self.text[end..found.range.start].contains('\n');
                match found.token {
                    Token::CommentLine(_) | Token::CommentBlock(_) if same_line => Ok(found.range.end),
                    _ => Err(end),
                }
            })
            .unwrap_or_else(|end| end)
    }

    /// The end of what stands before a place: a token or a comment.
    fn end_before(&self, place: usize) -> usize {
        self.tokens.iter().map(|found| found.range.end).filter(|end| *end <= place).max().unwrap_or(0)
    }

    /// The text with a member at the end of an object.
    fn with_member(&self, object: &Object<'a>, name: &str, value: &Node) -> String {
        let Some(last) = object.properties.last() else { return self.with_first_member(object, name, value) };
        let (last, close) = (last.range, object.range.end - 1);
        let comma = self.comma_after(last.end);
        let place = comma.map_or(last.end, |comma| comma + 1);
        let (before, after) = if comma.is_some() { ("", ",") } else { (",", "") };
        if !self.text[last.end..close].contains('\n') {
            let added = format!("{before} {}: {}{after}", quoted(name), on_one_line(value));
            return spliced(self.text, &[Splice::insert(place, added)]);
        }
        let indent = if is_first_in_line(self.text, last.start) {
            indentation(self.text, last.start).to_string()
        } else {
            let unit = self.layout(String::new()).unit;
            format!("{}{unit}", indentation(self.text, object.range.start))
        };
        let layout = self.layout(indent);
        let line = format!("{}{}{}: {}{after}", layout.end, layout.indent, quoted(name), rendered(value, &layout));
        let splices = [Splice::insert(last.end, before.into()), Splice::insert(self.end_of_comments(place), line)];
        spliced(self.text, &splices)
    }

    /// The text with a member in an object that has none.
    fn with_first_member(&self, object: &Object<'a>, name: &str, value: &Node) -> String {
        let (close, outer) = (object.range.end - 1, indentation(self.text, object.range.start));
        let unit = self.layout(String::new()).unit;
        let layout = self.layout(format!("{outer}{unit}"));
        let line = format!("{}{}{}: {}", layout.end, layout.indent, quoted(name), rendered(value, &layout));
        let place = self.end_before(close);
        // Blanks before the brace go, so that it stands in a line of its own.
        spliced(self.text, &[Splice { range: place..close, with: format!("{line}{}{outer}", layout.end) }])
    }

    /// The text without a member of an object.
    fn without_member(&self, object: &Object<'a>, removed: &ObjectProp<'a>) -> String {
        let (start, end) = (self.end_before(removed.range.start), removed.range.end);
        let inner = object.range.start + 1..object.range.end - 1;
        if let Some(comma) = self.comma_after(end) {
            return spliced(self.text, &[Splice::cut(start..comma + 1)]);
        }
        let before = object.properties.iter().rfind(|property| property.range.end <= removed.range.start);
        let Some(before) = before else {
            let alone = self.text[inner.start..start].trim().is_empty() && self.text[end..inner.end].trim().is_empty();
            return spliced(self.text, &[Splice::cut(if alone { inner } else { start..end })]);
        };
        let comma = self.comma_after(before.range.end).map(|comma| Splice::cut(comma..comma + 1));
        spliced(self.text, &comma.into_iter().chain([Splice::cut(start..end)]).collect::<Vec<_>>())
    }
}
