//! A run that the broker's own process drives: submitted, and followed unless it is to go on alone.

use super::{narrator, summary, trace_words, upload};
use crate::apart::{self, Reached};
use crate::app::App;
use crate::engine::{self, store_fault};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::planning::Loaded;
use crate::report::{Code, Fault};
use serde::Serialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::time::{Duration, Instant};
use welkin_api::wire::{NewRun, Problem, Project, Taken, plan_digest};
use welkin_api::{Client, ClientError};
use welkin_broker::{ClusterRole, Manner, RunId, RunOutcome};
use welkin_job::wire::{Mirror, v1};
use welkin_placement::Plan;

/// How long a submission is sent again: to the next broker when one ends meanwhile, and while the same submission of
/// another command is under way.
const WITHIN: Duration = Duration::from_secs(60);

/// Pause between tries.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Submitted<'a> {
    run: &'a RunId,
    /// Where its steps are collected: under which id.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
}

/// Work to be submitted, and how.
pub(crate) struct Work<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) loaded: &'a Loaded,
    pub(crate) manner: Manner,
    pub(crate) cluster: Option<ClusterRole>,
    /// Of which project, if the user said one.
    pub(crate) project: Option<&'a str>,
    /// Under which key, if the user said one.
    pub(crate) token: Option<&'a str>,
    pub(crate) detach: bool,
}

/// Submits work, and follows it unless it is to go on alone.
pub(crate) async fn up(work: &Work<'_>, app: &mut App) -> anyhow::Result<Exit> {
    let (reached, Taken { run, trace }) = submit(work, app).await?;
    // The accounts of a team are those of its broker.
    let others = match app.settings.login {
        Some(_) => Vec::new(),
        None => apart::differences(&reached.health),
    };
    if !others.is_empty() {
        let names = others.join(", ");
        app.warn(&format!(
            "the broker was started with another value of {names}: the run uses the broker's; `welkin broker stop` and \
             the next command start it with this one"
        ));
    }
    if work.detach {
        match app.settings.output {
            Format::Json => write_json(
                &mut app.out,
                "welkin.submitted/1",
                &Submitted { run: &run, trace: trace.as_deref() },
            )?,
            Format::Table => {
                writeln!(app.out, "{run}")?;
                app.note(&format!("`welkin logs {run} -f` follows it, `welkin status {run}` shows it"));
                trace.iter().for_each(|trace| app.note(&trace_words(trace)));
            }
        }
        app.out.flush()?;
        return Ok(Exit::Success);
    }
    let narrator = narrator(app);
    narrator.introduce(&run, work.plan);
    narrator.say(&format!("run {run}; `welkin logs {run} -f` follows it elsewhere"));
    trace.iter().for_each(|trace| narrator.say(&trace_words(trace)));
    if !apart::follow(&reached.client, std::slice::from_ref(&run), &narrator, app).await? {
        app.note(&format!("{run} continues; `welkin status {run}` shows it, `welkin cancel {run}` ends it"));
        return Ok(Exit::Success);
    }
    ended(&run, app)?;
    Ok(Exit::Success)
}

/// Shows a run that is over, and fails as it did.
pub(crate) fn ended(run: &RunId, app: &mut App) -> anyhow::Result<()> {
    let gone = || Fault::new(Code::NoSuchRun, format!("{run} was removed meanwhile"));
    let reader = engine::reader(&app.sky)?.ok_or_else(gone)?;
    summary(&reader, run, app)?;
    engine::conclude(&RunOutcome::of(&reader.status(run).map_err(store_fault)?))
}

/// Submits the run, under one key however often it is sent.
pub(crate) async fn submit(work: &Work<'_>, app: &App) -> anyhow::Result<(Reached, Taken)> {
    let plan = work.plan.to_json();
    let new = NewRun {
        plan: plan_digest(plan.as_bytes()),
        job: serde_json::to_string(&v1::Job::of(&work.loaded.job))?,
        base_dir: std::path::absolute(&work.loaded.base_dir)?.to_string_lossy().into_owned(),
        manner: work.manner,
        cluster: work.cluster.clone(),
        upload: None,
        project: work.project.map(str::to_owned),
    };
    let packed = match &app.settings.login {
        Some(_) => Some(upload::pack(work.loaded, &key(), app).await?),
        None => None,
    };
    let new = NewRun { upload: packed.as_ref().and_then(|packed| packed.name()), ..new };
    let key = work.token.map_or_else(key, str::to_owned);
    let began = Instant::now();
    loop {
        let reached = apart::reach(app).await?;
        if let Some(packed) = &packed {
            packed.send(&reached.client, app).await?;
        }
        let error = match show_and_submit(&reached.client, &plan, &new, &key).await {
            Ok(taken) => return Ok((reached, taken)),
            Err(error) => error,
        };
        if !may_pass(&error) || began.elapsed() > WITHIN {
            return Err(apart::fault(error));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the broker knows the project: one of a version before projects would take the run for none.
async fn knows(client: &Client, name: &str) -> Result<(), ClientError> {
    client.get::<Project>(&format!("/projects/{name}")).await.map(drop)
}

/// The broker runs what it was shown; what it was shown in vain, it forgets.
async fn show_and_submit(client: &Client, plan: &str, new: &NewRun, key: &str) -> Result<Taken, ClientError> {
    if let Some(name) = &new.project {
        knows(client, name).await?;
    }
    client.show_plan(plan, new.project.as_deref(), key).await?;
    client.submit(new, key).await
}

fn may_pass(error: &ClientError) -> bool {
    // Somebody else submits the same, or the plan was swept in between, or shown to a broker that is gone.
    let passes = |problem: &Problem| matches!(Code::find(&problem.code), Some(Code::InUse | Code::NoPlan));
    error.is_gone() || matches!(error, ClientError::Refused(problem) if passes(problem))
}

/// A key that no other submission has: 128 bits from the operating system, by way of the standard library's hash keys.
fn key() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}
