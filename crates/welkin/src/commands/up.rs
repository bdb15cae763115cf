//! `welkin up`: plan, show, confirm, run, bill.

mod apart;
mod cluster;
mod consent;
mod summary;
mod upload;

pub(crate) use apart::ended;
pub(crate) use cluster::work_on;
pub(crate) use summary::show as summary;

use crate::app::App;
use crate::cli::{Overrides, UpArgs};
use crate::commands::plan;
use crate::engine::{self, Opening, Undriven, store_fault};
use crate::exit::Exit;
use crate::output::{Format, Narrator};
use crate::planning::{self, Loaded, Month, infeasible, planner};
use crate::report::{Code, Fault};
use crate::traces::Tracing;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use welkin_broker::{Broker, Manner, Reader, RunId, Submission, SubmitError};
use welkin_job::Job;
use welkin_placement::Plan;

pub(crate) fn run(args: &UpArgs, app: &mut App) -> anyhow::Result<Exit> {
    if let Some(name) = &args.cluster {
        return cluster::run(args, name, app);
    }
    let file = args.file.as_deref().unwrap_or_else(|| Path::new("-"));
    let (plan, loaded) = prepare(file, args, app)?;
    match app.settings.output {
        Format::Table => {
            plan::show(&plan, &loaded, app)?;
            app.out.flush()?;
        }
        Format::Json if args.dry_run => plan::document(&plan, &loaded, None, app)?,
        // The one document is written when the run is over.
        Format::Json => loaded.warnings.iter().for_each(|warning| app.remark(warning)),
    }
    if args.dry_run {
        return Ok(Exit::Success);
    }
    consent::ask(&plan, args.yes, app)?;
    execute(args, &plan, &loaded, app)
}

/// The plan and the job with its secrets: from a job file, or from a saved plan.
fn prepare(file: &Path, args: &UpArgs, app: &App) -> anyhow::Result<(Plan, Loaded)> {
    if is_plan(file) {
        return saved(file, args);
    }
    let mut loaded = planning::job(file, &args.overrides, !args.dry_run, app)?;
    let planner = planner(app, args.overrides.effort, Month::SoFar)?;
    loaded = planning::resolved(&planner, loaded, app)?;
    let planned = planner.plan(&loaded.job).map_err(|failure| infeasible(&failure, &loaded.job))?;
    loaded.job = with_secrets(&planned.plan, &loaded.job);
    Ok((planned.plan, loaded))
}

fn is_plan(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "json")
}

fn saved(file: &Path, args: &UpArgs) -> anyhow::Result<(Plan, Loaded)> {
    let said = &args.overrides;
    let (secret, secret_file) = (said.secret.clone(), said.secret_file.clone());
    if (Overrides { secret, secret_file, ..Overrides::default() }) != *said {
        let fault = Fault::new(Code::Usage, "a saved plan is final: only secrets may be given with it");
        return Err(fault.hint("make another plan with `welkin plan FILE --save PLAN.json`").into());
    }
    let (plan, base_dir) = planning::read_plan(file)?;
    let given = planning::secrets(said)?;
    let mut job = plan.job.clone();
    for (name, secret) in job.tasks.iter_mut().flat_map(|task| &mut task.secrets) {
        let value = given.get(name).ok_or_else(|| {
            Fault::new(Code::Usage, format!("the plan needs the secret {name}"))
                .hint(format!("plans do not hold secrets: give it with --secret {name}"))
        })?;
        secret.clone_from(value);
    }
    Ok((plan, Loaded { job, warnings: Vec::new(), base_dir }))
}

/// The plan's own job, which may have been narrowed, with the values of secrets.
fn with_secrets(plan: &Plan, job: &Job) -> Job {
    let mut filled = plan.job.clone();
    for (task, source) in filled.tasks.iter_mut().zip(&job.tasks) {
        task.secrets.clone_from(&source.secrets);
    }
    filled
}

fn execute(args: &UpArgs, plan: &Plan, loaded: &Loaded, app: &mut App) -> anyhow::Result<Exit> {
    let here = args.foreground || app.settings.foreground && !args.detach;
    let runtime = engine::runtime()?;
    if here {
        runtime.block_on(foreground(args, plan, loaded, app))
    } else {
        let token = args.token.as_deref();
        let work = apart::Work {
            plan,
            loaded,
            manner: manner(args),
            cluster: None,
            project: args.project.as_deref(),
            token,
            detach: args.detach,
        };
        runtime.block_on(apart::up(&work, app))
    }
}

