//! The real binary as a command line, against a test's server.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::events::eventually;
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
pub struct Desk {
    /// Where the server is that is talked to.
    url: String,
    /// A directory of the organization.
    pub directory: TestDirectory,
    folder: tempfile::TempDir,
}

impl Desk {
    /// A new organization with a directory of these settings.
    pub async fn set(server: &TestServer, settings: Value) -> Self {
        let organization = server.organization("Test organization").await;
        let directory = server.directory_in(&organization, settings).await;
        Desk { url: server.server.url(), directory, folder: tempfile::tempdir().unwrap() }
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The names of the files in the folder.
    pub fn files(&self) -> BTreeSet<OsString> {
        let all = std::fs::read_dir(self.folder.path()).unwrap();
        all.map(|file| file.unwrap().file_name()).collect()
    }

    /// Writes a file in the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs `muster` in the folder; words are parted by spaces.
    pub async fn muster(&self, words: &str) -> Told {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let (folder, url) = (self.folder.path().to_owned(), self.url.clone());
        let organization = self.directory.organization.clone();
        let run = move || muster(&folder, &url, &organization, &words);
        tokio::task::spawn_blocking(run).await.expect("the command runs")
    }

    /// Starts a `muster` that goes on until it is interrupted.
    pub fn follow(&self, words: &str) -> Follower {
        let mut command = command(self.folder.path(), &self.url, &self.directory.organization);
        command.args(words.split_whitespace());
        Follower::start(command)
    }
}

/// A command that goes on, and what it said so far.
pub struct Follower {
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Follower {
    /// Starts a command whose standard output is read line by line.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let read = lines.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                read.lock().unwrap_or_else(PoisonError::into_inner).push_back(line);
            }
        });
        Follower { child, lines }
    }

    /// Waits for a line that has these words; those before it are passed over.
    pub async fn line_with(&self, words: &str) -> String {
        eventually(words, || async {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            std::iter::from_fn(|| lines.pop_front()).find(|line| line.contains(words))
        })
        .await
    }

    /// As Ctrl-C does; answers the exit code.
    pub async fn interrupt(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
        self.ended().await
    }

    /// Waits for its end; answers the exit code.
    pub async fn ended(&mut self) -> i32 {
        let mut child = std::mem::replace(&mut self.child, Command::new("true").spawn().expect("true runs"));
        let ended = tokio::task::spawn_blocking(move || child.wait());
        ended.await.expect("it is waited for").expect("it ends").code().expect("it ends by itself")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
