//! `welkin exec`: a command or a job on a cluster that is there.

use crate::app::App;
use crate::cli::ExecArgs;
use crate::clusters::{expect, until_up};
use crate::commands::up;
use crate::exit::Exit;
use crate::planning::{self, Loaded};
use crate::report::{Code, Fault};
use std::path::Path;
use welkin_broker::Manner;

/// Endings of files that are jobs. Anything else is a command, also where a file has its name.
const JOBS: [&str; 2] = ["yaml", "yml"];

pub(crate) fn run(args: &ExecArgs, app: &mut App) -> anyhow::Result<Exit> {
    let said = &args.overrides;
    if said.on.is_some() || said.use_spot || said.no_use_spot {
        let fault =
            Fault::new(Code::Usage, "a cluster has its machines already: no place and no market is chosen");
        return Err(fault.hint("leave out --on, --use-spot and --no-use-spot").into());
    }
    let (reader, holder) = expect(&app.sky, &args.cluster)?;
    let loaded = load(args, app)?;
    let cluster = until_up(&reader, &holder, &args.cluster, app)?;
    let manner = Manner { priority: args.priority, ..Manner::default() };
    up::work_on(&cluster, loaded, manner, args.token.as_deref(), args.detach, app)
}

fn load(args: &ExecArgs, app: &App) -> anyhow::Result<Loaded> {
    let [first, rest @ ..] = &args.what[..] else { anyhow::bail!("nothing to run") };
    let is_job = Path::new(first).extension().is_some_and(|ending| JOBS.iter().any(|job| ending == *job));
    if !is_job || !rest.is_empty() {
        let script = serde_json::to_string(&script(&args.what))?;
        let job = format!("{{name: exec, run: {script}}}");
        return planning::job_of("the command", &job, &args.overrides, app);
    }
    let mut loaded = planning::job(Path::new(first), &args.overrides, true, app)?;
    for task in &mut loaded.job.tasks {
        task.setup = None;
        task.file_mounts.clear();
    }
    Ok(loaded)
}

/// One word is a line for the shell, several are a program and its arguments.
fn script(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_and_words_stay_words() {
        let script =
            |words: &[&str]| script(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(script(&["python t.py > log"]), "python t.py > log");
        assert_eq!(script(&["echo", "a b", "it's", "", "x=1"]), "echo 'a b' 'it'\\''s' '' x=1");
    }
}
