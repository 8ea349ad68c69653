//! The question that a person approves, in the host's own words. Pure: it takes facts and writes text.
//!
//! The facts come first and the text last, because a text may be long and may imitate a fact. Clients show a question
//! in different ways, so each row of the text is safe in all of them:
//! - It begins with a bar. A row without one is the host's own: it is indented and counts what was left out.
//! - It is short. The host folds long lines itself, so that a client does not begin a row without a bar. A window of
//!   less than 42 columns still does so; there the order holds: nothing below the facts is a fact.
//! - It holds no character that any client takes for the end of a line: each is invisible and is spelled out.
//! - It stands in a fenced code block, where Markdown has no links, pictures, HTML, headings or escapes. A row that
//!   begins with a bar cannot close the fence. In a client without Markdown the fence is two rows of backticks.
//!
//! What is left out can be counted: blank lines and long gaps. Everything else can be read back exactly, because a
//! `\u{` that the text itself contains is spelled out, too.

use crate::count::count;
use crate::money::money;
use sms_rules::forms::is_currency;
use sms_rules::invisible;
use sms_rules::phone::is_e164;
use sms_rules::sender::is_name;
use sms_rules::text::MAX_PARTS;

/// The width of a row of the text in columns, bar not included. A chat panel beside an editor is about this wide.
const MAX_COLUMNS: usize = 40;

/// The number of rows that the text may take. Ten parts of plain words need about 45. A person who must read more than
/// three screens of 40 rows does not read the end.
const MAX_ROWS: usize = 120;

/// How many blank characters in a row are shown as they are.
const MAX_GAP: usize = 4;

/// How many blank lines in a row are shown as they are.
const MAX_BLANK_LINES: usize = 2;

/// How many combining marks on one character are shown as they are. More would cover the rows above and below. Written
/// languages need three.
const MAX_MARKS: usize = 3;

/// The width in columns up to which joined pictures stay on one row. The widest of Unicode's emoji joins four.
const MAX_PICTURE_COLUMNS: usize = 8;

/// The width of a tab, at most, in columns.
const TAB_COLUMNS: usize = 8;

/// The width of a character that stands for a phrase, in columns.
const WORD_COLUMNS: usize = 10;

/// How a row begins that begins a line of the text.
const BAR: &str = "│ ";

/// How a row begins that goes on with the line of the row above.
const CONTINUED: &str = "┊ ";

/// Why a question cannot be put to a person. None of the texts repeats a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CannotShow {
    /// The recipient could pass for something else.
    #[error("the recipient is not one number in E.164 form")]
    Recipient,
    /// The sender could pass for something else.
    #[error("the sender is neither a number in E.164 form nor a name of letters and digits")]
    Sender,
    /// The parts are not 1 to 10, or the currency is not three capital letters.
    #[error("the parts or the currency of the price have no valid form")]
    Price,
    /// A person would not see the end of the text.
    #[error("the text needs {0} rows on a screen, and a person is shown {MAX_ROWS} at most: use fewer lines")]
    TooManyRows(usize),
}

/// What a person must know about a message to approve it: what the egress will let out, and what 46elks said about it.
/// It has no Debug form, because it holds numbers and a text.
pub(super) struct Question<'a> {
    /// The recipient, as it is sent.
    pub(super) to: &'a str,
    /// The recipient's name in the operator's contacts. It has letters, digits and `-_.` alone.
    pub(super) contact: Option<&'a str>,
    /// The sender, as it is sent.
    pub(super) from: &'a str,
    /// Whether the phone shows the message at once and does not store it.
    pub(super) flash: bool,
    /// How many parts are billed.
    pub(super) parts: u64,
    /// The price of all parts in ten-thousandths, where 46elks reported one.
    pub(super) price: Option<u64>,
    /// The currency of the price, where it is known.
    pub(super) currency: Option<&'a str>,
    /// The text, as it is sent.
    pub(super) text: &'a str,
    /// Whether the simulator answers, so that nothing real is sent.
    pub(super) simulated: bool,
}

