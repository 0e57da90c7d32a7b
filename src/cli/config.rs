//! The configuration of the server: from flags, the environment, a file, or defaults, in this order.
//!
//! What lives here: the file, and where each value comes from. The keys themselves, their types and defaults are the flags
//! of `muster serve` and stand there alone: `--max-body` is the key `max_body`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use serde_json::{Value, json};
use toml::Spanned;
use url::Url;

use super::Cli;
use super::output::{ended, print, print_json, table};
use super::serve::ServeArgs;
use super::source::{Mistakes, Source};
use crate::scim::text::distance;

/// What `serve` is started with.
#[derive(Debug, Clone, clap::Args)]
pub struct Configured {
    /// A file with these settings in TOML; a flag or variable goes before what it says
    #[arg(long, env = "MUSTER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What to print.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    configured: Configured,

    /// Print a file with every key and its default instead
    #[arg(long)]
    defaults: bool,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Flag,
    Environment,
    File,
    Default,
}

/// A setting as it is in effect.
#[derive(Debug, Clone)]
pub struct Setting {
    key: String,
    /// As it may be shown: secrets are not.
    shown: Option<String>,
    origin: Origin,
}

/// So many letters away a key is taken for mistyped.
const MISTYPED: usize = 4;
/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// The commands that are configured so.
const CONFIGURED: [&str; 2] = ["serve", "config"];

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Unclear {
    /// The command line makes no sense, or asks for help.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// The configuration file cannot be read or makes no sense.
    #[error("{0:#}")]
    File(anyhow::Error),
}

/// Reads a command line, and the configuration file that it names, if it does.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Unclear> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut matches = Cli::command().try_get_matches_from(&arguments)?;
    let mut settings = Vec::new();
    if let Some((name, of_command)) = matches.subcommand().filter(|(name, _)| CONFIGURED.contains(name)) {
        let keys = keys();
        let mut from_file = Vec::new();
        if let Some(path) = of_command.get_one::<PathBuf>("config") {
            let said = read(&keys, path).map_err(Unclear::File)?;
            let rests = |key: &str| keys.iter().any(|arg| key_of(arg) == key && rests(of_command, arg));
            from_file.extend(said.into_iter().filter(|(key, _)| rests(key)));
        }
        let name = name.to_owned();
        // What the file says is put as flags, where neither a flag nor a variable says otherwise.
        // What stands behind a lone `--` is no flag.
        let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        arguments.splice(end..end, from_file.iter().map(|(_, flag)| flag.clone().into()));
        matches = Cli::command().try_get_matches_from(&arguments)?;
        if let Some(of_command) = matches.subcommand_matches(&name) {
            let from_file = |key: &str| from_file.iter().any(|(of_file, _)| of_file == key);
            settings = keys.iter().map(|key| setting(key, of_command, from_file(&key_of(key)))).collect();
        }
    }
    Ok(Cli { settings, ..Cli::from_arg_matches(&matches)? })
}

/// The settings of the server, as its flags have them.
fn keys() -> Vec<Arg> {
    let command = <ServeArgs as clap::Args>::augment_args(Command::new("serve"));
    command.get_arguments().filter(|arg| arg.get_long().is_some()).cloned().collect()
}

/// What a setting is called in the file: as its flag, with underscores.
fn key_of(arg: &Arg) -> String {
    arg.get_long().unwrap_or_default().replace('-', "_")
}

