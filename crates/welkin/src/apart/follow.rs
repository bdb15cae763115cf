//! Following runs that a broker drives, in sight of the user.

use super::reach::{fault, reach};
use crate::app::App;
use crate::engine::{Interrupts, Wish};
use crate::output::Narrator;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use futures::future::join_all;
use std::pin::pin;
use std::time::Duration;
use welkin_api::wire::{Item, Line, Taken};
use welkin_api::{Client, ClientError, Follow};
use welkin_broker::{Observer, Phase, Progress, RunId};
use welkin_provider::{Event, EventKind, Stream};

/// How often live lines are drawn again: clocks that show seconds need no more.
const TICK: Duration = Duration::from_millis(250);

/// Pause before a broker that is gone is looked for again, so that not all who follow it start one at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows runs to their ends. `false` when the user left before.
pub(crate) async fn follow(
    client: &Client,
    runs: &[RunId],
    narrator: &Narrator,
    app: &App,
) -> anyhow::Result<bool> {
    let mut interrupts = Interrupts::listen(true).context("listening to signals")?;
    let mut ticks = tokio::time::interval(TICK);
    let mut work = pin!(join_all(runs.iter().map(|run| to_the_end(client, run, narrator, app))));
    let mut cancelling = false;
    loop {
        tokio::select! {
            done = &mut work => {
                narrator.finish();
                return done.into_iter().collect::<anyhow::Result<Vec<()>>>().map(|_| true);
            }
            _ = ticks.tick() => narrator.tick(),
            wish = interrupts.next() => match wish {
                Wish::Ask => narrator.say("[d]etach, [c]ancel, or Enter to continue? Ctrl-C again cancels"),
                Wish::GoOn => narrator.say("continuing"),
                Wish::Cancel if !cancelling => {
                    cancelling = true;
                    narrator.say("cancelling: giving everything back; once more to leave at once");
                    for run in runs {
                        let asked: Result<Taken, _> = client.post(&format!("/runs/{run}/cancel"), &()).await;
                        asked.map_err(fault)?;
                    }
                }
                Wish::Cancel | Wish::Leave => {
                    narrator.finish();
                    return Ok(false);
                }
            },
        }
    }
}

/// Follows one run, over the ends of brokers.
async fn to_the_end(client: &Client, run: &RunId, narrator: &Narrator, app: &App) -> anyhow::Result<()> {
    let mut follow: Option<Follow> = None;
    loop {
        let next = match &mut follow {
            Some(follow) => follow.next().await,
            None => match client.follow(run).await {
                Ok(begun) => {
                    follow = Some(begun);
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match next {
            Ok(Item::End) => return Ok(()),
            Ok(Item::Stopped { message }) => {
                let fault = Fault::new(Code::Store, format!("{run} cannot continue: {message}"));
                return Err(fault.hint("the broker tries again by itself where time may help").into());
            }
            Ok(item) => tell(run, item, narrator),
            Err(error) if error.is_gone() => again(&mut follow, app).await?,
            Err(error) => return Err(fault(error)),
        }
    }
}

/// Goes on with the next broker, which goes on with the run.
async fn again(follow: &mut Option<Follow>, app: &App) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(PAUSE).await;
        reach(app).await?;
        let Some(follow) = follow else { return Ok(()) };
        match follow.again().await {
            Err(ClientError::Refused(problem)) => return Err(fault(ClientError::Refused(problem))),
            Err(error) if error.is_gone() => {}
            done => return done.map_err(fault),
        }
    }
}

/// What a broker that drove the run here would have told.
fn tell(run: &RunId, item: Item, narrator: &Narrator) {
    let run = run.clone();
    let progress = match item {
        Item::Record { seq, at, record } => Progress::Recorded { run, seq, at, record },
        Item::Line(line) => told(run, line),
        Item::Moving { attempt, path, bytes } => Progress::Moving { run, attempt, path, bytes },
        Item::Noted { message } => Progress::Noted { run, message },
        Item::Retrying { message } => Progress::Retrying { run, message },
        Item::Stopped { .. } | Item::End => return,
    };
    narrator.notice(&progress);
}

fn told(run: RunId, line: Line) -> Progress {
    let stream = match line.stream.as_str() {
        "stdout" => Stream::Stdout,
        "stderr" => Stream::Stderr,
        _ => Stream::Agent,
    };
    let kind = match line.last {
        None => EventKind::Log { stream, line: line.line },
        Some(last) => EventKind::Piece { stream, text: line.line, last, unended: line.unended },
    };
    let phase = if line.phase == Phase::Prepare.name() { Phase::Prepare } else { Phase::Run };
    let events = vec![Event { seq: line.id, at: line.at, kind }];
    Progress::Told { run, attempt: line.attempt, phase, rank: line.rank, events }
}
