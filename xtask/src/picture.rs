//! docs/demo.svg: the demo as an animated picture of a terminal, for README.md.
//!
//! Its words are those of tests/snapshots/demo.snap, which a test compares with the real program. So the picture cannot
//! show what the program does not print, and it is the same bytes in every run. There is no script in it and no font.

mod rows;

use crate::process::root;
use anyhow::{Context, Result, ensure};
use rows::{COLUMNS, Kind, Row};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The steps of the demo that the picture shows, by title.
const SHOWN: [&str; 9] = [
    "Tool list",
    "A dry run",
    "A real send (in the simulator)",
    "Delivered",
    "The history, with a reply",
    "A number that assistants make up",
    "A sender that impersonates a bank",
    "The first message once more",
    "The rate limit",
];

/// The largest picture in bytes: what a page with it loads in a moment.
const MAX_BYTES: usize = 60_000;

/// How many rows the terminal has.
const SCREEN_ROWS: usize = 25;

/// The height of a row in pixels, at a font size of 14.
const ROW_HEIGHT: usize = 20;

/// Where the rows begin, in pixels from the left and from the top.
const INSET: (usize, usize) = (18, 46);

/// The width of the picture in pixels: a character of a monospaced font is at most 8.5 wide at a font size of 14.
const WIDTH: usize = COLUMNS * 17 / 2 + 2 * INSET.0;

/// How long the end stays before the picture begins again, in milliseconds.
const LAST_MS: u32 = 5_000;

/// Writes the picture.
pub(crate) fn update() -> Result<()> {
    let picture = drawn()?;
    fs::write(file(), &picture).with_context(|| format!("cannot write {}", file().display()))?;
    println!("{}: {} bytes", file().display(), picture.len());
    Ok(())
}

/// Compares the picture with what would be drawn now.
pub(crate) fn check() -> Result<()> {
    let recorded = fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    ensure!(recorded == drawn()?, "docs/demo.svg is out of date; run `cargo xtask picture`");
    println!("docs/demo.svg shows what the demo prints");
    Ok(())
}

fn file() -> PathBuf {
    root().join("docs/demo.svg")
}

/// The picture of the recorded demo.
fn drawn() -> Result<String> {
    let snapshot = root().join("tests/snapshots/demo.snap");
    let snapshot = fs::read_to_string(&snapshot).with_context(|| format!("cannot read {}", snapshot.display()))?;
    let picture = svg(&rows::of_transcript(&snapshot, &SHOWN)?)?;
    ensure!(picture.len() <= MAX_BYTES, "the picture has {} bytes, of at most {MAX_BYTES}", picture.len());
    Ok(picture)
}

fn svg(rows: &[Row]) -> Result<String> {
    let height = INSET.1 + SCREEN_ROWS * ROW_HEIGHT + INSET.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"title desc\">\n<title id=\"title\">elks-mcp demo in a terminal</title>\n\
         <desc id=\"desc\">A recorded MCP session with a simulated 46elks, shortened to these steps: {}. \
         tests/snapshots/demo.snap in the repository has its text.</desc>\n",
        SHOWN.join("; ")
    );
    svg.push_str(&style(rows)?);
    writeln!(svg, "<rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>")?;
    writeln!(svg, "<text class=\"dim\" x=\"{}\" y=\"26\">elks-mcp demo, shortened</text>", INSET.0)?;
    // A picture in the picture, so that rows above and below the screen are cut off.
    writeln!(svg, "<svg y=\"{}\" width=\"{WIDTH}\" height=\"{}\">", INSET.1, SCREEN_ROWS * ROW_HEIGHT)?;
    svg.push_str("<g class=\"scroll\">\n");
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| !row.text.is_empty()) {
        let (class, y) = (class(row.kind), number * ROW_HEIGHT + 15);
        writeln!(svg, "<text class=\"{class}\" x=\"{}\" y=\"{y}\">{}</text>", INSET.0, escaped(&row.text))?;
    }
    let all = rows.len() * ROW_HEIGHT;
    writeln!(
        svg,
        "<rect class=\"back cover\" y=\"{}\" width=\"{WIDTH}\" height=\"{all}\"/>",
        SCREEN_ROWS * ROW_HEIGHT
    )?;
    svg.push_str("</g>\n</svg>\n</svg>\n");
    Ok(svg)
}

/// Colours, and the two movements: the cover leaves one row after another, and the rows go up when the screen is full.
/// Without animations, or where less motion is wanted, the first screen stands still.
fn style(rows: &[Row]) -> Result<String> {
    let total: u32 = rows.iter().map(|row| row.wait_ms).sum::<u32>() + LAST_MS;
    let (mut cover, mut scroll) = (String::new(), String::new());
    let mut elapsed = 0;
    let mut scrolled = None;
    for (number, row) in rows.iter().enumerate() {
        elapsed += row.wait_ms;
        let percent = f64::from(elapsed) * 100.0 / f64::from(total);
        let shown = number + 1;
        // The cover begins below the screen, where it hides nothing.
        let up = i64::try_from(shown * ROW_HEIGHT)? - i64::try_from(SCREEN_ROWS * ROW_HEIGHT)?;
        write!(cover, "{percent:.2}%{{transform:translateY({up}px)}}")?;
        let away = shown.saturating_sub(SCREEN_ROWS) * ROW_HEIGHT;
        if scrolled.replace(away) != Some(away) {
            write!(scroll, "{percent:.2}%{{transform:translateY(-{away}px)}}")?;
        }
    }
    let start = -i64::try_from(SCREEN_ROWS * ROW_HEIGHT)?;
    Ok(format!(
        "<style>\n\
         text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;white-space:pre;\
         fill:#1f2328}}\n\
         .back{{fill:#f6f8fa}}.title{{font-weight:bold}}.call{{fill:#0a53be}}.answer{{fill:#116329}}\
         .error{{fill:#a40e26}}.dim{{fill:#59636e}}\n\
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.back{{fill:#161b22}}.call{{fill:#79c0ff}}\
         .answer{{fill:#7ee787}}.error{{fill:#ff9492}}.dim{{fill:#9198a1}}}}\n\
         @media(prefers-reduced-motion:no-preference){{.cover{{animation:cover {total}ms step-end infinite}}\
         .scroll{{animation:scroll {total}ms step-end infinite}}}}\n\
         @keyframes cover{{0%{{transform:translateY({start}px)}}{cover}}}\n\
         @keyframes scroll{{0%{{transform:translateY(0)}}{scroll}}}\n\
         </style>\n"
    ))
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Title => "title",
        Kind::Call => "call",
        Kind::Answer => "answer",
        Kind::Error => "error",
        Kind::Plain => "plain",
        Kind::Audit => "dim",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
