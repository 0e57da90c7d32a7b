//! `muster completions` and `muster man`: what the command tree tells shells and readers of manuals.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use super::output::{ended, print};

/// Which shell.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Which page.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The command whose page is printed, e.g. `runs approve`; that of muster itself, if absent
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    command: Vec<String>,

    /// Write the pages of all commands into this folder instead
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "muster", &mut script);
    ended(io::stdout().lock().write_all(&script), 0)
}

/// Prints a page, or writes all.
pub fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        clap_mangen::generate_to(root, folder).with_context(|| format!("cannot write into {}", folder.display()))?;
        return ended(print(&format!("The pages are in {}: man -l {0}/muster.1", folder.display())), 0);
    }
    let mut command: &Command = &root;
    for name in &args.command {
        let Some(next) = command.get_subcommands().find(|one| one.get_name() == name) else {
            bail!("there is no command muster {}; muster --help lists them", args.command.join(" "));
        };
        command = next;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    ended(io::stdout().lock().write_all(&page), 0)
}