impl Question<'_> {
    /// The question as the person reads it.
    ///
    /// # Errors
    /// A fact could pass for something else, or the text is too long to be read.
    pub(super) fn words(&self) -> Result<String, CannotShow> {
        let Self { to, contact, from, flash, parts, price, currency, text, simulated } = *self;
        if !is_e164(to) {
            return Err(CannotShow::Recipient);
        }
        if !is_e164(from) && !is_name(from) {
            return Err(CannotShow::Sender);
        }
        if !(1..=u64::from(MAX_PARTS)).contains(&parts) || !currency.is_none_or(is_currency) {
            return Err(CannotShow::Price);
        }
        let quotation = Quotation::of(text);
        if quotation.rows.len() > MAX_ROWS {
            return Err(CannotShow::TooManyRows(quotation.rows.len()));
        }
        let mark = if simulated { "[SIMULATED] " } else { "" };
        let contact = contact.map_or(String::new(), |name| format!(" ({name})"));
        let flash = if flash { "- Flash: the phone shows it at once and does not store it\n" } else { "" };
        let price = price.map_or("46elks reported no price".into(), |price| money(price, currency));
        let parts = count(parts, "part");
        let characters = count(text.chars().count() as u64, "character");
        let lines = count(quotation.lines, "line");
        let legend = quotation.legend();
        let rows = quotation.rows.join("\n");
        Ok(format!(
            "{mark}Send this SMS?\n\n- To: {to}{contact}\n- From: {from}\n{flash}- Price: {parts}, {price}\n\
             - Length: {characters} on {lines}\n\n\
             Everything below is the text of the message. {legend}\n\n```\n{rows}\n```"
        ))
    }
}

/// A text as rows that are safe to show.
#[derive(Default)]
struct Quotation {
    rows: Vec<String>,
    lines: u64,
    /// Blank lines that have no row yet.
    blank: usize,
    has_continued: bool,
    has_codes: bool,
    has_counts: bool,
}

/// A piece of a line that stays on one row.
struct Piece {
    shown: String,
    columns: usize,
    /// Whether a row may end after it.
    is_gap: bool,
}

