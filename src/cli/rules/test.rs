//! `muster rules test`: what people would have, against what a file asserts.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use super::difference::{current, difference};
use super::load;
use crate::cli::client::{Connection, Refusal};
use crate::cli::output::{at, ended, print, print_json};
use crate::cli::source::{Mistakes, Source};
use crate::domain::assertion::{Assertion, MAX_ASSERTIONS};

/// Checks what people would have under the rules of a file, or have under those in force.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 if every test passed, 1 if one failed, 2 if they could not be run.")]
pub struct TestArgs {
    #[command(flatten)]
    connection: Connection,

    /// The file with the tests
    #[arg(short, long, default_value = "rules_test.toml", value_name = "FILE")]
    file: PathBuf,

    /// Suppose the rules of this file; without it, the rules in force are tested
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,

    /// Suppose that rules which the file does not have are deleted
    #[arg(long, requires = "rules")]
    prune: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    test: Vec<Spanned<Assertion>>,
}

/// Tests.
pub async fn run(args: TestArgs) -> anyhow::Result<ExitCode> {
    let source = Source::read(&args.file)?;
    let tests = read(&source)?;
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let assertions: Vec<&Assertion> = tests.iter().map(Spanned::get_ref).collect();
    let mut body = json!({"organization_id": organization, "assertions": assertions});
    let report = if let Some(path) = &args.rules {
        let loaded = load(&client, &organization, path).await?;
        let difference = difference(&loaded.named(), &current(&client, &organization).await?, args.prune)?;
        body["changes"] = Value::Array(difference.changes.clone());
        client.post("/mapping_rules/test", &body).await.map_err(|error| loaded.placed(error, &difference))
    } else {
        client.post("/mapping_rules/test", &body).await
    };
    let report = report.map_err(|error| placed(error, &source, &tests))?;
    let failed = report["failed"].as_u64().unwrap_or(0);
    let written = if args.connection.json { print_json(&report) } else { print(&told(&report, &source, &tests)) };
    ended(written, u8::from(failed > 0))
}

fn read(source: &Source) -> anyhow::Result<Vec<Spanned<Assertion>>> {
    let file: File = source.parse()?;
    if file.test.is_empty() {
        bail!("there is no test: the file needs at least one [[test]]");
    }
    if file.test.len() > MAX_ASSERTIONS {
        bail!("there are {} tests; {MAX_ASSERTIONS} are the most in one file", file.test.len());
    }
    let silent = file.test.iter().filter(|test| test.get_ref().says_nothing());
    let mistakes: Vec<String> = silent
        .map(|test| {
            source.mistake(test.span(), "the test says nothing; give groups, roles or member under has or lacks")
        })
        .collect();
    if mistakes.is_empty() { Ok(file.test) } else { Err(Mistakes(mistakes).into()) }
}

/// An error of the server about one of the tests, with its place.
fn placed(error: anyhow::Error, source: &Source, tests: &[Spanned<Assertion>]) -> anyhow::Error {
    let first = error.downcast_ref::<Refusal>().and_then(|refusal| refusal.body["errors"].get(0));
    let mistake = first.and_then(|finding| {
        let (at, _) = finding["field"].as_str()?.strip_prefix("assertions[")?.split_once(']')?;
        let test = tests.get(at.parse::<usize>().ok()?)?;
        Some(source.mistake(test.span(), finding["message"].as_str()?))
    });
    mistake.map_or(error, |mistake| Mistakes(vec![mistake]).into())
}

fn told(report: &Value, source: &Source, tests: &[Spanned<Assertion>]) -> String {
    let mut lines = Vec::new();
    for (result, test) in report["results"].as_array().into_iter().flatten().zip(tests) {
        let passed = result["passed"].as_bool().unwrap_or(false);
        let person = at(result, "/person");
        let name = result["name"].as_str().unwrap_or(person);
        lines.push(format!("{} {name}", if passed { "✓" } else { "✗" }));
        for failure in result["failures"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            lines.push(format!("    {}: {person} {failure}", source.place(&test.span())));
        }
    }
    lines.push(format!("\n{} passed, {} failed", report["passed"], report["failed"]));
    lines.join("\n")
}
