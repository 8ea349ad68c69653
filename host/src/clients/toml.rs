//! TOML: reading it, and adding, changing and removing one table without touching anything else.

use super::format::{Fault, Members};
use super::json::{on_one_line, quoted};
use super::node::Node;
use super::text::{Splice, line_end, line_start, position, spliced};
use std::ops::Range;
use toml_edit::{Document, Item, Table, TableLike, Value};

/// What the document holds.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    Ok(table_node(text, parse(text)?.as_table()))
}

/// The text with a new table at its end.
pub(super) fn insert(text: &str, section: &str, name: &str, body: &Members<'_>) -> Result<String, Fault> {
    let document = parse(text)?;
    if entry(&document, section, name).is_some() {
        return Err(Fault::of_file(format!("{section}.{name} is there already")));
    }
    let end = line_end(text);
    let mut block = vec![format!("[{section}.{name}]")];
    block.extend(body.iter().map(|(key, value)| format!("{key} = {}", rendered(value))));
    let block = block.join(end);
    Ok(if text.is_empty() {
        format!("{block}{end}")
    } else if text.ends_with('\n') {
        format!("{text}{end}{block}{end}")
    } else {
        format!("{text}{end}{end}{block}")
    })
}

/// The text with these members in a table.
pub(super) fn set(text: &str, section: &str, name: &str, members: &Members<'_>) -> Result<String, Fault> {
    members.iter().try_fold(text.to_string(), |text, (key, value)| {
        let document = parse(&text)?;
        let table = table(&document, section, name)?;
        if let Some(range) = table.get(key).and_then(Item::as_value).and_then(Value::span) {
            return Ok(spliced(&text, &[Splice { range, with: rendered(value) }]));
        }
        if table.contains_key(key) {
            return Err(Fault::of_file(format!("{section}.{name}.{key} is a table of its own: change it by hand")));
        }
        let header = table.span().ok_or_else(|| by_hand(section, name))?;
        let (end, place) = (line_end(&text), end_of_line(&text, header.end));
        let line = format!("{key} = {}{end}", rendered(value));
        let line = if text[..place].ends_with('\n') { line } else { format!("{end}{}", line.trim_end()) };
        Ok(spliced(&text, &[Splice::insert(place, line)]))
    })
}

/// The text without a table and the tables below it.
pub(super) fn remove(text: &str, section: &str, name: &str) -> Result<String, Fault> {
    let document = parse(text)?;
    let mut blocks = Vec::new();
    add_blocks(text, table(&document, section, name)?, &mut blocks).ok_or_else(|| by_hand(section, name))?;
    blocks.sort_by_key(|block| block.start);
    Ok(spliced(text, &blocks.into_iter().map(Splice::cut).collect::<Vec<_>>()))
}

fn parse(text: &str) -> Result<Document<&str>, Fault> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::at(position(text, at), error.message().lines().next().unwrap_or("it is no TOML"))
    })
}

fn entry<'d>(document: &'d Document<&str>, section: &str, name: &str) -> Option<&'d Item> {
    document.as_table().get(section)?.as_table_like()?.get(name)
}

/// The entry as a table with a header.
fn table<'d>(document: &'d Document<&str>, section: &str, name: &str) -> Result<&'d Table, Fault> {
    let entry =
        entry(document, section, name).ok_or_else(|| Fault::of_file(format!("there is no {section}.{name}")))?;
    entry.as_table().filter(|table| !table.is_dotted() && !table.is_implicit()).ok_or_else(|| by_hand(section, name))
}

fn by_hand(section: &str, name: &str) -> Fault {
    Fault::of_file(format!("{section}.{name} is no table with a header of its own: change it by hand"))
}

/// Adds the lines of a table and of those below it. Nothing if they cannot be found.
fn add_blocks(text: &str, table: &Table, blocks: &mut Vec<Range<usize>>) -> Option<()> {
    if !table.is_implicit() {
        let header = table.span()?;
        let mut end = header.end;
        let values = table.iter().filter_map(|(_, item)| item.as_value());
        for value in values {
            end = end.max(value.span()?.end);
        }
        blocks.push(block(text, header.start, end));
    }
    for (_, item) in table.iter() {
        match item {
            Item::Table(below) => add_blocks(text, below, blocks)?,
            Item::ArrayOfTables(_) => return None,
            Item::None | Item::Value(_) => {}
        }
    }
    Some(())
}

/// Whole lines, with the blank line before them, or the line end before them when they have none themselves.
fn block(text: &str, start: usize, end: usize) -> Range<usize> {
    let (mut start, end) = (line_start(text, start), end_of_line(text, end));
    let mut before = |blank: bool| {
        let kept = text[..start].strip_suffix('\n').map(|kept| kept.strip_suffix('\r').unwrap_or(kept));
        if let Some(kept) = kept.filter(|kept| !blank || kept.is_empty() || kept.ends_with('\n')) {
            start = kept.len();
        }
    };
    before(true);
    if !text[..end].ends_with('\n') {
        before(false);
    }
    start..end
}

/// Behind the line of a place.
fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// A value. The strings of JSON are strings of TOML, too.
fn rendered(value: &Node) -> String {
    match value {
        Node::Map(members) => {
            let members = members.iter().map(|(name, value)| format!("{} = {}", quoted(name), rendered(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => on_one_line(other),
    }
}

fn table_node(text: &str, table: &dyn TableLike) -> Node {
    Node::Map(table.iter().map(|(name, item)| (name.to_string(), item_node(text, item))).collect())
}

fn item_node(text: &str, item: &Item) -> Node {
    match item {
        Item::None => Node::Other(String::new()),
        Item::Value(value) => value_node(text, value),
        Item::Table(table) => table_node(text, table),
        Item::ArrayOfTables(tables) => Node::List(tables.iter().map(|table| table_node(text, table)).collect()),
    }
}

fn value_node(text: &str, value: &Value) -> Node {
    match value {
        Value::String(string) => Node::text(string.value()),
        Value::Boolean(flag) => Node::Flag(*flag.value()),
        Value::Array(array) => Node::List(array.iter().map(|value| value_node(text, value)).collect()),
        Value::InlineTable(table) => table_node(text, table),
        other => Node::Other(other.span().and_then(|span| text.get(span)).unwrap_or_default().to_string()),
    }
}
