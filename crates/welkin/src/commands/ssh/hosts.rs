//! `welkin ssh --hosts`, `--include`: names of machines for `ssh`.

use crate::apart;
use crate::app::App;
use crate::clusters::{Cluster, machines};
use crate::engine::{reader, runtime, store_fault};
use crate::exit::Exit;
use crate::logins::{Host, Included, Logins, Target, alias, include, is_included, names_of_user};
use crate::output::{Align, Format, Table, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use welkin_broker::{ClusterRole, Reader, RunId};

#[derive(Serialize)]
struct Wire<'a> {
    /// The file that `~/.ssh/config` is to include.
    config: &'a Path,
    /// Whether it does.
    included: bool,
    hosts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    /// What ssh calls it.
    host: String,
    cluster: &'a str,
    node: u32,
    run: &'a RunId,
    user: &'a str,
}

pub(super) fn run(wants_line: bool, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let logins = Logins::of(&app.settings);
    for (target, run) in standing(reader.as_ref())? {
        if let Err(error) = runtime()?.block_on(knock(&logins, &target, &run, app)) {
            app.warn(&format!("{target}: {error:#}"));
        }
    }
    let reserved = reserved();
    let hosts = logins.refresh(reader.as_ref(), &reserved)?;
    let config = logins.config();
    let included = match wants_line {
        true => Some(include(&home()?, &config)?),
        false => std::env::home_dir().filter(|home| is_included(home, &config)).map(|_| Included::Before),
    };
    let name = |host: &Host| match reserved.contains(&host.target.to_string()) {
        true => alias(&host.target),
        false => host.target.to_string(),
    };
    if app.settings.output == Format::Json {
        let hosts = hosts.iter().map(|host| {
            let Host { target, run, user } = host;
            Entry { host: name(host), cluster: &target.cluster, node: target.rank, run, user }
        });
        let hosts = hosts.collect();
        let wire = Wire { config: &config, included: included.is_some(), hosts };
        write_json(&mut app.out, "welkin.ssh-hosts/1", &wire)?;
        app.out.flush()?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("HOST", Align::Left),
        ("AS", Align::Left),
        ("CLUSTER", Align::Left),
        ("NODE", Align::Right),
    ]);
    for host in &hosts {
        let Host { target, user, .. } = host;
        table.row([name(host), user.clone(), target.cluster.clone(), target.rank.to_string()]);
    }
    if table.is_empty() {
        writeln!(app.out, "no cluster is up; `welkin up -c NAME` makes one")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    let line = crate::logins::line(&config)?;
    match included {
        Some(Included::Now) => app.note(&format!("added to ~/.ssh/config: {line}")),
        Some(Included::Before) => {}
        None => app.note(&format!(
            "for ssh, scp, rsync and editors, the first line of ~/.ssh/config has to be\n  {line}\n`welkin ssh --include` adds it"
        )),
    }
    Ok(Exit::Success)
}

/// Writes the file of hosts anew.
pub(super) fn refresh(logins: &Logins, reader: Option<&Reader>) -> anyhow::Result<()> {
    logins.refresh(reader, &reserved()).map(drop)
}

/// The same, for commands about clusters, where the user's ssh includes the file: names of machines that are there now come,
/// and those that are not go. Whatever goes wrong is told when somebody logs in.
pub(crate) fn refresh_if_used(cluster: Option<&Cluster>, app: &App) {
    let logins = Logins::of(&app.settings);
    let used = std::env::home_dir().is_some_and(|home| is_included(&home, &logins.config()));
    if !used {
        return;
    }
    let ranks = cluster.iter().flat_map(|cluster| (0..cluster.nodes).map(move |rank| (cluster, rank)));
    for (cluster, rank) in ranks {
        let target = Target { cluster: cluster.name.clone(), rank };
        let Ok(runtime) = runtime() else { return };
        drop(runtime.block_on(knock(&logins, &target, &cluster.run, app)));
    }
    if let Ok(reader) = reader(&app.sky) {
        drop(refresh(&logins, reader.as_ref()));
    }
}

/// Logs in to a machine and hangs up: now what it is, is noted.
pub(super) async fn knock(logins: &Logins, target: &Target, run: &RunId, app: &App) -> anyhow::Result<Host> {
    let key = logins.public_key()?;
    let reached = apart::reach(app).await?;
    let login = reached.client.login(run, target.rank, &key).await.map_err(apart::fault)?;
    logins.meet(target, run, &login.door)
}

/// Every machine that is up.
fn standing(reader: Option<&Reader>) -> anyhow::Result<Vec<(Target, RunId)>> {
    let Some(reader) = reader else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for run in reader.unfinished().map_err(store_fault)? {
        let Some(ClusterRole::Holds(cluster)) = run.cluster else { continue };
        let view = reader.status(&run.id).map_err(store_fault)?;
        let nodes = machines(&view).map_or(0, |attempt| attempt.place.nodes);
        // What another broker calls a cluster may be no name at all: it becomes a name of files here.
        let named = (0..nodes).filter_map(|rank| Target::parse(&format!("{cluster}.{rank}")).ok());
        all.extend(named.map(|target| (target, run.id.clone())));
    }
    Ok(all)
}

fn reserved() -> BTreeSet<String> {
    std::env::home_dir().map(|home| names_of_user(&home)).unwrap_or_default()
}

fn home() -> anyhow::Result<PathBuf> {
    let none = || Fault::new(Code::Login, "there is no home folder, and so no ~/.ssh/config");
    std::env::home_dir().ok_or_else(|| none().into())
}
