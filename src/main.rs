//! Parses arguments, sets up logging, runs, and gives the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use muster::{cli, telemetry};

/// A command line that makes no sense. Not 2, as usual: several commands answer with that.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments = match cli::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
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
        eprintln!("muster: {error:#}");
        ExitCode::FAILURE
    })
}