impl Quotation {
    fn of(text: &str) -> Self {
        let mut quotation = Self::default();
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            // A carriage return belongs to the line end if a line feed follows. A lone one is spelled out.
            let line = if lines.peek().is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
            quotation.lines += 1;
            if line.chars().all(is_blank) {
                quotation.blank += 1;
            } else {
                quotation.end_of_blank_lines();
                quotation.line(line);
            }
        }
        quotation.end_of_blank_lines();
        quotation
    }

    /// Shows or counts the blank lines that came before.
    fn end_of_blank_lines(&mut self) {
        if self.blank > MAX_BLANK_LINES {
            self.counted(self.blank, "blank line");
        } else {
            self.rows.extend((0..self.blank).map(|_| BAR.trim_end().to_string()));
        }
        self.blank = 0;
    }

    /// A row of the host's own.
    fn counted(&mut self, number: usize, word: &str) {
        self.has_counts = true;
        self.rows.push(format!("  ({})", count(number as u64, word)));
    }

    /// Adds the rows of a line that is not blank.
    fn line(&mut self, line: &str) {
        let mut begin = BAR;
        let mut row: Vec<Piece> = Vec::new();
        let mut columns = 0;
        let mut rest = line;
        let mut hidden = invisible::find(line).map(|(at, _)| at).peekable();
        let mut marks = MAX_MARKS; // a mark at the beginning of a line would be drawn on the bar
        let mut joined = false; // the character before joins the next one to its picture
        while let Some(c) = rest.chars().next() {
            let at = line.len() - rest.len();
            let gap = rest.chars().take_while(|&c| is_blank(c)).count();
            if gap > MAX_GAP {
                let begins = begin == BAR;
                self.row(&mut begin, &mut row, begins);
                columns = 0;
                self.counted(gap, "blank character");
                rest = rest.trim_start_matches(is_blank);
                (marks, joined) = (MAX_MARKS, false);
                continue;
            }
            rest = &rest[c.len_utf8()..];
            let is_hidden = hidden.next_if_eq(&at).is_some();
            let is_part = !is_hidden && invisible::name(c).is_some(); // of an emoji or of a word
            let is_mark = !is_part && is_combining(c);
            marks = if is_mark { marks + 1 } else { 0 };
            // On a piece that is full, a joiner would be the last sign of its row, where nobody sees what it joins.
            let is_full = row.last().is_none_or(|last| last.columns >= MAX_PICTURE_COLUMNS);
            let spelled = is_hidden
                || c == '\r'
                || (c == '\\' && rest.starts_with("u{"))
                || marks > MAX_MARKS
                || (is_part && is_joiner(c) && is_full);
            if spelled {
                self.has_codes = true;
            }
            let piece = Piece::of(c, spelled);
            let is_tone = matches!(c, '\u{1F3FB}'..='\u{1F3FF}');
            let last = row.last_mut().filter(|last| {
                !spelled && (is_part || is_mark || ((joined || is_tone) && last.columns < MAX_PICTURE_COLUMNS))
            });
            joined = !spelled && ((is_part && is_joiner(c)) || (is_mark && joined));
            if let Some(last) = last {
                let more = if is_part || is_mark { 0 } else { piece.columns };
                last.shown.push_str(&piece.shown);
                last.columns += more;
                columns += more;
                continue;
            }
            while columns + piece.columns > MAX_COLUMNS && !row.is_empty() {
                let end = row.iter().rposition(|piece| piece.is_gap).map_or(row.len(), |gap| gap + 1);
                let next = row.split_off(end);
                self.row(&mut begin, &mut row, false);
                row = next;
                columns = row.iter().map(|piece| piece.columns).sum();
            }
            columns += piece.columns;
            row.push(piece);
        }
        self.row(&mut begin, &mut row, false);
    }

    /// Ends a row, and the next one continues it. An empty one is left out unless it is needed.
    fn row(&mut self, begin: &mut &str, row: &mut Vec<Piece>, needed: bool) {
        if row.is_empty() && !needed {
            return;
        }
        let shown: String = row.drain(..).map(|piece| piece.shown).collect();
        self.has_continued |= *begin == CONTINUED;
        self.rows.push(format!("{begin}{shown}"));
        *begin = CONTINUED;
    }

    /// What the signs mean that this quotation uses.
    fn legend(&self) -> String {
        let mut legend = "Each line of it begins with │.".to_string();
        for (used, sentence) in [
            (self.has_continued, " A row with ┊ goes on with the line above."),
            (self.has_counts, " A row without a bar counts what is not shown there."),
            (self.has_codes, " A code like \\u{200b} stands for a character that could not be seen."),
        ] {
            if used {
                legend.push_str(sentence);
            }
        }
        legend
    }
}

impl Piece {
    fn of(c: char, spelled: bool) -> Self {
        let shown = if spelled { c.escape_unicode().to_string() } else { c.to_string() };
        let columns = match c {
            _ if spelled => shown.len(),
            '\t' => TAB_COLUMNS,
            // Single characters that fonts draw as long as a word: Arabic phrases and cuneiform.
            '\u{FDFA}'..='\u{FDFD}' | '\u{12000}'..='\u{1254F}' => WORD_COLUMNS,
            // Scripts with wide letters, and pictures. The narrow ones among them are counted too wide.
            '\u{900}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{2190}'.. => 2,
            _ => 1,
        };
        Self { shown, columns, is_gap: is_blank(c) }
    }
}

/// Whether a character leaves a gap: a space of any kind or a tab. Line ends are no gaps.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r') && invisible::name(c).is_none()
}

/// Whether a character joins the ones on both sides to a picture or a word, so that no row ends between them.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{200C}' | '\u{180E}')
}

