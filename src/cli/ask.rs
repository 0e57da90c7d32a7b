//! The question before what cannot be undone.

use std::io::{self, BufRead, IsTerminal as _, Write};

use anyhow::{Context as _, bail};

use super::output::harmless;

/// Whether to ask.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Asking {
    /// Do not ask; needed where nobody is at a terminal
    #[arg(long)]
    pub yes: bool,
}

impl Asking {
    /// Says what goes, and has somebody type the name of it, unless they said `--yes`.
    ///
    /// # Errors
    ///
    /// If they type something else, or nobody is there to ask.
    pub fn sure(self, what_goes: &str, name: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        // What is asked stands on standard error, so that the answer alone is on standard output.
        let mut out = io::stderr().lock();
        writeln!(out, "{}", harmless(what_goes.trim_end()))?;
        if !io::stdin().is_terminal() {
            bail!("nothing was done: nobody is at a terminal to ask; --yes does it without asking");
        }
        typed(&mut io::stdin().lock(), &mut out, name)
    }
}

/// Has somebody type a name.
fn typed(answers: &mut impl BufRead, out: &mut impl Write, name: &str) -> anyhow::Result<()> {
    write!(out, "This cannot be undone. Type {name} to go on: ")?;
    out.flush()?;
    let mut typed = String::new();
    answers.read_line(&mut typed).context("the answer cannot be read")?;
    if typed.trim() == name { Ok(()) } else { bail!("nothing was done: that is not {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_name_goes_on() {
        let answer = |text: &str| typed(&mut text.as_bytes(), &mut Vec::new(), "Acme");
        assert!(answer("Acme\n").is_ok() && answer(" Acme ").is_ok());
        for other in ["", "\n", "y\n", "acme\n", "Acme Inc\n"] {
            assert_eq!(answer(other).unwrap_err().to_string(), "nothing was done: that is not Acme");
        }
    }
}
