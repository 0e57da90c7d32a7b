//! Rules as code: `muster rules`, `muster plan`, `muster apply`.
//!
//! What lives here: reading `rules.toml` whole, with its names as ids. The schema is `document`.

pub mod apply;
mod difference;
mod document;
mod export;
mod lint;
mod names;
pub mod plan;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::client::{Client, Refusal};
use super::source::{Mistakes, Source};
use crate::domain::rule::RuleDocument;
use document::Placed;

/// Rules in files: export, check and test them.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Write the rules in force as a TOML file
    Export(export::ExportArgs),
    /// Tell what is wrong or odd about the rules of a file, with line and column
    Lint(lint::LintArgs),
    /// Check what people would have under the rules of a file
    Test(test::TestArgs),
}

/// Runs one of them.
pub async fn run(command: RulesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Export(args) => export::run(args).await,
        RulesCommand::Lint(args) => lint::run(args).await,
        // 1 says that a test failed, so what kept it from running needs another.
        RulesCommand::Test(args) => test::run(args).await.or_else(|error| {
            eprintln!("muster: {error:#}");
            Ok(ExitCode::from(2))
        }),
    }
}

/// A `rules.toml` that was read.
pub struct Loaded {
    source: Source,
    rules: Vec<Placed>,
    documents: Vec<RuleDocument>,
}

/// Reads a file, and turns the names in it into ids.
///
/// # Errors
///
/// [`Mistakes`] with their places; other errors if there is no such file, or the server does not answer.
pub async fn load(client: &Client, organization: &str, path: &Path) -> anyhow::Result<Loaded> {
    let source = Source::read(path)?;
    let rules = document::read(&source)?;
    let documents = names::resolve(client, organization, &source, &rules).await?;
    Ok(Loaded { source, rules, documents })
}

impl Loaded {
    /// The rules as the server keeps them, in the order of the file.
    pub fn named(&self) -> Vec<(String, RuleDocument)> {
        self.rules.iter().map(|rule| rule.key().to_owned()).zip(self.documents.iter().cloned()).collect()
    }

    /// An error of the server, told by places in the file where `find` knows which rule and which of its fields a
    /// field of the request is.
    fn with_places(&self, error: anyhow::Error, find: impl Fn(&str) -> Option<(usize, String)>) -> anyhow::Error {
        let errors = error.downcast_ref::<Refusal>().and_then(|refusal| refusal.body["errors"].as_array());
        let place = |finding: &serde_json::Value| {
            let (rule, field) = find(finding["field"].as_str()?)?;
            let rule = self.rules.get(rule)?;
            let message = format!("{}: {}", rule.key(), finding["message"].as_str()?);
            Some(self.source.mistake(rule.place_of(&field), &message))
        };
        let mistakes: Option<Vec<String>> = errors.and_then(|errors| errors.iter().map(place).collect());
        mistakes.filter(|mistakes| !mistakes.is_empty()).map_or(error, |mistakes| Mistakes(mistakes).into())
    }
}