/// Whether neither a flag nor a variable says what a setting is.
fn rests(matches: &ArgMatches, arg: &Arg) -> bool {
    !matches!(matches.value_source(arg.get_id().as_str()), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// What a file says, as keys and flags.
///
/// # Errors
///
/// [`Mistakes`] with their places: keys that no setting has, values that a setting cannot have.
fn read(keys: &[Arg], path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let source = Source::read(path)?;
    let table: std::collections::BTreeMap<Spanned<String>, Spanned<toml::Value>> = source.parse()?;
    let (mut flags, mut mistakes) = (Vec::new(), Mistakes::default());
    for (key, value) in &table {
        match flag(keys, key.get_ref(), value.get_ref()) {
            Ok(flag) => flags.extend(flag.map(|flag| (key.get_ref().clone(), flag))),
            Err(Wrong::Key(message)) => mistakes.0.push(source.mistake(key.span(), &message)),
            Err(Wrong::Value(message)) => mistakes.0.push(source.mistake(value.span(), &message)),
        }
    }
    if mistakes.0.is_empty() { Ok(flags) } else { Err(mistakes.into()) }
}

enum Wrong {
    Key(String),
    Value(String),
}

/// What the file says about a key, as a flag; `None` for a switch that is off.
fn flag(keys: &[Arg], key: &str, value: &toml::Value) -> Result<Option<String>, Wrong> {
    let Some(arg) = keys.iter().find(|arg| key_of(arg) == key) else {
        let known = keys.iter().map(key_of);
        let near = known.map(|known| (distance(key, &known), known)).min().filter(|(far, _)| *far <= MISTYPED);
        let meant = near.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
        return Err(Wrong::Key(format!("there is no setting {key}{meant}")));
    };
    let long = arg.get_long().unwrap_or_default();
    let text = match value {
        toml::Value::Boolean(on) if !arg.get_action().takes_values() => return Ok(on.then(|| format!("--{long}"))),
        _ if !arg.get_action().takes_values() => return Err(Wrong::Value(format!("{key} is true or false"))),
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        _ => return Err(Wrong::Value(format!("{key} is a string or a whole number"))),
    };
    let flag = format!("--{long}={text}");
    let alone = Command::new("serve").no_binary_name(true).disable_help_flag(true).arg(arg.clone());
    alone.try_get_matches_from([&flag]).map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
        let shown = if arg.is_hide_env_values_set() { "what it says".to_owned() } else { format!("'{text}'") };
        Wrong::Value(format!("{key} cannot be {shown}{why}"))
    })?;
    Ok(Some(flag))
}

fn setting(arg: &Arg, matches: &ArgMatches, from_file: bool) -> Setting {
    let (id, key) = (arg.get_id().as_str(), key_of(arg));
    let value = matches.get_raw(id).and_then(|mut values| values.next_back()).map(|v| v.to_string_lossy().into_owned());
    let value = if arg.get_action().takes_values() { value } else { Some(matches.get_flag(id).to_string()) };
    let origin = match matches.value_source(id) {
        _ if from_file => Origin::File,
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment,
        _ => Origin::Default,
    };
    let shown = value.map(|value| if arg.is_hide_env_values_set() { masked(&key, &value) } else { value });
    Setting { key, shown, origin }
}

/// What may be shown of a secret: of the database's address everything but the password in it, otherwise nothing.
fn masked(key: &str, value: &str) -> String {
    if key != "database_url" {
        return HIDDEN.to_owned();
    }
    if value.starts_with("sqlite:") {
        return value.to_owned();
    }
    let Ok(mut url) = Url::parse(value) else { return HIDDEN.to_owned() };
    let in_query = url.query().is_some_and(|query| query.to_ascii_lowercase().contains("pass"));
    let kept_out = url.password().is_none() || url.set_password(Some("hidden")).is_ok();
    if in_query || !kept_out { HIDDEN.to_owned() } else { url.to_string() }
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        }
    }
}

