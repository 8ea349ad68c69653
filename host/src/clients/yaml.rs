//! Goose's YAML, of which one section is changed: a map of entries in block form, which is how Goose writes it. Lines
//! are looked at, not the language. Whatever else stands there is refused with its line, and the file stays as it is.

use super::format::{Fault, Members};
use super::json::on_one_line;
use super::node::Node;
use super::text::line_end;
use std::ops::Range;

/// How far a level is moved in when the file does not show it.
const INDENT: usize = 2;

/// A line.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// From 0.
    number: usize,
    /// How many blanks it begins with.
    indent: usize,
    /// What follows them.
    content: &'a str,
}

impl Line<'_> {
    /// Whether it holds nothing but blanks or a comment.
    fn is_empty(&self) -> bool {
        self.content.is_empty() || self.content.starts_with('#')
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::at((self.number + 1, self.indent + 1), what)
    }
}

/// A key with the lines that belong to it.
struct Block<'a> {
    key: String,
    /// What stands behind the colon.
    value: &'a str,
    line: Line<'a>,
    /// The lines below it that are moved in.
    below: Vec<Line<'a>>,
}

/// The extensions of each section, as far as this program reads them.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let mut members = Vec::new();
    for block in blocks(&lines(text)?, 0)? {
        // A section of another form is compared as it stands.
        let value = entries(&block).map_or_else(
            |_| raw(&block),
            |entries| Node::Map(entries.iter().map(|entry| (entry.key.clone(), node(entry))).collect()),
        );
        members.push((block.key.clone(), value));
    }
    Ok(Node::Map(members))
}

/// The text with a new entry at the end of a section.
pub(super) fn insert(text: &str, section: &str, name: &str, body: &Members<'_>) -> Result<String, Fault> {
    let all = lines(text)?;
    let found = blocks(&all, 0)?.into_iter().find(|block| block.key == section);
    let Some(found) = found else {
        let mut added = vec![format!("{section}:")];
        added.extend(entry_lines(name, body, INDENT));
        return Ok(with_lines(text, all.len(), &added));
    };
    let entries = entries(&found)?;
    if entries.iter().any(|entry| entry.key == name) {
        return Err(found.line.fault(&format!("{section} has {name} already")));
    }
    let indent = entries.first().map_or(INDENT, |entry| entry.line.indent);
    let added = entry_lines(name, body, indent);
    if found.value == "{}" {
        let emptied = replaced(text, found.line.number, &format!("{}:", raw_key(&found)));
        return Ok(with_lines(&emptied, found.line.number + 1, &added));
    }
    let last = entries.last().map_or(found.line.number, |entry| end(entry) - 1);
    Ok(with_lines(text, last + 1, &added))
}

/// The text without an entry of a section.
pub(super) fn remove(text: &str, section: &str, name: &str) -> Result<String, Fault> {
    let missing = || Fault::of_file(format!("there is no {name}"));
    let found = blocks(&lines(text)?, 0)?.into_iter().find(|block| block.key == section).ok_or_else(missing)?;
    let entries = entries(&found)?;
    let removed = entries.iter().find(|entry| entry.key == name).ok_or_else(missing)?;
    let cut = without_lines(text, removed.line.number..end(removed));
    if entries.len() > 1 {
        return Ok(cut);
    }
    Ok(replaced(&cut, found.line.number, &format!("{}: {{}}", raw_key(&found))))
}

/// The lines of a text.
fn lines(text: &str) -> Result<Vec<Line<'_>>, Fault> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start_matches(' ');
        let line = Line { number, indent: line.len() - content.len(), content: content.trim_end() };
        if content.starts_with('\t') {
            return Err(line.fault("a tab moves the line in, which YAML does not allow"));
        }
        if number > 0 && line.indent == 0 && (content.starts_with("---") || content.starts_with("...")) {
            return Err(line.fault("a second document begins here, which this program does not change"));
        }
        all.push(line);
    }
    Ok(all)
}

/// The keys of one level, each with what belongs to it. The level is that of the first key.
fn blocks<'a>(lines: &[Line<'a>], least: usize) -> Result<Vec<Block<'a>>, Fault> {
    let mut found: Vec<Block<'a>> = Vec::new();
    let mut level = None;
    let is_mark = |line: &Line<'_>| line.indent == 0 && line.content == "---";
    for line in lines.iter().filter(|line| !line.is_empty() && !is_mark(line)) {
        let level = *level.get_or_insert(line.indent);
        if line.indent < level || level < least {
            return Err(line.fault("the line is moved in less than those before it"));
        }
        let is_item = line.content == "-" || line.content.starts_with("- ");
        match found.last_mut() {
            Some(block) if line.indent > level || is_item => block.below.push(*line),
            _ => {
                let (key, value) = key(line.content).ok_or_else(|| {
                    line.fault("this program changes only plain blocks of keys, and here is something else")
                })?;
                if found.iter().any(|block| block.key == key) {
                    return Err(line.fault("the same key is there twice"));
                }
                found.push(Block { key, value, line: *line, below: Vec::new() });
            }
        }
    }
    Ok(found)
}

/// The entries of a section.
fn entries<'a>(section: &Block<'a>) -> Result<Vec<Block<'a>>, Fault> {
    match section.value {
        "" => blocks(&section.below, 1),
        "{}" if section.below.is_empty() => Ok(Vec::new()),
        _ => Err(section.line.fault("the section is not written as a plain block of keys")),
    }
}

/// The number of the line behind an entry.
fn end(entry: &Block<'_>) -> usize {
    entry.below.last().unwrap_or(&entry.line).number + 1
}

