//! `print-config`: what belongs in a client's file. It holds no secret, because the settings stand in a file of their
//! own.

use super::launch::{Launch, Runner, Source};
use super::places::Places;
use super::shape::{NAME, Shape};
use super::table::{CLIENTS, Client, Link};
use super::{Computer, json, node::Node};
use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::byte_serialize;
use std::io::Write;

/// Prints the entry of a client as a whole file. What is not part of the file goes to `notes`.
pub(super) fn print(client: &Client, computer: &Computer, out: &mut impl Write, notes: &mut impl Write) -> Result<()> {
    let launch = Launch::new(&computer.program, computer.places.system(), Source::File(&computer.settings));
    let shape = client.shape;
    let document = shape.format().with("", shape.section(), NAME, &shape.body(&launch))?;
    out.write_all(document.as_bytes())?;
    let places = computer.places.of(client.files.locations(&computer.places));
    for place in places {
        writeln!(notes, "File of {}: {}", client.title, place.file.display())?;
    }
    if let Some(link) = client.link {
        writeln!(notes, "Link that adds it: {}", address(link, shape, &launch))?;
    }
    writeln!(notes, "Settings file: {}", computer.settings)?;
    if let Some(note) = cache_note(&computer.program) {
        writeln!(notes, "{note}")?;
    }
    client.note.map_or(Ok(()), |note| Ok(writeln!(notes, "{note}")?))
}

/// Lists all clients with their files.
pub(super) fn list(places: &Places, out: &mut impl Write) -> Result<()> {
    writeln!(out, "elks-mcp print-config CLIENT prints the entry, elks-mcp install CLIENT writes it. The clients:")?;
    for client in CLIENTS {
        let files = places.of(client.files.locations(places));
        let files: Vec<String> = files.iter().map(|place| place.file.display().to_string()).collect();
        writeln!(out, "{:<15} {:<19} {}", client.name, client.title, files.join(", "))?;
    }
    Ok(())
}

/// Why the command is not the program's own path, when it is not.
pub(super) fn cache_note(program: &str) -> Option<String> {
    let runner = match Runner::of(program) {
        Runner::File => return None,
        Runner::Npx => "npx",
        Runner::Uvx => "uvx",
    };
    Some(format!(
        "This program runs from a cache of {runner}, which is emptied at some time. So the command is {runner}, and the \
         client must find {runner} on its PATH."
    ))
}

/// The link that a client opens to add the entry.
fn address(link: Link, shape: Shape, launch: &Launch) -> String {
    let mut members = shape.body(launch);
    match link {
        Link::VsCode => {
            members.insert(0, ("name", Node::text(NAME)));
            format!("vscode:mcp/install?{}", encoded(&on_one_line(&members)))
        }
        Link::Config(start) => {
            let config = BASE64_STANDARD.encode(on_one_line(&members));
            format!("{start}?name={NAME}&config={}", encoded(&config))
        }
    }
}

fn on_one_line(members: &[(&'static str, Node)]) -> String {
    json::on_one_line(&Node::Map(members.iter().map(|(name, value)| ((*name).to_string(), value.clone())).collect()))
}

/// As part of an address. Clients do not read a plus as a blank.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