/// Whether a character is drawn on the one before it. Behind a letter, the standard library escapes what cannot be
/// printed; alone, it escapes the combining characters as well.
fn is_combining(c: char) -> bool {
    c.escape_debug().len() > 2 && format!("a{c}").escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asking(text: &str) -> Question<'_> {
        let (to, from, currency) = ("+46701740605", "+46766861004", Some("SEK"));
        Question {
            to,
            contact: None,
            from,
            flash: false,
            parts: 1,
            price: Some(5200),
            currency,
            text,
            simulated: false,
        }
    }

    /// The rows of the text in a question.
    fn rows(text: &str) -> Vec<String> {
        let words = asking(text).words().expect("can be shown");
        let (_, rows) = words.split_once("\n\n```\n").expect("has a quotation");
        rows.strip_suffix("\n```").expect("is closed").split('\n').map(str::to_string).collect()
    }

    #[test]
    fn the_facts_come_first_and_in_order() {
        let text = "Hej Anna!\nMötet är kl. 9 – kom i tid så hinner vi äta.\u{7}\n\n\n\n/Per";
        let (to, from) = ("+46701740605", "Tandkliniken");
        assert_eq!(Question { to, from, ..asking(text) }.words(), Err(CannotShow::Sender), "it has 12 letters");
        let question = Question { to, from: "Tandvard", flash: true, parts: 2, price: Some(10_400), ..asking(text) };
        let expected = "\
Send this SMS?

- To: +46701740605
- From: Tandvard
- Flash: the phone shows it at once and does not store it
- Price: 2 parts, 1.04 SEK
- Length: 63 characters on 6 lines

Everything below is the text of the message. Each line of it begins with │. A row with ┊ goes on with the line above. \
A row without a bar counts what is not shown there. A code like \\u{200b} stands for a character that could not be seen.

```
│ Hej Anna!
│ Mötet är kl. 9 – kom i tid så hinner vi\x20
┊ äta.\\u{7}
  (3 blank lines)
│ /Per
```";
        assert_eq!(question.words().as_deref(), Ok(expected));
    }

    #[test]
    fn a_price_that_46elks_did_not_report_is_not_made_up() {
        let question = Question { price: None, currency: None, ..asking("Hej") };
        assert!(question.words().expect("can be shown").contains("- Price: 1 part, 46elks reported no price\n"));
        let question = Question { currency: None, ..asking("Hej") };
        assert!(question.words().expect("can be shown").contains("0.52 (in the account's currency)\n"));
    }

    #[test]
    fn a_fact_that_could_pass_for_another_is_not_shown() {
        for to in ["", "46701740605", "+46701740605\n- Price: 1 part, 0.01 SEK", "+46701740605,+46701740606"] {
            assert_eq!(Question { to, ..asking("Hej") }.words(), Err(CannotShow::Recipient), "{to}");
        }
        for from in ["", "A\nB", "Elks\n- To: Anna", "[Elks](x)", "Elks\u{202e}", "+46 70 174", "46elks", "El ks"] {
            assert_eq!(Question { from, ..asking("Hej") }.words(), Err(CannotShow::Sender), "{from}");
        }
        for currency in ["", "kr", "SEK.", "SEK, of which 0", "SE\n"] {
            assert_eq!(Question { currency: Some(currency), ..asking("Hej") }.words(), Err(CannotShow::Price));
        }
        for parts in [0, 11, u64::MAX] {
            assert_eq!(Question { parts, ..asking("Hej") }.words(), Err(CannotShow::Price), "{parts}");
        }
    }

    #[test]
    fn no_line_of_the_text_passes_for_one_of_the_question() {
        for end in ["\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            let text = format!("Hej{end}```{end}- Price: 1 part, 0.01 SEK{end}  (3 blank lines){end}<!-- ");
            for row in rows(&text) {
                assert!(row.starts_with(BAR) || row.starts_with(CONTINUED), "{row:?}");
                assert!(!row.contains(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']), "{row:?}");
            }
        }
        assert_eq!(rows("a\r\n\r\nb\r"), ["│ a", "│", "│ b\\u{d}"]);
    }

    #[test]
    fn what_pushes_the_end_out_of_sight_is_counted() {
        for blank in ["\n", "\r\n", " \n", "\u{3000}\t\u{a0}\n"] {
            let text = format!("Hej\n{}slut", blank.repeat(1400));
            assert_eq!(rows(&text), ["│ Hej", "  (1,400 blank lines)", "│ slut"], "{blank:?}");
        }
        for blank in [" ", "\t", "\u{a0}", "\u{3000}", " \u{2003}"] {
            let text = format!("Hej{}slut", blank.repeat(700));
            let counted = format!("  ({})", count(700 * blank.chars().count() as u64, "blank character"));
            assert_eq!(rows(&text), ["│ Hej", &counted, "┊ slut"], "{blank:?}");
        }
        assert_eq!(rows("\n\n\nHej"), ["  (3 blank lines)", "│ Hej"]);
        assert_eq!(rows("Hej\n\n\n"), ["│ Hej", "  (3 blank lines)"]);
        assert_eq!(
            rows("Hej\n     x     "),
            ["│ Hej", "│ ", "  (5 blank characters)", "┊ x", "  (5 blank characters)"]
        );
        assert_eq!(rows("a    b\n\n\nc"), ["│ a    b", "│", "│", "│ c"], "a few are shown");
    }

    #[test]
    fn a_text_that_nobody_reads_to_its_end_is_not_shown() {
        let lines = |lines: usize| vec!["."; lines].join("\n");
        assert_eq!(rows(&lines(MAX_ROWS)).len(), MAX_ROWS);
        assert_eq!(asking(&lines(MAX_ROWS + 1)).words(), Err(CannotShow::TooManyRows(MAX_ROWS + 1)));
        assert_eq!(asking(&lines(1500)).words(), Err(CannotShow::TooManyRows(1500)));
        let controls = format!("Hej{}slut", "\u{7}".repeat(2470));
        assert!(matches!(asking(&controls).words(), Err(CannotShow::TooManyRows(_))));
        for full in ["x".repeat(1530), "åäö lång ".repeat(170), "дом ".repeat(167), "😀".repeat(335)] {
            assert!(rows(&full).len() <= MAX_ROWS / 2, "ten parts are shown");
        }
    }

    #[test]
    fn invisible_characters_are_spelled_out_and_a_spelled_one_is_not_taken_for_them() {
        for (text, row) in [
            ("a\u{202e}b\u{1b}[2J", "│ a\\u{202e}b\\u{1b}[2J"),
            ("\u{2800}\u{1d159}\u{f8ff}\u{fffc}", "│ \\u{2800}\\u{1d159}\\u{f8ff}\\u{fffc}"),
            ("a\\u{202e}b", "│ a\\u{5c}u{202e}b"),
            ("C:\\users", "│ C:\\users"),
            ("*a* _b_ [c](d) ![e](f) <b>g</b> &amp; | ~~h~~", "│ *a* _b_ [c](d) ![e](f) <b>g</b> &amp; | "),
            ("👩‍👩‍👧 ❤️ 1️⃣ 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "│ 👩‍👩‍👧 ❤️ 1️⃣ 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
            ("שלום \u{202e}100", "│ שלום \\u{202e}100"),
        ] {
            assert_eq!(rows(text)[0], row);
        }
    }

    #[test]
    fn piled_up_marks_are_spelled_out_from_the_fourth_on() {
        assert_eq!(rows(&format!("e{}", "\u{301}".repeat(5))), ["│ e\u{301}\u{301}\u{301}\\u{301}\\u{301}"]);
        assert_eq!(rows("\u{338}a\n\u{20dd}b"), ["│ \\u{338}a", "│ \\u{20dd}b"], "none is drawn on the bar");
        for text in ["e\u{301}ä", "ที่นี่", "हिन्दी", "שָׁלוֹם", "မြန်မာ", "tie\u{302}\u{301}ng"]
        {
            assert_eq!(rows(text), [format!("│ {text}")], "of a language");
        }
    }

    #[test]
    fn a_long_line_is_folded_between_words_or_where_it_must() {
        assert_eq!(
            rows(&"x".repeat(81)),
            [format!("│ {}", "x".repeat(40)), format!("┊ {}", "x".repeat(40)), "┊ x".to_string()]
        );
        let text = "Hej! Tandläkaren väntar på dig i morgon klockan nio";
        assert_eq!(rows(text), ["│ Hej! Tandläkaren väntar på dig i morgon ", "┊ klockan nio"]);
        assert_eq!(rows(&"漢".repeat(21)), [format!("│ {}", "漢".repeat(20)), "┊ 漢".to_string()], "wide letters");
        assert_eq!(rows(&"﷽".repeat(5)), ["│ ﷽﷽﷽﷽", "┊ ﷽"], "a phrase in a character");
        let code = rows(&format!("{}\u{10fffd}", "x".repeat(35)));
        assert_eq!(code[1], "┊ \\u{10fffd}", "a code stays whole");
    }

    /// Reads rows back: what a person can know of the text.
    fn read_back(rows: &[String]) -> String {
        let mut text = String::new();
        let mut begun = false;
        for row in rows {
            let newline = if begun { "\n" } else { "" };
            if let Some(rest) = row.strip_prefix(CONTINUED) {
                text.push_str(rest);
            } else if let Some(rest) = row.strip_prefix(BAR.trim_end()) {
                text.push_str(newline);
                text.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            } else {
                let count: usize =
                    row.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("counts");
                if row.contains("line") {
                    text.push_str(newline);
                    text.push_str(&"\n".repeat(count - 1));
                } else {
                    text.push_str(&" ".repeat(count));
                }
            }
            begun = true;
        }
        let mut read = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("\\u{") {
            let end = at + rest[at..].find('}').expect("a code ends");
            let code = u32::from_str_radix(&rest[at + 3..end], 16).ok().and_then(char::from_u32);
            read.push_str(&rest[..at]);
            read.push(code.expect("is a character"));
            rest = &rest[end + 1..];
        }
        read + rest
    }

    /// A text in the form in which it can be read back: gaps are of spaces, blank lines are empty, lines end in `\n`.
    fn readable(text: &str) -> String {
        let mut lines: Vec<&str> = text.split('\n').collect();
        let last = lines.len() - 1;
        for line in &mut lines[..last] {
            *line = line.strip_suffix('\r').unwrap_or(line);
        }
        let line = |line: &str| -> String {
            let is_blank_line = line.chars().all(is_blank);
            let spaced = line.chars().map(|c| if is_blank(c) { ' ' } else { c });
            if is_blank_line { String::new() } else { spaced.collect() }
        };
        lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Texts that try to deceive: pieces of the question, of Markdown and of Unicode, in any order.
    fn deceiving() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            "[ -~]{0,50}",
            "(?s).{0,20}",
            "[ \t\u{a0}\u{3000}]{0,12}",
            "[\n\r]{1,6}",
            "[\u{300}-\u{36f}]{0,6}",
            prop::sample::select(vec![
                "```",
                "│ ",
                "┊ ",
                "  (3 blank lines)",
                "\\u{",
                "\\u{202e}",
                "\\",
                "👩‍👩‍👧",
                "می‌خواهم",
                "ශ්‍රී",
                "ی\u{200C}",
                "\u{200C}",
                "❤️",
                "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
                "\u{2028}",
                "<!--",
                "\u{feff}"
            ])
            .prop_map(str::to_string),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_rows_tell_the_whole_text_and_stay_within_their_bounds(text in deceiving()) {
            let rows = Quotation::of(&text).rows;
            let read = read_back(&rows);
            let spaced: String = read.chars().map(|c| if is_blank(c) { ' ' } else { c }).collect();
            prop_assert_eq!(spaced, readable(&text));
            for row in &rows {
                prop_assert!(row.starts_with('│') || row.starts_with(CONTINUED) || row.starts_with("  ("), "{:?}", row);
                prop_assert!(invisible::find(row).next().is_none(), "{:?}", row);
                prop_assert!(!row.contains(['\n', '\r']), "{:?}", row);
                let columns: usize = row.chars().filter(|&c| !is_combining(c)).count();
                prop_assert!(columns <= 2 * MAX_COLUMNS, "{} characters: {:?}", columns, row);
            }
        }
    }
}
