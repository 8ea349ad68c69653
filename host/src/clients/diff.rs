//! What an edit changes, for people. Values that are not this program's own are masked: they may be secrets of others.

use super::format::Format;

/// What stands for a masked value.
const MASK: &str = "…";

/// Words that are no value of anybody.
const PLAIN_WORDS: [&str; 3] = ["true", "false", "null"];

/// The members that this program writes. They are shown where other names are not.
const OWN_NAMES: [&str; 12] = [
    "command",
    "cmd",
    "args",
    "env",
    "envs",
    "environment",
    "type",
    "name",
    "description",
    "enabled",
    "timeout",
    "extensions",
];

/// The changed lines, each with `-` or `+` before it. `shown` are the values that may be read.
pub(super) fn changed_lines(format: Format, before: &str, after: &str, shown: &[&str]) -> String {
    let has_names = !has_long_text(format, before) && !has_long_text(format, after);
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let same_end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let mut lines = vec![format!("@@ line {} @@", same + 1)];
    let changed = |lines: &[&str], sign: &str| -> Vec<String> {
        let lines = &lines[same..lines.len() - same_end];
        lines.iter().map(|line| format!("{sign}{}", masked(format, line, has_names, shown))).collect()
    };
    lines.extend(changed(&old, "-"));
    lines.extend(changed(&new, "+"));
    lines.join("\n")
}

/// Whether a text over several lines may be in a file of TOML or YAML. Nobody knows of one line whether it is a part of
/// it, so the names of such a file are masked like values.
fn has_long_text(format: Format, text: &str) -> bool {
    match format {
        Format::Json => false,
        Format::Toml => text.contains("\"\"\"") || text.contains("'''"),
        Format::Yaml => text.lines().any(|line| {
            let block = line.split(" #").next().unwrap_or_default().trim_end();
            let block = block.trim_end_matches(|c: char| "+-".contains(c) || c.is_ascii_digit());
            block.ends_with(['|', '>']) || has_open_quote(line)
        }),
    }
}

/// Whether a string begins in a line and does not end in it.
fn has_open_quote(line: &str) -> bool {
    let mut rest = line;
    while let Some(at) = rest.find(['"', '\'']) {
        match string_length(&rest[at..]) {
            Some(length) => rest = &rest[at + length..],
            None => return true,
        }
    }
    false
}

/// A line without the values that are not in `shown`. In JSON, a string before a colon is a name. In TOML and YAML only
/// what a line begins with can be one: whatever else looks like a name may be a part of a value.
fn masked(format: Format, line: &str, has_names: bool, shown: &[&str]) -> String {
    let head = if format == Format::Json { 0 } else { head_length(format, line, has_names) };
    let (mut out, mut rest) = (line[..head].to_string(), &line[head..]);
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_length(format, rest, first));
        let is_name = format == Format::Json && first == '"' && after.trim_start().starts_with(':');
        let is_mark = token.chars().all(|c| is_mark(c) || ":=".contains(c)) || token == "-";
        if is_mark || is_name || PLAIN_WORDS.contains(&token) || shown.contains(&unquoted(token).as_str()) {
            out.push_str(token);
        } else if first == '"' || first == '\'' {
            out.push_str(&format!("{first}{MASK}{first}"));
        } else {
            out.push_str(MASK);
        }
        rest = after;
    }
    out
}

/// How much of a line of TOML or YAML is a name with what stands before and behind it: `name =`, `- name:`. Nothing if
/// it does not begin with a name.
fn head_length(format: Format, line: &str, has_names: bool) -> usize {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ").filter(|_| format == Format::Yaml) {
        rest = item.trim_start();
    }
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let length = match rest.chars().next() {
        Some('"' | '\'') => string_length(rest).unwrap_or(0),
        _ => rest.find(|c| !is_bare(c)).unwrap_or(rest.len()),
    };
    let (name, behind) = rest.split_at(length);
    let separator = match format {
        // `key = value`, but not the padding of a value in base64.
        Format::Toml => behind.trim_start().strip_prefix('=').filter(|value| !value.trim_start().starts_with('=')),
        _ => behind.strip_prefix(':').filter(|value| value.is_empty() || value.starts_with(' ')),
    };
    let is_shown = has_names || OWN_NAMES.contains(&name);
    separator.filter(|_| length > 0 && is_shown).map_or(0, |value| line.len() - value.len())
}

fn is_mark(c: char) -> bool {
    c.is_whitespace() || "{}[],".contains(c)
}

/// The length of what begins a text: a string in quotes, one mark, or a word up to the next of them.
fn token_length(format: Format, text: &str, first: char) -> usize {
    let ends = |c: char| is_mark(c) || c == '"' || c == '\'' || (c == ':' && format == Format::Json);
    match first {
        '"' | '\'' => string_length(text).unwrap_or(text.len()),
        _ if ends(first) => first.len_utf8(),
        _ => text.find(ends).unwrap_or(text.len()),
    }
}

/// The length of a string in quotes; nothing if it has no end.
fn string_length(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped && quote == '"';
        ends
    });
    end.map(|(at, c)| at + c.len_utf8())
}

