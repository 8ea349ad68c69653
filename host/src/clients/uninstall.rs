//! `uninstall`: takes the entry out again. Where nothing else was changed, the file is then what it was before.

use super::diff::changed_lines;
use super::install::{is_ours, launch_of, readable};
use super::launch::{Launch, settings_file};
use super::own_command;
use super::shape::NAME;
use super::table::Client;
use super::{Computer, Options, file};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What becomes of a file.
enum After {
    /// This text, with or without the backup that it equals.
    Text { text: String, backup: Option<PathBuf> },
    /// `install` had made it, and nothing else is in it.
    Removed,
}

/// Takes the entry out of all files of a client.
pub(super) fn uninstall(client: &Client, computer: &Computer, options: Options, out: &mut impl Write) -> Result<()> {
    let mut settings: Vec<String> = Vec::new();
    for place in computer.places.of(client.files.locations(&computer.places)) {
        let launch = launch_of(client, computer, &place.file);
        settings.extend(settings_file(&launch.args).map(Into::into));
        from_file(client, computer, options, &launch, &place.file, out)?;
    }
    settings.dedup();
    for file in settings.iter().filter(|file| !options.dry_run && Path::new(file).exists()) {
        writeln!(out, "Your settings are still in {file}: remove that file yourself if you want to.")?;
    }
    Ok(())
}

fn from_file(
    client: &Client,
    computer: &Computer,
    options: Options,
    launch: &Launch,
    path: &Path,
    out: &mut impl Write,
) -> Result<()> {
    let (title, shown, shape) = (client.title, path.display(), client.shape);
    let nothing = format!("✓ {title}: {shown} has no entry {NAME}; nothing was changed");
    let Some(text) = file::read(path)? else {
        writeln!(out, "{nothing}")?;
        return Ok(());
    };
    let document = shape.format().read(&text).with_context(|| format!("{shown} is left as it is"))?;
    match document.get(shape.section()).and_then(|entries| entries.get(NAME)) {
        None => return Ok(writeln!(out, "{nothing}")?),
        Some(entry) if !is_ours(computer, shape, entry) => {
            let other = format!("✓ {title}: the entry {NAME} in {shown} starts another program; nothing was changed");
            return Ok(writeln!(out, "{other}")?);
        }
        Some(_) => {}
    }
    let own = client
        .own
        .filter(|_| !options.edit)
        .and_then(|own| Some((computer.places.on_path(own.program())?, own.remove()?)));
    if let Some((command, arguments)) = own {
        return by_command(client, computer, options, (&command, &arguments), path, out);
    }
    let target = file::target(path)?;
    let after = after(client, launch, &target, &text).with_context(|| format!("{shown} is left as it is"))?;
    if options.dry_run {
        let text_after = if let After::Text { text, .. } = &after { text.as_str() } else { "" };
        writeln!(
            out,
            "Would change {shown}:\n{}",
            changed_lines(shape.format(), &text, text_after, &readable(client, launch))
        )?;
        return Ok(());
    }
    match after {
        After::Removed => {
            fs::remove_file(&target).with_context(|| format!("cannot remove {}", target.display()))?;
            writeln!(out, "✓ {title}: {shown} had nothing but the entry {NAME}, and is removed")?;
        }
        After::Text { text: after, backup } => {
            file::replace(&target, Some(&text), &after)?;
            writeln!(out, "✓ {title}: the entry {NAME} is no longer in {shown}")?;
            if let Some(backup) = backup {
                fs::remove_file(&backup).with_context(|| format!("cannot remove {}", backup.display()))?;
                writeln!(out, "  The file is as it was before, so the backup is removed")?;
            }
        }
    }
    Ok(())
}

/// What becomes of the file when the entry goes. The backup has the file to the byte, so it counts where nothing but
/// the entry differs from it.
fn after(client: &Client, launch: &Launch, path: &Path, text: &str) -> Result<After> {
    let shape = client.shape;
    let (format, section) = (shape.format(), shape.section());
    let without = format.without(text, section, NAME)?;
    // What a text becomes when the entry is added and taken out again.
    let there_and_back = |text: &str| {
        let with = format.with(text, section, NAME, &shape.body(launch)).ok()?;
        format.without(&with, section, NAME).ok()
    };
    let backup = file::backup_of(path);
    match file::read(&backup)? {
        Some(old) if there_and_back(&old).as_ref() == Some(&without) => {
            Ok(After::Text { text: old, backup: Some(backup) })
        }
        None if there_and_back("").as_ref() == Some(&without) => Ok(After::Removed),
        _ => Ok(After::Text { text: without, backup: None }),
    }
}

/// Lets the client's own command remove the entry, and looks whether it did.
fn by_command(
    client: &Client,
    computer: &Computer,
    options: Options,
    (command, arguments): (&Path, &[String]),
    path: &Path,
    out: &mut impl Write,
) -> Result<()> {
    if options.dry_run {
        let shown = own_command::shown(command, arguments, computer.places.system());
        return Ok(writeln!(out, "Would run: {shown}")?);
    }
    let ran = own_command::run(command, arguments);
    let left = file::read(path)?.map(|text| client.shape.format().read(&text)).transpose()?;
    if left.is_some_and(|document| document.get(client.shape.section()).and_then(|entries| entries.get(NAME)).is_some())
    {
        let why =
            ran.err().map(|error| format!("{error:#}")).unwrap_or_else(|| "its command ended well all the same".into());
        bail!("{} still has the entry: {why}. With --edit, this program changes the file itself", client.title);
    }
    Ok(writeln!(
        out,
        "✓ {}: its own command, {}, has removed the entry {NAME} from {}",
        client.title,
        command.display(),
        path.display()
    )?)
}
