//! The command line without a server: configuration, completions, manual pages.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::support::desk::command;

/// Runs `muster` in a folder, with these variables.
fn muster(folder: &Path, variables: &[(&str, &str)], words: &str) -> Output {
    let mut command = command(folder, "http://127.0.0.1:9", "");
    command.env_remove("MUSTER_ROOT_API_KEY").envs(variables.iter().copied());
    command.args(words.split_whitespace()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        "verify_hours = 1\nmax_body = 1\nconverge_budget = 1\nroot_api_key = \"sk_0123456789abcdef0123456789abcdef\"\n";
    std::fs::write(folder.path().join("muster.toml"), file).unwrap();
    let variables = [("MUSTER_MAX_BODY", "2"), ("MUSTER_CONVERGE_BUDGET", "2"), ("MUSTER_CONFIG", "muster.toml")];
    let told = muster(folder.path(), &variables, "config --json --converge-budget 3");
    assert!(told.status.success(), "{}", text(&told.stderr));
    let settings: Value = serde_json::from_slice(&told.stdout).unwrap();
    let of = |key: &str| (settings[key]["value"].as_str(), settings[key]["source"].as_str().unwrap());
    assert_eq!(of("converge_budget"), (Some("3"), "flag"));
    assert_eq!(of("max_body"), (Some("2"), "environment"));
    assert_eq!(of("verify_hours"), (Some("1"), "file"));
    assert_eq!(of("requests_per_second"), (Some("5000"), "default"));
    assert_eq!(of("root_api_key"), (Some("(hidden)"), "file"));
    assert_eq!(of("public_url"), (None, "default"));
    let table = text(&muster(folder.path(), &[], "config --config muster.toml").stdout);
    assert!(table.contains("verify_hours") && table.contains("file") && !table.contains("sk_0123"), "{table}");
    let ended = muster(folder.path(), &[], "config --config muster.toml --");
    assert_eq!((ended.status.success(), text(&ended.stdout)), (true, table), "{}", text(&ended.stderr));
}

#[test]
fn a_file_with_a_mistake_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("muster.toml"), "\nmax_boddy = 1\n").unwrap();
    for words in ["serve --config muster.toml", "config --config muster.toml"] {
        let told = muster(folder.path(), &[], words);
        assert_eq!(told.status.code(), Some(1));
        assert_eq!(
            text(&told.stderr),
            "muster: muster.toml:2:1: there is no setting max_boddy; did you mean max_body?\n"
        );
    }
    let told = muster(folder.path(), &[("MUSTER_CONFIG", "nowhere.toml")], "serve");
    assert!(text(&told.stderr).contains("cannot read nowhere.toml"));
    // Other commands have nothing to do with it.
    assert!(muster(folder.path(), &[("MUSTER_CONFIG", "nowhere.toml")], "config --help").status.success());
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "no database was made");
}

#[test]
fn the_server_starts_with_what_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = "listen = \"127.0.0.1:0\"\nroot_api_key = \"short\"\n";
    std::fs::write(folder.path().join("muster.toml"), file).unwrap();
    let told = muster(folder.path(), &[], "serve --config muster.toml");
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("fewer than 32 characters"), "{}", text(&told.stderr));
}

#[test]
fn shells_complete_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let told = muster(folder.path(), &[], &format!("completions {shell}"));
        let script = text(&told.stdout);
        assert!(told.status.success() && script.contains("organizations") && script.contains("rotate"), "{shell}");
    }
    assert_eq!(muster(folder.path(), &[], "completions tcsh").status.code(), Some(64));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let page = text(&muster(folder.path(), &[], "man tokens rotate").stdout);
    assert!(page.contains(".TH") && page.contains("overlap"), "{page}");
    assert_eq!(muster(folder.path(), &[], "man tokens turn").status.code(), Some(1));
    assert!(muster(folder.path(), &[], "man --output pages").status.success());
    for page in ["muster.1", "muster-serve.1", "muster-tokens-rotate.1", "muster-requests-tail.1"] {
        let written = std::fs::read_to_string(folder.path().join("pages").join(page)).unwrap();
        assert!(written.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn exit_codes_are_told_where_one_looks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let answers = ["plan", "apply", "explain", "status", "verify", "replay", "rules lint", "rules test"];
    for words in answers.into_iter().chain(["directories resume", "directories remove"]) {
        let help = text(&muster(folder.path(), &[], &format!("{words} --help")).stdout);
        assert!(help.contains("Exits with 0"), "{words}: {help}");
    }
    assert!(text(&muster(folder.path(), &[], "--help").stdout).contains("64 if the command line"));
}
