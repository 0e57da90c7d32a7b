//! The real binary as a command line, against a test's server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::server::{ROOT_KEY, TestDirectory, TestServer};

/// What a command answered.
pub struct Told {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Told {
    /// Demands an exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n{}\n{}", self.out, self.err);
        self
    }

    /// Demands that these words are said somewhere.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words) || self.err.contains(words), "no '{words}' in:\n{}\n{}", self.out, self.err);
        self
    }

    /// The standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// An organization with a folder of files, and the command line at hand.
pub struct Desk<'a> {
    /// The server that is talked to.
    pub server: &'a TestServer,
    /// A directory of the organization.
    pub directory: TestDirectory,
    folder: tempfile::TempDir,
}

impl<'a> Desk<'a> {
    /// A new organization with a directory of these settings.
    pub async fn set(server: &'a TestServer, settings: Value) -> Self {
        let organization = server.organization("Test organization").await;
        let directory = server.directory_in(&organization, settings).await;
        Desk { server, directory, folder: tempfile::tempdir().unwrap() }
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs `muster` in the folder; words are parted by spaces.
    pub async fn muster(&self, words: &str) -> Told {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let (folder, url) = (self.folder.path().to_owned(), self.server.server.url());
        let organization = self.directory.organization.clone();
        let run = move || muster(&folder, &url, &organization, &words);
        tokio::task::spawn_blocking(run).await.expect("the command runs")
    }
}

/// The binary, ready to be run in a folder against a server.
pub fn command(folder: &Path, url: &str, organization: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command
        .current_dir(folder)
        .env("MUSTER_SERVER", url)
        .env("MUSTER_API_KEY", ROOT_KEY)
        .env("MUSTER_ORGANIZATION", organization)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    command
}

fn muster(folder: &Path, url: &str, organization: &str, words: &[String]) -> Told {
    let output = command(folder, url, organization).args(words).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Told { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
}
