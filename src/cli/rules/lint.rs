//! `muster rules lint`: what is wrong or odd about the rules of a file.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::load;
use crate::cli::client::Connection;
use crate::cli::output::{at, counted, ended, print, print_json};

/// Tells what is wrong or odd about the rules of a file, with line and column.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if all of them could be saved, 1 otherwise. Warnings are told and change nothing."
)]
pub struct LintArgs {
    #[command(flatten)]
    connection: Connection,

    /// The file with the rules
    #[arg(short, long, default_value = "rules.toml", value_name = "FILE")]
    file: PathBuf,
}

/// Lints.
pub async fn run(args: LintArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let loaded = load(&client, &organization, &args.file).await?;
    let (mut findings, mut lines, mut errors) = (Vec::new(), Vec::new(), 0);
    for (rule, document) in loaded.rules.iter().zip(&loaded.documents) {
        let mut body = document.fields()?;
        body.insert("organization_id".to_owned(), organization.as_str().into());
        body.insert("key".to_owned(), rule.key().into());
        let report = client.post("/mapping_rules/lint", &Value::Object(body)).await?;
        errors += report["errors"].as_array().map_or(0, Vec::len);
        for finding in ["errors", "warnings"].iter().flat_map(|kind| report[*kind].as_array().into_iter().flatten()) {
            let mut span = rule.place_of(at(finding, "/field"));
            if let Some(column) = finding["column"].as_u64().and_then(|column| usize::try_from(column).ok()) {
                span = loaded.source.within(&span, column);
            }
            let place = loaded.source.place(&span);
            let (severity, message) = (at(finding, "/severity"), at(finding, "/message"));
            lines.push(format!("{place}: {severity}: {}: {message} [{}]", rule.key(), at(finding, "/code")));
            let mut told = finding.clone();
            told["place"] = place.into();
            told["rule"] = rule.key().into();
            findings.push(told);
        }
    }
    let written = if args.connection.json {
        print_json(
            &json!({"object": "rules_lint", "rules": loaded.rules.len(), "errors": errors, "findings": findings}),
        )
    } else {
        let rules = counted(i64::try_from(loaded.rules.len())?, "rule", "rules");
        let errors = counted(i64::try_from(errors)?, "error", "errors");
        lines.push(format!("{rules}, {errors}, {} other findings", findings.len().saturating_sub(lines_of(&findings))));
        print(&lines.join("\n"))
    };
    ended(written, u8::from(errors > 0))
}

fn lines_of(findings: &[Value]) -> usize {
    findings.iter().filter(|finding| at(finding, "/severity") == "error").count()
}
