//! `muster requests export`: the log as a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::conversation::Conversation;
use super::{Selection, borrowed, log_of};
use crate::cli::client::{Client, Connection, Refusal, segment};
use crate::cli::lookup;
use crate::cli::output::{at, harmless};

/// How many requests are asked for at the same time.
const AT_ONCE: usize = 8;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A JSON object in each line, in the order of the requests
    Lines,
    /// One document for `muster replay`: the writes of one directory whose bodies were kept, with the answers that they got
    Conversation,
}

/// Writes the log, oldest requests first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Bodies are in it as far as the directory's setting log_bodies kept them: by default those of refused \
    requests. What is missing is told on standard error."
)]
pub struct ExportArgs {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    selection: Selection,

    /// The file to write; standard output, if absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How it is written
    #[arg(long, value_enum, default_value = "lines")]
    format: Format,

    /// Also read bodies and what each request caused: one more call for each
    #[arg(long)]
    bodies: bool,
}

/// What was exported.
#[derive(Debug, Default)]
struct Count {
    requests: u64,
    /// Requests that had a body, as far as their method tells.
    with_body: u64,
    /// Those of them whose body was not kept.
    not_kept: u64,
    /// Requests that a conversation leaves out.
    left_out: u64,
}

/// Exports, and says what is missing.
pub async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let directories = lookup::directories(&args.connection, &client, args.selection.directory.as_deref()).await?;
    if args.format == Format::Conversation && directories.len() != 1 {
        bail!("a conversation is of one directory, and there are {}; give --directory", directories.len());
    }
    let exported = match &args.output {
        Some(path) => to_file(&client, &args, &directories, path).await,
        None => all(&client, &args, &directories, &mut BufWriter::new(io::stdout())).await,
    };
    let broken_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match exported {
        Ok(notes) => notes.iter().for_each(|note| eprintln!("{}", harmless(note))),
        // A reader who has seen enough is no failure.
        Err(error) if error.downcast_ref().is_some_and(broken_pipe) => {}
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes into a file, which is there once it is complete: an export that breaks off leaves none, or the one from before.
async fn to_file(
    client: &Client,
    args: &ExportArgs,
    directories: &[Value],
    path: &Path,
) -> anyhow::Result<Vec<String>> {
    let cannot = || format!("cannot write {}", path.display());
    let there = path.metadata().ok();
    // A pipe or a terminal cannot be replaced, nor what stands for one.
    let standing = there.as_ref().is_some_and(|there| !there.is_file());
    if standing || path.starts_with("/dev") || path.starts_with("/proc") {
        let mut out = BufWriter::new(File::create(path).with_context(cannot)?);
        return all(client, args, directories, &mut out).await;
    }
    // What a link leads to is replaced, and not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{:016x}.partial", rand::random::<u64>()));
    let file = File::create_new(&partial).with_context(cannot)?;
    // Bodies are about people: whoever may not read the old file may not read the new one.
    let prepared = there.map_or(Ok(()), |there| file.set_permissions(there.permissions())).with_context(cannot);
    let written = match prepared {
        Ok(()) => all(client, args, directories, &mut BufWriter::new(file)).await,
        Err(error) => Err(error),
    };
    let exported = written.and_then(|notes| std::fs::rename(&partial, &path).with_context(cannot).map(|()| notes));
    if exported.is_err() {
        // What is in the way of that is in the way of the next export too, which says so.
        let _ = std::fs::remove_file(&partial);
    }
    exported
}

/// Writes the logs of directories; answers what is to be said of each.
async fn all(
    client: &Client,
    args: &ExportArgs,
    directories: &[Value],
    out: &mut (impl Write + Send),
) -> anyhow::Result<Vec<String>> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("  {spinner} {pos} requests  {wide_msg:.dim}")?);
    let mut notes = Vec::new();
    for directory in directories {
        bar.set_message(at(directory, "/name").to_owned());
        let count = export(client, args, directory, out, &bar).await?;
        notes.push(told(args, directory, &count));
    }
    bar.finish_and_clear();
    out.flush()?;
    Ok(notes)
}

/// Writes the log of a directory.
async fn export(
    client: &Client,
    args: &ExportArgs,
    directory: &Value,
    out: &mut impl Write,
    bar: &ProgressBar,
) -> anyhow::Result<Count> {
    let mut query = args.selection.query();
    query.push(("order", "asc".to_owned()));
    let (log, whole) = (log_of(directory), args.bodies || args.format == Format::Conversation);
    let mut conversation = Conversation::of(directory);
    let (mut count, mut after) = (Count::default(), None::<String>);
    loop {
        let (rows, next) = client.page(&log, &borrowed(&query), after.as_deref(), usize::MAX).await?;
        let rows = if whole { completed(client, &log, rows).await? } else { rows };
        for row in &rows {
            count.add(row);
            bar.inc(1);
            match args.format {
                Format::Conversation => conversation.add(row),
                Format::Lines => writeln!(out, "{row}")?,
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    if args.format == Format::Conversation {
        if conversation.is_empty() {
            bail!("no write in the log of {} can be played again: {}", at(directory, "/name"), kept(directory));
        }
        serde_json::to_writer_pretty(&mut *out, &conversation.document()).map_err(io::Error::from)?;
        writeln!(out)?;
        count.left_out = conversation.left_out();
    }
    Ok(count)
}

/// The requests with their bodies. One that the log has just let go of stays as the list had it.
async fn completed(client: &Client, log: &str, rows: Vec<Value>) -> anyhow::Result<Vec<Value>> {
    let one = |row: Value| async move {
        match client.get(&format!("{log}/{}", segment(at(&row, "/id"))), &[]).await {
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.status == 404) => Ok(row),
            read => read,
        }
    };
    stream::iter(rows.into_iter().map(one)).buffered(AT_ONCE).try_collect().await
}

impl Count {
    fn add(&mut self, request: &Value) {
        self.requests += 1;
        if matches!(at(request, "/method"), "POST" | "PUT" | "PATCH") {
            self.with_body += 1;
            self.not_kept += u64::from(request["body"].is_null());
        }
    }
}

fn kept(directory: &Value) -> String {
    let which = match at(directory, "/settings/log_bodies") {
        "none" => "no bodies",
        "all" => "all bodies of 8 KiB at the most",
        _ => "bodies of refused requests only",
    };
    format!("the directory keeps {which} (its setting log_bodies)")
}

fn told(args: &ExportArgs, directory: &Value, count: &Count) -> String {
    let name = at(directory, "/name");
    let requests = format!("{name}: {} requests", count.requests);
    match args.format {
        Format::Conversation if count.left_out > 0 => format!(
            "{requests}, of which {} are left out: reads, requests without a kept body, and those about resources \
             that were made before; {}",
            count.left_out,
            kept(directory)
        ),
        Format::Lines if args.bodies && count.not_kept > 0 => {
            format!("{requests}; {} of {} have no body: {}", count.not_kept, count.with_body, kept(directory))
        }
        _ => requests,
    }
}
