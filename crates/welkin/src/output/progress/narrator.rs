//! Tells what a broker does.
//!
//! Lines of scripts go to standard output, since they are what the user asked for; everything else
//! goes to standard error. With `--output json` the document is all there is on standard output, so
//! lines of scripts join the rest.

use super::block::Block;
use super::words::{self, Weight, placed};
use crate::output::nature_words;
use crate::output::{Foreign, Format, Lines, Part, Style, err_line, shown, shown_lines};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use welkin_broker::{AttemptId, Observer, Progress, Record, RunId};
use welkin_name::Name;
use welkin_placement::{Placement, Plan, PlannedTask};
use welkin_provider::{Event, EventKind, Nature, Stream};
use welkin_sky::nature;

/// How long a call may fail before that is said without being asked for: what passes sooner is noise.
const SAY_AFTER: Duration = Duration::from_secs(5);

/// Different failures that are remembered; more are begun anew.
const MAX_FAILING: usize = 256;

/// Most tasks with a live line of their own: together they fit the smallest of terminals, 24 lines high.
const MOST_LINES: usize = 20;

/// An observer with a voice.
pub(crate) struct Narrator {
    scene: Mutex<Scene>,
    style: Style,
    verbose: bool,
    /// Whether nothing is told: programs read one document at the end, and errors alone meanwhile.
    silent: bool,
}

struct Scene {
    began: Instant,
    block: Option<Block>,
    runs: BTreeMap<RunId, Cast>,
    lines: Lines,
    /// Calls that fail and are tried again: since when, and whether that was said.
    failing: BTreeMap<String, (Instant, bool)>,
    /// The reader of standard output is gone: what it does not want is not written any more.
    deaf: bool,
}

/// The tasks of a run.
struct Cast {
    tasks: Vec<PlannedTask>,
    lines: Vec<Line>,
}

/// What a task does now.
#[derive(Clone)]
struct Line {
    state: String,
    place: String,
    /// What was asked for there.
    name: Option<Name>,
    /// What stands behind the place.
    nature: Option<Nature>,
    since: Instant,
    over: bool,
}

impl Narrator {
    pub(crate) fn new(format: Format, style: Style, foreign: Foreign, verbose: u8) -> Self {
        let silent = format == Format::Json;
        let live = !silent
            && io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let block = live.then(Block::new);
        Self {
            scene: Mutex::new(Scene {
                began: Instant::now(),
                block,
                runs: BTreeMap::new(),
                lines: Lines::new(foreign, !live),
                failing: BTreeMap::new(),
                deaf: false,
            }),
            style,
            verbose: verbose > 0,
            silent,
        }
    }

    /// Introduces a run, so that its tasks can be called by their names.
    pub(crate) fn introduce(&self, run: &RunId, plan: &Plan) {
        // Until an attempt says where it runs, or when it said so before this process: as planned.
        let line = |task: &PlannedTask| Line {
            state: "waiting".to_owned(),
            place: String::new(),
            name: None,
            nature: Some(nature(&task.choice.place.provider)),
            since: Instant::now(),
            over: false,
        };
        let cast = Cast { tasks: plan.tasks.clone(), lines: plan.tasks.iter().map(line).collect() };
        self.scene().runs.insert(run.clone(), cast);
    }

    /// Draws the live lines again: clocks go on though nothing happens.
    pub(crate) fn tick(&self) {
        self.scene().draw(self.style);
    }

    /// Says something of its own.
    pub(crate) fn say(&self, text: &str) {
        if self.silent {
            return;
        }
        let mut scene = self.scene();
        scene.clear();
        err_line(text);
        scene.draw(self.style);
    }

    /// Takes the live lines away for good.
    pub(crate) fn finish(&self) {
        let mut scene = self.scene();
        scene.clear();
        scene.block = None;
        let end = scene.lines.end();
        self.write(&mut scene, &end);
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        // Every change is one assignment; there is no half of it to see.
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, scene: &mut Scene, subject: &str, text: &str) {
        if self.silent {
            return;
        }
        let elapsed = scene.began.elapsed().as_secs_f64();
        // What is said may be of providers, stores and names of files.
        scene.clear();
        let time = self.style.dim(&format!("[{elapsed:7.2}s]"));
        let (subject, text) = (self.style.bold(&shown(subject)), shown_lines(text));
        err_line(&format!("{time} {subject}: {text}"));
        scene.draw(self.style);
    }

    fn recorded(&self, run: &RunId, record: &Record) {
        let mut scene = self.scene();
        let index = record.attempt().map(|attempt| attempt.task).or(match record {
            Record::TaskFailed { task, .. } | Record::OutputDelivered { task, .. } => Some(*task),
            Record::DeadlineMissed { task, .. } => *task,
            _ => None,
        });
        scene.follow(run, index, record);
        let task = scene.task(run, index);
        let name = index.and_then(|index| scene.runs.get(run)?.lines.get(index)?.name.as_ref());
        let Some((weight, text)) = words::record(record, task, name) else { return };
        if weight == Weight::Told || self.verbose {
            let subject = task.map_or_else(|| run.0.clone(), |task| task.task.clone());
            let nature = index.and_then(|index| scene.runs.get(run)?.lines.get(index)?.nature);
            let nature = nature.map_or(String::new(), |nature| format!(" ({})", nature_words(nature)));
            self.tell(&mut scene, &format!("{subject}{nature}"), &text);
        }
    }

