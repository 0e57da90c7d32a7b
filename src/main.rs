//! Parses arguments, sets up logging, runs, and gives the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use muster::{cli, telemetry};

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
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
