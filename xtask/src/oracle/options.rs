//! The command line of the oracles.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::binaries::Binaries;
use super::{plan, runs, sync};

pub(crate) const HELP: &str = "\
Usage: cargo run -p xtask -- oracle sync|runs|plan [OPTIONS]

  --rounds N      How many rounds (20)
  --seed S        The seed of the first; each later one adds 1 (1)
  --jobs N        Rounds at the same time (2)
  --welkin PATH   The program to drive; the workspace's, built for development, when absent
  --only WORD     Only rounds of this kind: a pair of places such as `folder-rclone`, or a disturbance
  --verbose       Print the sequence of each round before it is played

Exit codes: 0 no unexplained difference, 1 some, 2 the oracle could not run.
";

/// What a person asked for.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) rounds: u64,
    pub(super) seed: u64,
    pub(super) jobs: usize,
    pub(super) welkin: Option<PathBuf>,
    pub(super) only: Option<String>,
    pub(super) verbose: bool,
}

/// Runs the oracle that the words name.
pub(crate) fn run(words: &[&str]) -> ExitCode {
    match ask(words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn ask(words: &[&str]) -> Result<bool> {
    let Some((which, rest)) = words.split_first() else { bail!("which oracle?\n\n{HELP}") };
    let options = parse(rest)?;
    let play = match *which {
        "sync" => sync::play,
        "runs" => runs::play,
        "plan" => plan::play,
        other => bail!("there is no oracle `{other}`\n\n{HELP}"),
    };
    let binaries = Binaries::find(options.welkin.clone(), *which == "plan")?;
    let summary = play(&options, &binaries)?;
    print!("{summary}");
    Ok(summary.is_clean())
}

fn parse(words: &[&str]) -> Result<Options> {
    let mut options = Options { rounds: 20, seed: 1, jobs: 2, welkin: None, only: None, verbose: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--verbose" {
            options.verbose = true;
            continue;
        }
        let value = words.next().with_context(|| format!("`{word}` needs a value\n\n{HELP}"))?;
        let number = || value.parse::<u64>().with_context(|| format!("`{word} {value}`: no whole number"));
        match *word {
            "--rounds" => options.rounds = number()?,
            "--seed" => options.seed = number()?,
            "--jobs" => options.jobs = usize::try_from(number()?.max(1))?,
            "--welkin" => options.welkin = Some(PathBuf::from(value)),
            "--only" => options.only = Some((*value).to_owned()),
            _ => bail!("`{word}` is no option\n\n{HELP}"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let options = parse(&["--rounds", "7", "--seed", "9", "--jobs", "0", "--verbose"]).unwrap();
        assert_eq!((options.rounds, options.seed, options.jobs, options.verbose), (7, 9, 1, true));
        for (words, part) in [
            (&["--rounds"][..], "needs a value"),
            (&["--seed", "x"], "no whole number"),
            (&["--x", "1"], "no option"),
        ] {
            assert!(format!("{:#}", parse(words).unwrap_err()).contains(part), "{words:?}");
        }
    }
}
