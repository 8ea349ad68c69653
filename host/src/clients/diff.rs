//! What an edit changes, for people. Values that are not this program's own are masked: they may be secrets of others.

/// What stands for a masked value.
const MASK: &str = "…";

/// Words that are no value of anybody.
const PLAIN_WORDS: [&str; 3] = ["true", "false", "null"];

/// The changed lines, each with `-` or `+` before it. `shown` are the values that may be read.
pub(super) fn changed_lines(before: &str, after: &str, shown: &[&str]) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let same_end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let mut lines = vec![format!("@@ line {} @@", same + 1)];
    let changed = |lines: &[&str], sign: &str| -> Vec<String> {
        let lines = &lines[same..lines.len() - same_end];
        lines.iter().map(|line| format!("{sign}{}", masked(line, shown))).collect()
    };
    lines.extend(changed(&old, "-"));
    lines.extend(changed(&new, "+"));
    lines.join("\n")
}

/// A line of JSON, TOML or YAML without the values that are not in `shown`. Names before `:` and `=` stay.
fn masked(line: &str, shown: &[&str]) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at(length);
        let is_name = after.trim_start().starts_with([':', '=']);
        let is_mark = !first.is_alphanumeric() && first != '"' && first != '\'' && token.len() == first.len_utf8();
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

/// The length of what begins a text: a string in quotes, a word, or one mark.
fn token_length(text: &str, first: char) -> usize {
    match first {
        '"' | '\'' => {
            let mut escaped = false;
            let end = text.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == first && !escaped;
                escaped = *c == '\\' && !escaped && first == '"';
                ends
            });
            end.map_or(text.len(), |(at, c)| at + c.len_utf8())
        }
        ' ' | '\t' | '{' | '}' | '[' | ']' | ',' | ':' | '=' | '-' => first.len_utf8(),
        _ => text.find([' ', '\t', '{', '}', '[', ']', ',', ':', '=', '"', '\'']).unwrap_or(text.len()),
    }
}

/// What a string in quotes says.
fn unquoted(token: &str) -> String {
    serde_json::from_str::<String>(token).unwrap_or_else(|_| token.trim_matches('\'').to_string())
}