    fn told(&self, run: &RunId, attempt: AttemptId, rank: u32, events: &[Event]) {
        let mut scene = self.scene();
        let Some(task) = scene.task(run, Some(attempt.task)) else { return };
        let gang = scene.nodes(run, attempt.task) > 1;
        let subject = if gang { format!("{}.{rank}", task.task) } else { task.task.clone() };
        let prefix = format!("{} | ", self.style.green(&subject));
        let mut lay = |stream: Stream, text: &str, part| {
            scene.lines.lay(&prefix, &subject, &format!("{stream:?}"), text, part)
        };
        let text: String = events
            .iter()
            .map(|event| match &event.kind {
                EventKind::Log { stream, line } => lay(*stream, line, Part::Whole),
                EventKind::Piece { stream, text, last: true, .. } => lay(*stream, text, Part::Last),
                EventKind::Piece { stream, text, last: false, .. } => lay(*stream, text, Part::Open),
                _ => String::new(),
            })
            .collect();
        scene.clear();
        self.write(&mut scene, &text);
        scene.draw(self.style);
    }

    /// Writes what scripts said.
    fn write(&self, scene: &mut Scene, text: &str) {
        if !(text.is_empty() || self.silent || scene.deaf) {
            let mut out = io::stdout().lock();
            scene.deaf = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
        }
    }
}

impl Observer for Narrator {
    fn notice(&self, progress: &Progress) {
        match progress {
            Progress::Recorded { run, record, .. } => self.recorded(run, record),
            Progress::Told { run, attempt, rank, events, .. } => self.told(run, *attempt, *rank, events),
            Progress::Moving { run, attempt, path, bytes } => {
                let mut scene = self.scene();
                scene.set(run, attempt.task, words::moving(path, *bytes));
            }
            Progress::Noted { run, message } => {
                let mut scene = self.scene();
                self.tell(&mut scene, &run.0, message);
            }
            Progress::Retrying { run, message } => {
                let mut scene = self.scene();
                if self.verbose || scene.is_worth_a_word(message) {
                    self.tell(&mut scene, &run.0, &format!("trying again: {message}"));
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Narrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Narrator").finish_non_exhaustive()
    }
}

impl Scene {
    fn task(&self, run: &RunId, index: Option<usize>) -> Option<&PlannedTask> {
        self.runs.get(run)?.tasks.get(index?)
    }

    fn nodes(&self, run: &RunId, index: usize) -> u32 {
        self.task(run, Some(index)).map_or(1, |task| task.choice.nodes)
    }

    /// Whether a call has failed in the same words for so long that whoever waits wants to know why. Said
    /// once.
    fn is_worth_a_word(&mut self, message: &str) -> bool {
        if self.failing.len() > MAX_FAILING {
            self.failing.clear();
        }
        let (since, said) = self.failing.entry(message.to_owned()).or_insert((Instant::now(), false));
        let now = !*said && since.elapsed() >= SAY_AFTER;
        *said |= now;
        now
    }

    fn set(&mut self, run: &RunId, index: usize, state: String) {
        if let Some(line) = self.runs.get_mut(run).and_then(|cast| cast.lines.get_mut(index)) {
            line.state = state;
        }
    }

    /// Keeps the live line of a task up to date.
    fn follow(&mut self, run: &RunId, index: Option<usize>, record: &Record) {
        let Some(cast) = self.runs.get_mut(run) else { return };
        let Some((task, line)) = index.and_then(|index| cast.tasks.get(index).zip(cast.lines.get_mut(index)))
        else {
            return;
        };
        let state = match record {
            Record::AttemptBegan { placement, nature, .. } => {
                line.since = Instant::now();
                line.nature = Some(*nature);
                let placement = placed(task, *placement);
                line.name = placement.and_then(Placement::name);
                line.place = placement.map_or_else(String::new, |placement| {
                    let place = &placement.place;
                    format!("{}/{} {}", place.provider, place.region, nature_words(*nature))
                });
                "acquiring"
            }
            Record::LeaseReady { .. } => "ready",
            Record::PhaseBegan { phase: welkin_broker::Phase::Run, .. } => "running",
            Record::PhaseBegan { .. } => "preparing",
            Record::PublishBegan { .. } => "publishing",
            Record::TaskCommitted { .. } => {
                line.over = true;
                "done"
            }
            Record::TaskFailed { .. } => {
                line.over = true;
                "failed"
            }
            _ => return,
        };
        state.clone_into(&mut line.state);
    }

    fn clear(&mut self) {
        if let Some(block) = &mut self.block {
            block.clear();
        }
    }

    fn draw(&mut self, style: Style) {
        let Some(block) = &mut self.block else { return };
        let lines = self.runs.values().flat_map(|cast| cast.tasks.iter().zip(&cast.lines));
        // Those that are under way first: among thousands the rest only wait.
        let waits = |line: &Line| line.place.is_empty();
        let (busy, idle) =
            (lines.clone().filter(|(_, line)| !waits(line)), lines.filter(|(_, line)| waits(line)));
        let mut open = busy.chain(idle).filter(|(_, line)| !line.over);
        let mut shown: Vec<String> = self
            .lines
            .open()
            .chain(open.by_ref().take(MOST_LINES).map(|(task, line)| {
                let clock = match line.place.is_empty() {
                    true => String::new(),
                    false => format!("{:.0}s", line.since.elapsed().as_secs_f64()),
                };
                format!("  {:<12} {:<12} {:<36} {clock}", task.task, line.state, line.place)
            }))
            .collect();
        match open.count() {
            0 => {}
            more => shown.push(format!("  and {more} more")),
        }
        block.draw(&shown, style);
    }
}