/// Drives the run in this process, to its end.
async fn foreground(args: &UpArgs, plan: &Plan, loaded: &Loaded, app: &mut App) -> anyhow::Result<Exit> {
    let narrator = narrator(app);
    let tracing = tracing(&narrator, app);
    let opening = Opening { observer: tracing.observer(), ..Opening::default() };
    apart_gives_way(app).await?;
    let broker = engine::broker(app, opening)?;
    tracing.begin(&broker)?;
    let run = submit(&broker, args, plan, loaded).await?;
    narrator.introduce(&run, plan);
    narrator.say(&format!("run {run}; `welkin logs {run} -f` follows it elsewhere"));
    let reader = broker.reader().map_err(store_fault)?;
    if tracing.is_on() {
        narrator.say(&trace_words(&reader.status(&run).map_err(store_fault)?.trace_id()));
    }
    let driven = engine::drive(&broker, std::slice::from_ref(&run), &narrator).await;
    tracing.finish();
    let driven = driven?;
    summary(&reader, &run, app)?;
    warn_of_undriven(&reader, app)?;
    engine::first_failure(driven)?;
    Ok(Exit::Success)
}

/// Has what this process does sent to whoever collects it.
pub(crate) fn tracing(narrator: &Arc<Narrator>, app: &App) -> Tracing {
    let voice = Arc::clone(narrator);
    Tracing::over(Arc::<Narrator>::clone(narrator), &app.settings, Arc::new(move |words| voice.say(words)))
}

fn trace_words(trace: &impl std::fmt::Display) -> String {
    format!("trace {trace}")
}

/// Makes an idle broker end; a busy one keeps the folder.
pub(crate) async fn apart_gives_way(app: &App) -> anyhow::Result<()> {
    crate::apart::needs_own(app)?;
    match crate::apart::giving_way(app).await? {
        None => Ok(()),
        Some(_) => Err(Fault::new(Code::InUse, "the broker drives runs of this folder")
            .hint("without --foreground it drives this one too")
            .into()),
    }
}

fn narrator(app: &App) -> Arc<Narrator> {
    Arc::new(Narrator::new(app.settings.output, app.err, app.foreign(), app.settings.verbose))
}

/// Other runs of this folder that nobody drives: whoever starts one thing may have forgotten another.
fn warn_of_undriven(reader: &Reader, app: &App) -> anyhow::Result<()> {
    let left = engine::undriven(reader)?;
    Undriven::summary(&left).iter().for_each(|words| app.warn(words));
    Ok(())
}

/// What is on record of how the run is to be driven, so that whoever goes on with it drives it so too.
fn manner(args: &UpArgs) -> Manner {
    Manner {
        retry_until_up: args.retry_until_up,
        max_parallel: args.max_parallel,
        priority: args.priority,
        ..Manner::default()
    }
}

async fn submit(broker: &Broker, args: &UpArgs, plan: &Plan, loaded: &Loaded) -> anyhow::Result<RunId> {
    let base_dir = loaded.base_dir.clone();
    let submission = Submission {
        plan,
        job: &loaded.job,
        base_dir,
        client_token: None,
        manner: manner(args),
        cluster: None,
        project: args.project.clone(),
    };
    broker.submit(submission).await.map_err(|error| {
        let fault = match &error {
            SubmitError::Store(_) => Fault::new(Code::Store, "the run cannot be recorded"),
            SubmitError::Over(over) => {
                let code = if over.limit.is_budget() { Code::ProjectBudget } else { Code::ProjectQuota };
                Fault::new(code, "the project has not enough left")
            }
            SubmitError::NoProject { .. } => Fault::new(Code::NoSuchProject, "the run cannot be recorded"),
            SubmitError::Several { refused } => Fault::new(Code::Refused, "the plan cannot be run")
                .details(&refused.iter().map(ToString::to_string).collect::<Vec<_>>()),
            _ => Fault::new(Code::Refused, "the plan cannot be run"),
        };
        anyhow::Error::new(error).context(fault)
    })
}
