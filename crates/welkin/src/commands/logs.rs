//! `welkin logs`: what scripts wrote.

use crate::app::App;
use crate::cli::LogsArgs;
use crate::engine::{latest_run, reader, store_fault, undriven};
use crate::exit::Exit;
use crate::output::{Format, Lines, Part, moment};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use welkin_broker::{LogLine, Piece, Reader, RunId};
use welkin_provider::exact;

/// Pause between looks at a run that is followed: below what a person notices.
const POLL: Duration = Duration::from_millis(200);

/// Looks between those at whether a run that is followed is driven at all: a broker that begins again is there sooner.
const LOOKS_TO_TELL: u64 = 10;

/// Lines that are asked for at once: the most that a broker elsewhere gives.
const PAGE: u32 = 1000;

/// Stream of what nodes say themselves.
const AGENT: &str = "agent";

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    #[serde(flatten)]
    line: &'a LogLine,
    /// What was written, in Base64, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

pub(crate) fn run(args: &LogsArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let run = latest_run(reader.as_ref(), args.run.as_deref())?;
    // `latest_run` finds nothing without a reader.
    let Some(reader) = reader else { return Ok(Exit::NotFound) };
    let names: Vec<String> =
        reader.plan(&run).map_err(store_fault)?.tasks.into_iter().map(|task| task.task).collect();
    let task = match &args.task {
        None => None,
        Some(task) => match names.iter().position(|known| known == task) {
            Some(task) => Some(task),
            None => {
                let fault = Fault::new(Code::NoSuchTask, format!("{run} has no task `{task}`"));
                return Err(fault.hint(format!("its tasks are {}", names.join(", "))).into());
            }
        },
    };
    let after = match args.tail {
        Some(lines) => reader.tail(&run, task, lines).map_err(store_fault)?,
        None => args.since.unwrap_or(0),
    };
    let mut follower = Follower { reader, run, names, task, after, lines: Lines::new(app.foreign(), true) };
    follower.next(args, app)?;
    if args.follow {
        follower.rest(args, app)?;
    }
    app.out.write_all(follower.lines.end().as_bytes())?;
    app.out.flush()?;
    Ok(Exit::Success)
}

struct Follower {
    reader: Reader,
    run: RunId,
    names: Vec<String>,
    task: Option<usize>,
    /// The last line that was shown.
    after: u64,
    lines: Lines,
}

impl Follower {
    fn is_over(&self) -> anyhow::Result<bool> {
        Ok(self.reader.status(&self.run).map_err(store_fault)?.state.is_over())
    }

    /// Everything that is written until the run is over.
    fn rest(&mut self, args: &LogsArgs, app: &mut App) -> anyhow::Result<()> {
        let mut told = false;
        for look in 1_u64.. {
            // Asked before the lines are read: what was written before the end is then read too.
            let over = self.is_over()?;
            self.next(args, app)?;
            if over {
                break;
            }
            if look % LOOKS_TO_TELL == 0 {
                // Somebody else may go on with it, so it is followed all the same.
                let left = undriven(&self.reader)?.into_iter().find(|left| left.run == self.run);
                let news = left.as_ref().filter(|_| !told);
                news.iter().for_each(|left| app.warn(&left.words()));
                told = left.is_some();
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Everything since the last look.
    fn next(&mut self, args: &LogsArgs, app: &mut App) -> anyhow::Result<()> {
        while let Some(page) = self.page()? {
            page.iter().try_for_each(|line| write(line, args, &mut self.lines, app))?;
        }
        app.out.flush()?;
        Ok(())
    }

    fn page(&mut self) -> anyhow::Result<Option<Vec<LogLine>>> {
        let page = self.reader.output(&self.run, &self.names, self.task, self.after, PAGE);
        let page = page.map_err(store_fault)?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.id;
        Ok(Some(page))
    }
}

fn write(line: &LogLine, args: &LogsArgs, lines: &mut Lines, app: &mut App) -> anyhow::Result<()> {
    if args.raw {
        return write_raw(line, app);
    }
    if app.settings.output == Format::Json {
        return write_json(line, app);
    }
    let time = if args.timestamps { format!("{} ", moment(line.at)) } else { String::new() };
    let rank = if line.rank > 0 { format!(".{}", line.rank) } else { String::new() };
    let subject = format!("{}{rank}", line.task);
    let prefix = format!("{time}{} | ", app.style.green(&subject));
    let part = match line.piece {
        None => Part::Whole,
        Some(Piece::Open) => Part::Open,
        Some(Piece::Last) => Part::Last,
    };
    app.out.write_all(lines.lay(&prefix, &subject, &line.stream, &line.line, part).as_bytes())?;
    Ok(())
}

fn write_raw(line: &LogLine, app: &mut App) -> anyhow::Result<()> {
    if line.stream == AGENT {
        // Not among what the script wrote, but nothing is left out in silence.
        app.note(&format!("{}: {}", line.task, exact::shown(&line.line)));
        return Ok(());
    }
    app.out.write_all(&exact::bytes(&line.line))?;
    if line.piece != Some(Piece::Open) && !line.unended {
        app.out.write_all(b"\n")?;
    }
    Ok(())
}

fn write_json(line: &LogLine, app: &mut App) -> anyhow::Result<()> {
    let wire = |line, bytes| Wire { schema: "welkin.log/1", line, bytes };
    if exact::is_plain(&line.line) {
        serde_json::to_writer(&mut app.out, &wire(line, None))?;
    } else {
        let bytes = base64_simd::STANDARD.encode_to_string(&*exact::bytes(&line.line));
        let shown = LogLine { line: exact::shown(&line.line).into_owned(), ..line.clone() };
        serde_json::to_writer(&mut app.out, &wire(&shown, Some(bytes)))?;
    }
    app.out.write_all(b"\n")?;
    Ok(())
}
