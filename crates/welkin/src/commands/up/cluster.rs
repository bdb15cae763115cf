//! `welkin up -c NAME`: makes the cluster where there is none, then runs the job on it.

use super::apart::{self, Work};
use super::{consent, is_plan, manner, with_secrets};
use crate::app::App;
use crate::cli::UpArgs;
use crate::clusters::{Cluster, holder, holding, until_up};
use crate::commands::{autostop, plan, ssh, start};
use crate::engine::{self, reader};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::planning::{self, Loaded, Month, infeasible, planner};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use welkin_api::wire::Autostop;
use welkin_broker::{ClusterRole, Idle, Manner, Reader, RunId};
use welkin_job::Job;
use welkin_units::Span;

/// How long a cluster may be idle that is to end, and nobody says when.
const IDLE: Span = Span::from_secs(60);

pub(super) fn run(args: &UpArgs, name: &str, app: &mut App) -> anyhow::Result<Exit> {
    let loaded = load(args, app)?;
    let held = match reader(&app.sky)? {
        Some(reader) => holder(&reader, name)?,
        None => None,
    };
    let run = match held {
        Some(run) => {
            if let Some(Idle { span, stops }) = idle(args) {
                autostop::choose(&run, Autostop { idle: Some(span), stops }, app)?;
                app.note(&format!("cluster {}", autostop::words(name, span, stops)));
            }
            start::if_stopped(&opened(app)?, &run, name, args.yes, app)?;
            run
        }
        None => {
            let Some(run) = make(args, name, &loaded.job, app)? else { return Ok(Exit::Success) };
            run
        }
    };
    let cluster = until_up(&opened(app)?, &run, name, app)?;
    ssh::refresh_if_used(Some(&cluster), app);
    if args.file.is_none() || !has_work(&loaded.job) {
        return shown(&cluster, app);
    }
    let plan = cluster.plan(&loaded.job, app)?;
    if args.dry_run {
        plan::show(&plan, &loaded, app)?;
        app.out.flush()?;
        return Ok(Exit::Success);
    }
    let loaded = Loaded { job: with_secrets(&plan, &loaded.job), ..loaded };
    let manner = manner(args);
    let (cluster, token) = (Some(ClusterRole::On(run)), args.token.as_deref());
    let work = Work {
        plan: &plan,
        loaded: &loaded,
        manner,
        cluster,
        project: args.project.as_deref(),
        token,
        detach: args.detach,
    };
    engine::runtime()?.block_on(apart::up(&work, app))
}

/// Runs a job on a cluster.
pub(crate) fn work_on(
    cluster: &Cluster,
    loaded: Loaded,
    manner: Manner,
    token: Option<&str>,
    detach: bool,
    app: &mut App,
) -> anyhow::Result<Exit> {
    let plan = cluster.plan(&loaded.job, app)?;
    let loaded = Loaded { job: with_secrets(&plan, &loaded.job), ..loaded };
    let role = Some(ClusterRole::On(cluster.run.clone()));
    let work = Work { plan: &plan, loaded: &loaded, manner, cluster: role, project: None, token, detach };
    engine::runtime()?.block_on(apart::up(&work, app))
}

/// The job of the file; without one, a job that does nothing, on machines as the flags say.
fn load(args: &UpArgs, app: &App) -> anyhow::Result<Loaded> {
    let Some(file) = &args.file else {
        return planning::job_of("the flags", "{run: ':'}", &args.overrides, app);
    };
    if is_plan(file) {
        let fault = Fault::new(Code::Usage, "a saved plan says where it runs, and that is not a cluster");
        return Err(fault.hint("give the job file instead").into());
    }
    planning::job(Path::new(file), &args.overrides, !args.dry_run, app)
}

fn has_work(job: &Job) -> bool {
    job.tasks.len() > 1 || job.tasks.iter().any(|task| task.run.is_some() || task.setup.is_some())
}

fn opened(app: &App) -> anyhow::Result<Reader> {
    let gone = || Fault::new(Code::Store, "the records of runs are gone");
    reader(&app.sky)?.ok_or_else(|| gone().into())
}

/// Makes a cluster; gives who holds it, or nothing when it was only to be shown.
fn make(args: &UpArgs, name: &str, job: &Job, app: &mut App) -> anyhow::Result<Option<RunId>> {
    let holding = holding(job, name)?;
    let planner = planner(app, args.overrides.effort, Month::SoFar)?;
    let plan = planner.plan(&holding).map_err(|failure| infeasible(&failure, &holding))?.plan;
    let loaded = Loaded { job: plan.job.clone(), warnings: Vec::new(), base_dir: std::env::current_dir()? };
    if app.settings.output == Format::Table || args.dry_run {
        plan::show(&plan, &loaded, app)?;
        app.out.flush()?;
    }
    if args.dry_run {
        return Ok(None);
    }
    consent::ask(&plan, args.yes, app)?;
    let idle = idle(args).or_else(|| autostop_of(job));
    let stops = idle.is_some_and(|idle| idle.stops);
    let idle = idle.map(|idle| idle.span);
    let manner = Manner { retry_until_up: args.retry_until_up, idle, stops, ..Manner::default() };
    let role = ClusterRole::Holds(name.to_owned());
    let project = args.project.as_deref();
    let work = Work {
        plan: &plan,
        loaded: &loaded,
        manner,
        cluster: Some(role),
        project,
        token: None,
        detach: true,
    };
    let made = engine::runtime()?.block_on(apart::submit(&work, app));
    match made {
        Ok((_, taken)) => Ok(Some(taken.run)),
        // Somebody else was faster: it is the same cluster.
        Err(error) => match holder(&opened(app)?, name)? {
            Some(run) => Ok(Some(run)),
            None => Err(error),
        },
    }
}

/// What the flags say of an idle cluster.
fn idle(args: &UpArgs) -> Option<Idle> {
    let minutes = args.idle_minutes_to_autostop.map(|count| Span::from_secs(u64::from(count) * 60));
    let said = args.down || minutes.is_some();
    said.then(|| Idle { span: minutes.unwrap_or(IDLE), stops: !args.down })
}

/// What the job file says of idle machines.
fn autostop_of(job: &Job) -> Option<Idle> {
    let mut said =
        job.tasks.iter().flat_map(|task| &task.options).filter_map(|option| option.autostop.as_ref());
    said.next().map(|autostop| Idle { span: autostop.idle.max(IDLE), stops: !autostop.down })
}

#[derive(Serialize)]
struct Wire<'a> {
    cluster: &'a str,
    run: &'a RunId,
}

fn shown(cluster: &Cluster, app: &mut App) -> anyhow::Result<Exit> {
    let (name, run) = (&cluster.name, &cluster.run);
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.cluster/1", &Wire { cluster: name, run })?,
        Format::Table => {
            writeln!(app.out, "{name}")?;
            let hourly = cluster.hourly;
            app.note(&format!(
                "it costs {hourly} an hour until `welkin down {name}`; `welkin exec {name} -- COMMAND` runs something on it"
            ));
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}