/// What a string in quotes says.
fn unquoted(token: &str) -> String {
    serde_json::from_str::<String>(token).unwrap_or_else(|_| token.trim_matches('\'').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a removed file of these lines looks like.
    fn shown(format: Format, text: &str) -> String {
        changed_lines(format, text, "", &["/opt/elks-mcp", "elks", "mcp_servers.elks"])
    }

    #[test]
    fn a_name_is_shown_and_its_value_is_not() {
        for (format, line, expected) in [
            (Format::Yaml, "API_TOKEN: c2VjcmV0==", "API_TOKEN: …"),
            (Format::Yaml, "  - name: hunter2 # x: y", "  - name: … … … …"),
            (Format::Yaml, "- - key: {\"a\": b, c: d}", "- - key: {\"…\": …, … …}"),
            (Format::Yaml, "url: postgres://user:hunter2@db", "url: …"),
            (Format::Yaml, "- postgres://user:hunter2@db", "- …"),
            (Format::Yaml, "- TOKEN=hunter2", "- …"),
            (Format::Yaml, "c2VjcmV0==", "…"),
            (Format::Yaml, "# TOKEN: hunter2", "… … …"),
            (Format::Yaml, "cmd: x \"secret\": y", "cmd: … \"…\": …"),
            (Format::Yaml, "\"TOKEN\": 'it''s'", "\"TOKEN\": '…''…'"),
            (Format::Yaml, "elks:", "elks:"),
            (Format::Yaml, "enabled: true", "enabled: true"),
            (Format::Yaml, "cmd: \"/opt/elks-mcp\"", "cmd: \"/opt/elks-mcp\""),
            (Format::Toml, "token = \"hunter2\"", "token = \"…\""),
            (Format::Toml, "a.b-c='hunter2' # d = \"e\"", "a.b-c='…' … … = \"…\""),
            (Format::Toml, "env = { TOKEN = \"s\", 'PIN' = 1234 }", "env = { … = \"…\", '…' = … }"),
            (Format::Toml, "args = [\"--key=s\", \"/opt/elks-mcp\"]", "args = [\"…\", \"/opt/elks-mcp\"]"),
            (Format::Toml, "  \"a=b\",", "  \"…\","),
            (Format::Toml, "[mcp_servers.hunter2]", "[…]"),
            (Format::Toml, "[mcp_servers.elks]", "[mcp_servers.elks]"),
            (Format::Toml, "c2VjcmV0==", "…"),
            (Format::Json, "{\"TOKEN\": \"tok\", \"PIN\":1234}", "{\"TOKEN\": \"…\", \"PIN\":…}"),
            (Format::Json, "\"a\": [\"b:c\", -1.5, null] // k: v", "\"a\": [\"…\", …, null] … …: …"),
            (Format::Json, "\"q\\\"x\": \"y\\\"z\"", "\"q\\\"x\": \"…\""),
        ] {
            assert_eq!(shown(format, line), format!("@@ line 1 @@\n-{expected}"));
        }
    }

    #[test]
    fn lines_of_a_long_text_have_no_names() {
        for (format, text) in [
            (Format::Yaml, "key: |\n  hunter2: x"),
            (Format::Yaml, "key: >2-  # mine\n  hunter2: x"),
            (Format::Yaml, "key: \"a\n  hunter2: x\""),
            (Format::Yaml, "key: 'a\n  hunter2: x'"),
            (Format::Toml, "key = \"\"\"\nhunter2 = x\n\"\"\""),
            (Format::Toml, "key = '''\nhunter2 = x\n'''"),
        ] {
            assert!(!shown(format, text).contains("hunter2"), "{text}");
        }
        // This program's own names can be read all the same.
        assert!(
            shown(Format::Yaml, "a: |\n  b\nextensions:\n  elks:\n    cmd: \"/opt/elks-mcp\"")
                .contains("\n-    cmd: \"/")
        );
    }

    proptest! {
        #[test]
        fn a_value_is_never_shown(
            value in "[A-Za-z0-9:=/@+._-]{0,6}hunter2[A-Za-z0-9:=/@+._-]{0,6}",
            form in prop::sample::select(vec![
                (Format::Yaml, "key: V"), (Format::Yaml, "key: 'V'"), (Format::Yaml, "key: \"V\" # V"),
                (Format::Yaml, "- - key: V V"), (Format::Yaml, "key: {a: V, \"b\": V}"), (Format::Yaml, "key: [V, V]"),
                (Format::Yaml, "key: --token V"), (Format::Yaml, "# V"), (Format::Yaml, "key: |\n  V: V"),
                (Format::Toml, "key = \"V\""), (Format::Toml, "key = V # V"), (Format::Toml, "key = [\"V\", 'V']"),
                (Format::Toml, "key = { a = \"V\", b = 'V' }"), (Format::Toml, "k = '''\nV = V\n'''"),
                (Format::Toml, "# V"), (Format::Json, "{\"key\": \"V\"}"), (Format::Json, "{\"key\": [\"V\"]} // V"),
                (Format::Json, "/* V */ {\"key\": {\"a\": \"V\", \"b\": \"V\"}}"),
            ]),
        ) {
            let (format, form) = form;
            let text = form.replace('V', &value);
            prop_assert!(!shown(format, &text).contains("hunter2"), "{text}\n{}", shown(format, &text));
        }
    }
}
