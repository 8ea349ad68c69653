//! `install`: adds the entry, by the client's own command or by a change of its file.

use super::diff::changed_lines;
use super::format::Members;
use super::launch::{
    self, Launch, Runner, Source, is_container, is_unfilled, settings_file, settings_words, starts_this,
};
use super::node::Node;
use super::own_command;
use super::places::Place;
use super::print::cache_note;
use super::shape::{NAME, Shape};
use super::table::Client;
use super::template::TEMPLATE;
use super::{Computer, Options, command_line, entries, file, quoted};
use anyhow::{Context as _, Result, bail, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is to be done with one file.
enum Step {
    /// The entry is there as it should be.
    Nothing,
    /// The client's command adds it.
    Command(PathBuf),
    /// The file gets this text.
    Text { before: Option<String>, after: String },
}

/// What is to be done with one file of a client.
struct Plan {
    place: Place,
    launch: Launch,
    step: Step,
}

/// Adds the entry to all files of a client.
pub(super) fn install(
    client: &'static Client,
    computer: &Computer,
    options: Options,
    out: &mut impl Write,
) -> Result<()> {
    let env = options.env.then(|| launch::env(computer.places.variables())).transpose()?;
    let places = present(client, computer, options)?;
    // All steps are known before the first is taken, so that a file that cannot be read stops everything.
    let plans: Vec<Plan> = places
        .into_iter()
        .map(|place| {
            let launch = match &env {
                Some(env) => Launch::new(&computer.program, computer.places.system(), Source::Env(env.clone())),
                None => launch_of(client, computer, &place.file),
            };
            let step = step(client, computer, options, &launch, &place.file)?;
            Ok(Plan { place, launch, step })
        })
        .collect::<Result<_>>()?;
    let mut settings: Vec<String> =
        plans.iter().filter_map(|plan| settings_file(&plan.launch.args)).map(Into::into).collect();
    settings.dedup();
    for file in settings.iter().filter(|file| !is_unfilled(file) && Path::new(file).is_absolute()) {
        write_template(Path::new(file), options.dry_run, out)?;
    }
    let changes = plans.iter().any(|plan| !matches!(plan.step, Step::Nothing));
    for plan in plans {
        take(client, computer, options, plan, out)?;
    }
    notes(client, computer, options, out)?;
    if changes && !options.dry_run { next(client, computer, &settings, out) } else { Ok(()) }
}

/// How the entry in a file starts the program. When the command line names no settings file, an entry that is there
/// keeps its own, unless that is one of a container.
pub(super) fn launch_of(client: &Client, computer: &Computer, path: &Path) -> Launch {
    let ours = entry(client, path).filter(|entry| !computer.is_named && is_ours(computer, client.shape, entry));
    let launched = ours.and_then(|entry| client.shape.launched(&entry));
    let args = launched.filter(|(command, args)| !is_container(command, args)).map(|(_, args)| args);
    let source = args.as_deref().and_then(settings_words).map_or(Source::File(&computer.settings), Source::Kept);
    Launch::new(&computer.program, computer.places.system(), source)
}

/// The files of a client that seems to be installed.
fn present(client: &Client, computer: &Computer, options: Options) -> Result<Vec<Place>> {
    let all = computer.places.of(client.files.locations(&computer.places));
    let first = all.first().cloned().with_context(|| {
        format!("{} has no known file on this system, or the environment names no home folder", client.title)
    })?;
    let mut found: Vec<Place> = Vec::new();
    for place in all.into_iter().filter(|place| place.folder.is_dir() || place.file.exists()) {
        match found.iter_mut().find(|known| known.folder == place.folder) {
            None => found.push(place),
            // Of two files that the client reads in one folder, the one that is there.
            Some(known) if !known.file.exists() && place.file.exists() => *known = place,
            Some(_) => {}
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let has_command = client.own.is_some_and(|own| computer.places.on_path(own.program()).is_some());
    ensure!(
        has_command || options.force,
        "{} does not seem to be installed: there is no folder {}. Start it once, or write the entry all the same with \
         --force",
        client.title,
        first.folder.display()
    );
    Ok(vec![first])
}

/// What is to be done with a file.
fn step(client: &Client, computer: &Computer, options: Options, launch: &Launch, path: &Path) -> Result<Step> {
    let text = file::read(path)?;
    let (shape, before) = (client.shape, text.as_deref().unwrap_or_default());
    let (format, section) = (shape.format(), shape.section());
    let unchanged = || format!("{} is left as it is", path.display());
    let document = format.read(before).with_context(unchanged)?;
    let there = document.get(section).and_then(|entries| entries.get(NAME));
    let after = match there {
        Some(entry) if !is_ours(computer, shape, entry) => {
            ensure!(
                options.force,
                "{} has an entry {NAME} that starts another program: rename it, or replace it with --force",
                path.display()
            );
            let without = format.without(before, section, NAME).with_context(unchanged)?;
            format.with(&without, section, NAME, &shape.body(launch)).with_context(unchanged)?
        }
        Some(entry) => {
            let wanted = shape.launch(launch);
            let different: Vec<(&str, Node)> =
                wanted.into_iter().filter(|(key, value)| entry.get(key) != Some(value)).collect();
            if different.is_empty() {
                return Ok(Step::Nothing);
            }
            let different: &Members<'_> = &different;
            format.changed(before, section, NAME, different).with_context(unchanged)?
        }
        None => {
            let own = client.own.filter(|_| !options.edit && !options.env);
            if let Some(command) = own.and_then(|own| computer.places.on_path(own.program())) {
                return Ok(Step::Command(command));
            }
            format.with(before, section, NAME, &shape.body(launch)).with_context(unchanged)?
        }
    };
    Ok(Step::Text { before: text, after })
}

/// Whether an entry starts this program, also under another name of its file.
pub(super) fn is_ours(computer: &Computer, shape: Shape, entry: &Node) -> bool {
    shape.launched(entry).is_some_and(|(command, args)| command == computer.program || starts_this(&command, &args))
}

/// Does it, or in a dry run says what it would do.
fn take(client: &Client, computer: &Computer, options: Options, plan: Plan, out: &mut impl Write) -> Result<()> {
    let Plan { place, launch, step } = &plan;
    let (title, shown, system) = (client.title, place.file.display(), computer.places.system());
    match step {
        Step::Nothing => writeln!(out, "✓ {title}: {shown} has the entry {NAME} already; nothing was changed")?,
        Step::Command(command) => {
            let own = client.own.context("the client has no command")?;
            let arguments = own.add(launch);
            if options.dry_run {
                writeln!(out, "Would run: {}", own_command::shown(command, &arguments, system))?;
                return Ok(());
            }
            let ran = own_command::run(command, &arguments);
            if ran.is_ok() {
                own_command::wait(own, || added(client, launch, &place.file));
            }
            check(client, launch, &place.file, ran)?;
            writeln!(out, "✓ {title}: its own command, {}, has added the entry {NAME} to {shown}", command.display())?;
        }
        Step::Text { before, after } => {
            let old = before.as_deref().unwrap_or_default();
            if options.dry_run {
                writeln!(
                    out,
                    "Would change {shown}:\n{}",
                    changed_lines(client.shape.format(), old, after, &readable(client, launch))
                )?;
                return Ok(());
            }
            let kept = write(&place.file, before.as_deref(), after)?;
            writeln!(out, "✓ {title}: the entry {NAME} is in {shown}")?;
            if let Some(backup) = kept {
                writeln!(out, "  The file as it was before is kept in {}", backup.display())?;
            }
            if options.env && file::others_can_read(&place.file) {
                let chmod = command_line(["chmod", "600", &shown.to_string()], system);
                writeln!(out, "⚠ {shown} now holds your API password, and others can read it: {chmod}")?;
            }
        }
    }
    Ok(())
}

/// Replaces a file, with a backup of the old one. Returns the backup if it is new.
pub(super) fn write(path: &Path, before: Option<&str>, after: &str) -> Result<Option<PathBuf>> {
    let target = file::target(path)?;
    let mut backup = None;
    match before {
        Some(before) => backup = file::back_up(&target, before)?.then(|| file::backup_of(&target)),
        None => target.parent().map_or(Ok(()), file::make_folder)?,
    }
    file::replace(&target, before, after)?;
    Ok(backup)
}

/// Whether the entry is in the file of a client.
fn added(client: &Client, launch: &Launch, path: &Path) -> bool {
    let launched = entry(client, path).and_then(|entry| client.shape.launched(&entry));
    launched == Some((launch.command.clone(), launch.args.clone()))
}

/// The entry in the file of a client, if the file can be read and has it.
fn entry(client: &Client, path: &Path) -> Option<Node> {
    let document = client.shape.format().read(&file::read(path).ok()??).ok()?;
    document.get(client.shape.section())?.get(NAME).cloned()
}

/// Checks that a client's command has done what it should: its exit code alone does not say that.
fn check(client: &Client, launch: &Launch, path: &Path, ran: Result<()>) -> Result<()> {
    if added(client, launch, path) {
        return Ok(());
    }
    let again = "With --edit, this program changes the file itself";
    match ran {
        Err(error) => bail!("{} has not added the entry: {error:#}. {again}", client.title),
        Ok(()) => {
            bail!("the command of {} ended well, but {} does not have the entry. {again}", client.title, path.display())
        }
    }
}

/// The values that a diff may show: those that this program writes and that are no setting.
pub(super) fn readable<'a>(client: &Client, launch: &'a Launch) -> Vec<&'a str> {
    let fixed: &[&'static str] = match client.shape {
        Shape::Codex => &["mcp_servers.elks"],
        _ => &["stdio", "local", "custom", "*", "elks", "300", "Send and read SMS through 46elks"],
    };
    std::iter::once(launch.command.as_str())
        .chain(launch.args.iter().map(String::as_str))
        .chain(fixed.iter().copied())
        .collect()
}

/// Writes the settings file when there is none.
fn write_template(path: &Path, dry_run: bool, out: &mut impl Write) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let holds = "with three empty lines for the account, and the other settings as comments";
    if dry_run {
        writeln!(out, "Would write {}, {holds}", path.display())?;
        return Ok(());
    }
    path.parent().map_or(Ok(()), file::make_folder)?;
    file::create(path, TEMPLATE.as_bytes(), None).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(out, "✓ {} is written, {holds}", path.display())?;
    Ok(())
}