/// Prints the settings, or the file with the defaults.
pub fn run(args: &ConfigArgs, settings: &[Setting]) -> anyhow::Result<ExitCode> {
    if args.defaults {
        return ended(print(&defaults()), 0);
    }
    if args.json {
        let row = |setting: &Setting| json!({"value": setting.shown, "source": setting.origin.as_str()});
        let document: Value = settings
            .iter()
            .map(|setting| (setting.key.clone(), row(setting)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        return ended(print_json(&document), 0);
    }
    let mut rows = table(&["setting", "value", "source"]);
    for setting in settings {
        rows.add_row([&setting.key, setting.shown.as_deref().unwrap_or("–"), setting.origin.as_str()]);
    }
    let file = args.configured.config.as_ref();
    let file = file.map_or_else(
        || "No file: --config or MUSTER_CONFIG names one.".to_owned(),
        |path| format!("The file is {}.", path.display()),
    );
    ended(print(&format!("{rows}\n{file}")), 0)
}

/// A file with every key, its meaning and its default. What has no default stands as a comment.
fn defaults() -> String {
    let mut out = "# What `muster serve` is started with: muster serve --config muster.toml\n\
                   # A flag goes before the environment, the environment before this file. Every key is a flag, --max-body\n\
                   # for max_body, and a variable, MUSTER_MAX_BODY. `muster config` shows what is in effect and why.\n"
        .to_owned();
    for arg in keys().iter().filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        out.push_str(&format!("\n# {help}\n"));
        let key = key_of(arg);
        let default = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        match default {
            _ if !arg.get_action().takes_values() => out.push_str(&format!("{key} = false\n")),
            Some(number) if number.parse::<i64>().is_ok() => out.push_str(&format!("{key} = {number}\n")),
            Some(text) => out.push_str(&format!("{key} = \"{text}\"\n")),
            None => out.push_str(&format!("# {key} = \"…\"\n")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muster.toml");
        std::fs::write(&path, text).unwrap();
        let folder = format!("{}/", folder.path().display());
        read(&keys(), &path).map_err(|error| error.to_string().replace(&folder, ""))
    }

    #[test]
    fn the_file_of_defaults_has_every_key_and_is_read_as_the_defaults() {
        let file = include_str!("../../muster.default.toml");
        assert_eq!(file, defaults(), "make it anew: cargo run -- config --defaults > muster.default.toml");
        for key in keys().iter().filter(|key| !key.is_hide_set()) {
            let id = key_of(key);
            assert!(file.contains(&format!("\n{id} = ")) || file.contains(&format!("\n# {id} = ")), "{id}");
        }
        let flags = told(file).unwrap().into_iter().map(|(_, flag)| flag);
        let with_file =
            Cli::command().get_matches_from(["muster".to_owned(), "serve".to_owned()].into_iter().chain(flags));
        let without = Cli::command().get_matches_from(["muster", "serve"]);
        for key in keys() {
            let raw = |matches: &ArgMatches| {
                let of_serve = matches.subcommand_matches("serve").unwrap();
                of_serve.get_raw(key.get_id().as_str()).map(|values| values.map(ToOwned::to_owned).collect::<Vec<_>>())
            };
            assert_eq!(raw(&with_file), raw(&without), "{}", key.get_id());
        }
    }

    #[test]
    fn every_mistake_in_a_file_is_told_with_its_place() {
        assert_eq!(
            told("max_boddy = 5\n").unwrap_err(),
            "muster.toml:1:1: there is no setting max_boddy; did you mean max_body?"
        );
        assert_eq!(told("zzzzzzzzzzzz = 5\n").unwrap_err(), "muster.toml:1:1: there is no setting zzzzzzzzzzzz");
        let two = told("max_body = \"much\"\nlisten = 1.5\n").unwrap_err();
        assert!(two.starts_with("2 mistakes\n"), "{two}");
        assert!(two.contains("muster.toml:1:12: max_body cannot be 'much': invalid digit"), "{two}");
        assert!(two.contains("muster.toml:2:10: listen is a string or a whole number"), "{two}");
        assert!(told("webhooks_allow_private = \"yes\"").unwrap_err().contains("is true or false"));
        assert!(told("max_body = ").unwrap_err().starts_with("muster.toml:1:"));
        assert_eq!(told("webhooks_allow_private = false\nverify_hours = 5").unwrap().len(), 1);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(masked("database_url", "sqlite://muster.db"), "sqlite://muster.db");
        assert_eq!(masked("database_url", "postgres://u:p%40ss@db/m"), "postgres://u:hidden@db/m");
        assert_eq!(masked("database_url", "postgres://db/m?user=u&password=x"), HIDDEN);
        assert_eq!(masked("root_api_key", "https://u@x/"), HIDDEN);
        let secrets = keys().into_iter().filter(Arg::is_hide_env_values_set);
        let secrets: Vec<String> = secrets.map(|key| key_of(&key)).collect();
        for secret in ["database_url", "root_api_key", "metrics_key", "secrets_key", "oidc_client_secret"] {
            assert!(secrets.iter().any(|key| key == secret), "{secret}");
        }
    }
}