/// The key of a line and what stands behind its colon, without a comment.
fn key(content: &str) -> Option<(String, &str)> {
    let (key, rest) = match content.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = content[1..].split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        '{' | '[' | '&' | '*' | '!' | '|' | '>' | '%' | '@' | '`' | '?' | ',' | ']' | '}' => return None,
        _ => content.split_once(": ").or_else(|| content.strip_suffix(':').map(|key| (key, "")))?,
    };
    if !rest.is_empty() && !rest.starts_with(' ') && content.starts_with(['"', '\'']) {
        return None;
    }
    let key = key.trim_end();
    let plain = !key.is_empty() && !key.contains(['\\', '"', '\'', '#', '{', '[', ',']);
    let value = rest.trim();
    let value = if value.starts_with('#') { "" } else { value.split(" #").next().unwrap_or_default().trim_end() };
    plain.then(|| (key.to_string(), value))
}

/// The key as it is written.
fn raw_key<'a>(block: &Block<'a>) -> &'a str {
    block.line.content.rsplit_once(':').map_or(block.line.content, |(key, _)| key)
}

/// The members of an entry.
fn node(entry: &Block<'_>) -> Node {
    let Ok(members) = blocks(&entry.below, 1) else { return raw(entry) };
    if members.is_empty() || !entry.value.is_empty() {
        return raw(entry);
    }
    Node::Map(members.iter().map(|member| (member.key.clone(), value(member))).collect())
}

/// The value of a member, as far as this program writes and reads such.
fn value(member: &Block<'_>) -> Node {
    let item = |line: &Line<'_>| line.content.strip_prefix("- ").and_then(|text| scalar(text.trim()));
    match member.value {
        "true" => Node::Flag(true),
        "false" => Node::Flag(false),
        "[]" => Node::List(Vec::new()),
        "" if !member.below.is_empty() => {
            let items: Option<Vec<Node>> = member.below.iter().map(item).collect();
            items.map(Node::List).or_else(|| texts(member)).unwrap_or_else(|| raw(member))
        }
        one => match scalar(one) {
            Some(text) if member.below.is_empty() => text,
            _ => flow(one).filter(|_| member.below.is_empty()).unwrap_or_else(|| raw(member)),
        },
    }
}

/// A map of strings.
fn texts(member: &Block<'_>) -> Option<Node> {
    let members = blocks(&member.below, 1).ok()?;
    let members = members.iter().map(|member| Some((member.key.clone(), scalar(member.value)?)));
    members.collect::<Option<Vec<_>>>().map(Node::Map)
}

/// A string on one line, or a number as it stands.
fn scalar(text: &str) -> Option<Node> {
    if text.starts_with('"') {
        return serde_json::from_str::<String>(text).ok().map(Node::Text);
    }
    if let Some(inner) = text.strip_prefix('\'') {
        return Some(Node::Text(inner.strip_suffix('\'')?.replace("''", "'")));
    }
    if text.is_empty() || text.starts_with(['[', '{', '&', '*', '!', '|', '>', '%', '@', '`']) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Node::Other(text.to_string()));
    }
    Some(Node::text(text))
}

/// A list or a map on one line that is JSON, too.
fn flow(text: &str) -> Option<Node> {
    super::json::read(&format!("{{\"value\": {text}}}")).ok()?.get("value").cloned()
}

/// What is compared and never read.
fn raw(block: &Block<'_>) -> Node {
    let below = block.below.iter().map(|line| format!("{}:{}", line.indent, line.content));
    Node::Other(std::iter::once(block.value.to_string()).chain(below).collect::<Vec<_>>().join("\n"))
}

/// The lines of an entry.
fn entry_lines(name: &str, body: &Members<'_>, indent: usize) -> Vec<String> {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + INDENT));
    let mut lines = vec![format!("{outer}{name}:")];
    for (key, value) in body {
        match value {
            Node::List(items) if !items.is_empty() => {
                lines.push(format!("{inner}{key}:"));
                lines.extend(items.iter().map(|item| format!("{inner}  - {}", on_one_line(item))));
            }
            Node::Map(members) if !members.is_empty() => {
                lines.push(format!("{inner}{key}:"));
                lines.extend(members.iter().map(|(name, value)| format!("{inner}  {name}: {}", on_one_line(value))));
            }
            other => lines.push(format!("{inner}{key}: {}", on_one_line(other))),
        }
    }
    lines
}

/// The place of the beginning of a line.
fn place(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line).map(str::len).sum()
}

/// The text with these lines before the line of this number. A text without a line end at its end still has none.
fn with_lines(text: &str, line: usize, added: &[String]) -> String {
    let (at, end) = (place(text, line), line_end(text));
    let added = added.join(end);
    if at == text.len() && !text.is_empty() && !text.ends_with('\n') {
        return format!("{text}{end}{added}");
    }
    format!("{}{added}{end}{}", &text[..at], &text[at..])
}

/// The text without these lines.
fn without_lines(text: &str, lines: Range<usize>) -> String {
    let (start, end) = (place(text, lines.start), place(text, lines.end));
    let before = &text[..start];
    // The last line has no end, so the one before it must have none.
    let unended = end == text.len() && !text.ends_with('\n');
    let before =
        before.strip_suffix('\n').filter(|_| unended).map_or(before, |kept| kept.strip_suffix('\r').unwrap_or(kept));
    format!("{before}{}", &text[end..])
}

/// The text with another line of this number.
fn replaced(text: &str, line: usize, with: &str) -> String {
    let (start, end) = (place(text, line), place(text, line + 1));
    let old = &text[start..end];
    let kept = old.trim_end_matches(['\r', '\n']).len();
    format!("{}{with}{}{}", &text[..start], &old[kept..], &text[end..])
}
