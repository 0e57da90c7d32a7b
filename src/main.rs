//! Parses arguments, sets up logging, runs, and gives the exit code.

use std::process::ExitCode;

use muster::cli::config::Unclear;
use muster::{cli, telemetry};

/// A command line that makes no sense. Not 2, as usual: several commands answer with that.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments = match cli::config::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(Unclear::CommandLine(error)) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
        Err(unclear) => {
            eprintln!("muster: {unclear}");
            return ExitCode::FAILURE;
        }
    };
    telemetry::init("info,sqlx=warn");
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("muster: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(cli::run(arguments)).unwrap_or_else(|error| {
        eprintln!("muster: {}", cli::harmless(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}
