//! `welkin logs`: what scripts wrote.

use crate::app::App;
use crate::cli::LogsArgs;
use crate::engine::{latest_run, reader, store_fault};
use crate::exit::Exit;
use crate::output::{Format, Lines, Part, moment};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;
use welkin_broker::{LogLine, LogQuery, Piece, Reader, RunId};

/// Pause between looks at a run that is followed: below what a person notices.
const POLL: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    #[serde(flatten)]
    line: &'a LogLine,
}

pub(crate) fn run(args: &LogsArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let run = latest_run(reader.as_ref(), args.run.as_deref())?;
    // `latest_run` finds nothing without a reader.
    let Some(reader) = reader else { return Ok(Exit::NotFound) };
    let view = reader.status(&run).map_err(store_fault)?;
    if let Some(task) = &args.task
        && view.tasks.iter().all(|known| known.name != *task)
    {
        let known: Vec<&str> = view.tasks.iter().map(|task| task.name.as_str()).collect();
        let fault = Fault::new(Code::NoSuchTask, format!("{run} has no task `{task}`"));
        return Err(fault.hint(format!("its tasks are {}", known.join(", "))).into());
    }
    let query = LogQuery { task: args.task.clone(), ..LogQuery::default() };
    let mut follower = Follower { reader, run, query, lines: Lines::new(app.foreign(), true) };
    follower.first(args, app)?;
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
    query: LogQuery,
    lines: Lines,
}

impl Follower {
    fn is_over(&self) -> anyhow::Result<bool> {
        Ok(self.reader.status(&self.run).map_err(store_fault)?.state.is_over())
    }

    /// Everything there is, or the last lines of it.
    fn first(&mut self, args: &LogsArgs, app: &mut App) -> anyhow::Result<()> {
        let Some(tail) = args.tail else { return self.next(args, app) };
        let mut last: VecDeque<LogLine> = VecDeque::new();
        while let Some(page) = self.page()? {
            last.extend(page);
            last.drain(..last.len().saturating_sub(tail));
        }
        last.iter().try_for_each(|line| write(line, args, &mut self.lines, app))?;
        app.out.flush()?;
        Ok(())
    }

    /// Everything that is written until the run is over.
    fn rest(&mut self, args: &LogsArgs, app: &mut App) -> anyhow::Result<()> {
        loop {
            // Asked before the lines are read: what was written before the end is then read too.
            let over = self.is_over()?;
            self.next(args, app)?;
            if over {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
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
        let page = self.reader.logs(&self.run, &self.query).map_err(store_fault)?;
        let Some(last) = page.last() else { return Ok(None) };
        self.query.after = last.id;
        Ok(Some(page))
    }
}

fn write(line: &LogLine, args: &LogsArgs, lines: &mut Lines, app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        serde_json::to_writer(&mut app.out, &Wire { schema: "welkin.log/1", line })?;
        app.out.write_all(b"\n")?;
        return Ok(());
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