/// What the user should know about this computer.
fn notes(client: &'static Client, computer: &Computer, options: Options, out: &mut impl Write) -> Result<()> {
    if let Some(note) = cache_note(&computer.program) {
        writeln!(out, "⚠ {note}")?;
    }
    for other in entries::of_client(&computer.places, client).iter().filter(|entry| entry.name != NAME) {
        writeln!(
            out,
            "⚠ The entry {} starts elks-mcp, too: its tools are then there twice. Remove one of them.",
            other.name
        )?;
    }
    if !options.env {
        for place in computer.places.of(client.files.locations(&computer.places)) {
            let kept = kept_settings(client, &place.file);
            if !kept.is_empty() {
                writeln!(
                    out,
                    "⚠ The entry keeps its variables, and they win over the settings file: {}",
                    kept.join(", ")
                )?;
            }
        }
    }
    Ok(())
}

/// The names of the variables in the entry.
fn kept_settings(client: &Client, path: &Path) -> Vec<String> {
    let env = entry(client, path).and_then(|entry| entry.get(client.shape.env()).cloned());
    env.iter().flat_map(Node::members).map(|(name, _)| name.clone()).collect()
}

/// What the user does next. `settings` are the settings files of the entries; there is none when the entry has the
/// settings itself.
fn next(client: &Client, computer: &Computer, settings: &[String], out: &mut impl Write) -> Result<()> {
    let system = computer.places.system();
    let mut steps = Vec::new();
    for file in settings {
        steps.push(format!("Fill in ELKS_API_USERNAME, ELKS_API_PASSWORD and ELKS_PHONE_NUMBER in {file}"));
        let words = Runner::of(&computer.program).words(&computer.program, system);
        let program = command_line(words.iter().map(String::as_str), system);
        // Only the client knows what it fills in.
        let shown = if is_unfilled(file) { "FILE, with the path of that file".into() } else { quoted(file, system) };
        steps.push(format!("Check it: {program} doctor --settings {shown}"));
    }
    steps.push(format!("Restart {}.", client.title));
    writeln!(out, "\nNext:")?;
    for (number, step) in steps.iter().enumerate() {
        writeln!(out, "{}. {step}", number + 1)?;
    }
    client.note.map_or(Ok(()), |note| Ok(writeln!(out, "{note}")?))
}
