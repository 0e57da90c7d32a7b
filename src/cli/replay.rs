//! `muster replay`: plays recorded conversations of identity providers against a SCIM server.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::replay::{Conversation, Event, Outcome, Player, Report, StepReport, find};

/// Plays recorded conversations of identity providers against a SCIM server.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 if every answer was as expected, 1 if one was not, 2 if nothing could be played.")]
pub struct ReplayArgs {
    /// Conversations, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Where the server's SCIM endpoints are, e.g. `https://…/scim/v2/directory_01J…`
    #[arg(long, env = "MUSTER_SCIM_BASE_URL", value_name = "URL")]
    pub base_url: String,

    /// The bearer token of the directory
    #[arg(long, env = "MUSTER_SCIM_TOKEN", hide_env_values = true)]
    pub token: String,

    /// Accept Muster's own answers only, where standard and clients leave a choice
    #[arg(long)]
    pub strict: bool,

    /// The directory's settings: of a folder, only conversations made for these are played
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub settings: String,

    /// What makes the names of this run unique, to repeat an earlier one
    #[arg(long, value_name = "SUFFIX")]
    pub random: Option<String>,

    /// Print one JSON document instead of lines
    #[arg(long)]
    pub json: bool,
}

/// Plays, prints, and tells whether all went well.
pub async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let settings: Map<String, Value> =
        serde_json::from_str(&args.settings).context("--settings is not a JSON object")?;
    let (conversations, left_out) = choose(&args.files, &settings)?;
    let mut player = Player::new(&args.base_url, &args.token).context("no HTTP client")?;
    if let Some(random) = &args.random {
        player = player.with_random(random);
    }
    if args.strict {
        player = player.strictly();
    }

    let mut out = io::stdout();
    let reports = play(&player, &conversations, &mut out, args.json).await;
    let reports = match reports {
        Ok(reports) => reports,
        // The reader has seen enough (`| head`), which is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error.into()),
    };
    let passed = reports.iter().all(Report::passed);
    let written = if args.json {
        let document = Document { passed, conversations: &reports, left_out: &left_out };
        serde_json::to_writer_pretty(&mut out, &document).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        summary(&reports, &left_out, &mut out)
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    passed: bool,
    conversations: &'a [Report],
    /// Names of those that were made for other settings.
    left_out: &'a [String],
}

/// The conversations to play, and the names of those that need other settings.
///
/// A file that was named is played whatever the settings.
fn choose(paths: &[PathBuf], settings: &Map<String, Value>) -> anyhow::Result<(Vec<Conversation>, Vec<String>)> {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for path in paths {
        let named = path.is_file();
        for file in find(path)? {
            let conversation = Conversation::load(&file)?;
            if named || &conversation.settings == settings {
                chosen.push(conversation);
            } else {
                left_out.push(conversation.name);
            }
        }
    }
    if chosen.is_empty() {
        bail!("no conversation for a directory with the settings {}", Value::from(settings.clone()));
    }
    Ok((chosen, left_out))
}

async fn play(
    player: &Player,
    conversations: &[Conversation],
    out: &mut impl Write,
    json: bool,
) -> io::Result<Vec<Report>> {
    let steps: usize = conversations.iter().map(|conversation| conversation.steps.len()).sum();
    // Drawn on standard error, and not at all where nobody watches.
    let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    let mut reports = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        let mut written = Ok(());
        if !json {
            written = bar.suspend(|| heading(conversation, out));
        }
        let report = player
            .play(conversation, |event| match event {
                Event::Started { step, .. } => bar.set_message(format!("{}: {}", conversation.name, step.name)),
                Event::Finished { report, .. } => {
                    bar.inc(1);
                    if !json && written.is_ok() {
                        written = bar.suspend(|| line(report, out));
                    }
                }
            })
            .await;
        written?;
        reports.push(report);
    }
    bar.finish_and_clear();
    Ok(reports)
}

fn heading(conversation: &Conversation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}: {}", conversation.name, conversation.summary)?;
    if !conversation.settings.is_empty() {
        let settings = Value::from(conversation.settings.clone());
        writeln!(out, "  (made for a directory with the settings {settings})")?;
    }
    Ok(())
}

/// The step's line; below a failure what differs, and why the client does that.
fn line(report: &StepReport, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{report}")?;
    if let (Outcome::Failed { .. }, Some(note)) = (&report.outcome, &report.note) {
        writeln!(out, "      note: {note}")?;
    }
    out.flush()
}

fn summary(reports: &[Report], left_out: &[String], out: &mut impl Write) -> io::Result<()> {
    let count = |wanted: fn(&Outcome) -> bool| {
        reports.iter().flat_map(|report| &report.steps).filter(|step| wanted(&step.outcome)).count()
    };
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let tolerated = count(|outcome| matches!(outcome, Outcome::Tolerated { .. }));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    let conversations = reports.len();
    writeln!(
        out,
        "\n{conversations} conversations: {passed} steps passed, {tolerated} optional ones answered otherwise, \
         {failed} failed, {skipped} left out"
    )?;
    if !left_out.is_empty() {
        writeln!(out, "not played, since made for other settings: {}", left_out.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        replay: ReplayArgs,
    }

    fn write(folder: &std::path::Path, name: &str, settings: &str) -> PathBuf {
        let path = folder.join(format!("{name}.json"));
        let text = format!(
            r#"{{"conversation": "{name}", "identity_provider": "okta", "summary": "s", "settings": {settings}, "steps": [
                 {{"name": "a", "grade": "wire", "method": "GET", "path": "/Users", "expect": {{"status": [200]}}}}]}}"#
        );
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn of_a_folder_only_what_fits_the_settings_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let strange = write(folder.path(), "strange", r#"{"bare_token": true}"#);
        write(folder.path(), "usual", "{}");
        let names = |paths: &[PathBuf], settings: Value| {
            let (chosen, left_out) = choose(paths, settings.as_object().unwrap()).unwrap();
            (chosen.into_iter().map(|conversation| conversation.name).collect::<Vec<_>>(), left_out)
        };
        let all = [folder.path().to_owned()];
        assert_eq!(names(&all, json!({})), (vec!["usual".to_owned()], vec!["strange".to_owned()]));
        assert_eq!(names(&all, json!({"bare_token": true})), (vec!["strange".to_owned()], vec!["usual".to_owned()]));
        assert_eq!(names(&[strange], json!({})), (vec!["strange".to_owned()], vec![]));
        assert!(choose(&all, json!({"other": 1}).as_object().unwrap()).is_err());
    }

    #[tokio::test]
    async fn the_exit_code_tells_whether_all_answers_were_right() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "usual", "{}");
        // Port 9 (discard) of the loopback: nothing listens there.
        let args = ["replay", file.to_str().unwrap(), "--base-url", "http://127.0.0.1:9", "--token", "t", "--json"];
        let code = run(Cli::try_parse_from(args).unwrap().replay).await.unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    }
}
