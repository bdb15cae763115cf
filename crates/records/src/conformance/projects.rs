//! Projects: money and quotas, judged where the write is made.

use super::{AT, done, run, submission};
use crate::{
    Change, Claim, DEFAULT_PROJECT, LeaseClaim, Limits, Project, Records, RunState, StoreError, Use, Which,
    Write,
};
use std::collections::BTreeMap;
use welkin_ledger::{Entry, EntryKind, MeterEvent, Terms, Usage, VmUse, month_of, month_start};
use welkin_provider::{Location, Nature, ProviderId, UnixMillis};
use welkin_units::{Span, Usd};

fn lab(version: u64, limits: Limits) -> Change {
    let members = BTreeMap::from([("ana".to_owned(), "member".to_owned())]);
    let project = Box::new(Project { name: "lab".to_owned(), version, limits, members, removed: false });
    Change::Project { was: version - 1, project }
}

/// A run of a project, with what it takes of it.
fn taken(name: &str, project: Option<&str>, cents: i64) -> Write {
    let mut submitted = submission(name, 1);
    if let Change::Submitted { row, .. } = &mut submitted {
        row.project = project.map(str::to_owned);
    }
    let claim = Some(Claim::Run { expected: Usd::from_cents(cents) });
    Write(vec![submitted, Change::Claimed { run: run(name), at: AT, lease: None, claim, judged: true }])
}

fn leased(name: &str, lease: &str, cents: i64, judged: bool) -> Change {
    let claim = LeaseClaim {
        expected: Usd::from_cents(cents),
        hourly: Usd::from_cents(cents),
        since: (!judged).then_some(AT),
        accelerators: Some(("H100".to_owned(), 8000)),
    };
    Change::Claimed {
        run: run(name),
        at: AT,
        lease: Some(lease.to_owned()),
        claim: Some(Claim::Lease(claim)),
        judged,
    }
}

async fn one(records: &dyn Records, write: impl Into<Write>) -> Result<(), StoreError> {
    records.commit(vec![write.into()]).await.pop().map_or(Ok(()), |answer| answer.map(drop))
}

async fn used(records: &dyn Records, name: &str) -> Use {
    records.project_use(name).await.expect("it can be read")
}

/// One commit or two, and a lease as well as a run; what is refused leaves nothing of its write.
pub async fn of_two_that_ask_for_the_last_dollar_one_is_taken(records: &dyn Records) {
    let early = one(records, taken("early", Some("lab"), 1)).await;
    assert!(matches!(early, Err(StoreError::NoProject { name }) if name == "lab"));
    done(records, [lab(1, Limits { total: Some(Usd::from_cents(100)), ..Limits::default() })]).await;
    one(records, taken("a", Some("lab"), 40)).await.expect("there is enough");
    let both = vec![taken("b", Some("lab"), 60), taken("c", Some("lab"), 60), taken("d", None, 60)];
    let answers = records.commit(both).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    let Err(StoreError::Over(over)) = &answers[1] else { panic!("{answers:?}") };
    assert_eq!(
        over.to_string(),
        "the budget of project lab is $1.00: $0.00 spent, $1.00 set aside for what runs, $0.60 wanted"
    );
    assert!(records.is_free(&run("c")).await.expect("it can be asked"), "nothing is left of it");
    let projects = records.runs(Which::All).await.expect("they can be listed");
    let projects: BTreeMap<_, _> = projects.into_iter().map(|line| (line.id.0, line.project)).collect();
    let lab_of = |name: &str| (name.to_owned(), Some("lab".to_owned()));
    assert_eq!(projects, BTreeMap::from([lab_of("a"), lab_of("b"), ("d".to_owned(), None)]));
    let row = records.story(&run("a")).await.expect("it can be read").expect("it is there").0;
    assert_eq!(row.project.as_deref(), Some("lab"));
    // A lease takes nothing besides what its run was promised, until it comes to more.
    one(records, leased("a", "a1", 40, true)).await.expect("it was promised");
    assert!(matches!(one(records, leased("a", "a2", 1, true)).await, Err(StoreError::Over(_))));
    done(records, [leased("a", "a1", 41, false)]).await;
    assert!(matches!(one(records, leased("b", "b1", 1, true)).await, Err(StoreError::Over(_))));
    // What is over takes nothing.
    done(records, [Change::State { run: run("b"), state: RunState::Failed }]).await;
    let gone =
        Change::Claimed { run: run("a"), at: AT, lease: Some("a1".to_owned()), claim: None, judged: false };
    done(records, [gone]).await;
    assert_eq!(used(records, "lab").await.claims.len(), 1);
    one(records, taken("e", Some("lab"), 60)).await.expect("there is enough again");
    // Of the default project everything is counted too, before anybody limits it.
    assert_eq!(used(records, DEFAULT_PROJECT).await.standing(AT).total.sum(), Usd::from_cents(60));
    let limits = Limits { runs: Some(1), ..Limits::default() };
    let project = Project { name: DEFAULT_PROJECT.to_owned(), version: 1, limits, ..Project::default() };
    done(records, [Change::Project { was: 0, project: Box::new(project) }]).await;
    let Err(StoreError::Over(over)) = one(records, taken("f", None, 0)).await else { panic!("it was taken") };
    assert_eq!(over.to_string(), "project default may have 1 runs at once: 1 in use, 1 wanted");
}

fn charged(name: &str, from: UnixMillis, hours: u64) -> Change {
    let used = VmUse {
        instance_type: "m".to_owned(),
        name: None,
        nodes: 1,
        since: from,
        hourly: Usd::from_cents(100),
        terms: Terms::EXACT,
    };
    let place = Location { provider: ProviderId::from_static("aws"), region: "r".to_owned(), zone: None };
    let to = from.after(Span::from_secs(hours * 3600));
    let cost = used.hourly.times(hours);
    let (subject, task, nature) = (format!("{name}1"), "t".to_owned(), Nature::Emulated);
    let event = MeterEvent {
        run: name.to_owned(),
        task,
        subject,
        place,
        nature,
        from,
        to,
        usage: Usage::Vm(used),
        cost,
    };
    Change::Booked { at: to, entry: Entry { run: name.to_owned(), kind: EntryKind::Charge { event } } }
}

/// A charge that is booked again counts once; one over the end of a month is divided.
pub async fn what_is_spent_counts_in_its_months_and_stays_when_runs_are_forgotten(records: &dyn Records) {
    let month = month_of(AT) + 1;
    let start = month_start(month);
    let limits = Limits { monthly: Some(Usd::from_cents(300)), ..Limits::default() };
    done(records, [lab(1, limits)]).await;
    one(records, taken("a", Some("lab"), 300)).await.expect("there is enough");
    let before = UnixMillis(start.0 - 3_600_000);
    done(records, [charged("a", before, 3)]).await;
    done(records, [charged("a", before, 3)]).await;
    let now = used(records, "lab").await;
    let spent = BTreeMap::from([(month - 1, Usd::from_cents(100)), (month, Usd::from_cents(200))]);
    assert_eq!(now.spent, spent);
    assert_eq!(now.claims.iter().map(|row| row.spent).collect::<Vec<_>>(), [Usd::from_cents(300)]);
    // In the month after, two of three dollars are gone; in the one after that, none, and back again as before.
    let ask = |name: &str, at: UnixMillis| {
        let mut write = taken(name, Some("lab"), 150);
        if let Some(Change::Claimed { at: moment, .. }) = write.0.last_mut() {
            *moment = at;
        }
        write
    };
    let (now, later) = (start.after(Span::from_secs(60)), month_start(month + 1));
    assert!(matches!(one(records, ask("b", now)).await, Err(StoreError::Over(_))));
    one(records, ask("c", later)).await.expect("the month is new");
    assert!(matches!(one(records, ask("d", now)).await, Err(StoreError::Over(_))));
    done(records, [Change::State { run: run("a"), state: RunState::Succeeded }]).await;
    done(records, [Change::Forgotten { run: run("a") }]).await;
    assert_eq!(used(records, "lab").await.spent, spent);
}

/// Two that have seen the same version do not both write; nobody makes a project that is there.
pub async fn a_project_is_changed_by_whoever_has_seen_it_as_it_is(records: &dyn Records) {
    let with = |version, runs| lab(version, Limits { runs: Some(runs), ..Limits::default() });
    done(records, [with(1, 1)]).await;
    let changed = |answer| matches!(answer, Err(StoreError::ProjectChanged { name }) if name == "lab");
    assert!(changed(one(records, with(1, 2)).await));
    let both = records.commit(vec![with(2, 3).into(), with(2, 4).into()]).await;
    assert!(both[0].is_ok() && matches!(both[1], Err(StoreError::ProjectChanged { .. })), "{both:?}");
    let projects = records.projects().await.expect("they can be read");
    assert_eq!(projects.len(), 1);
    assert_eq!((projects[0].version, projects[0].limits.runs), (2, Some(3)));
    assert_eq!(projects[0].members["ana"], "member");
    assert_eq!(used(records, "lab").await.project.as_ref(), projects.first());
    assert_eq!(used(records, "none").await, Use::default());
}

/// What begins and what removes are held against each other in the write itself.
pub async fn a_project_is_removed_when_nothing_of_it_is_under_way_and_nothing_begins_in_it_then(
    records: &dyn Records,
) {
    let removed = |version| match lab(version, Limits::default()) {
        Change::Project { was, project } => {
            Change::Project { was, project: Box::new(Project { removed: true, ..*project }) }
        }
        other => other,
    };
    done(records, [lab(1, Limits::default())]).await;
    let both = records.commit(vec![taken("a", Some("lab"), 40), removed(2).into()]).await;
    assert!(both[0].is_ok(), "{both:?}");
    assert!(matches!(&both[1], Err(StoreError::ProjectInUse { name }) if name == "lab"), "{both:?}");
    let changed = one(records, removed(3)).await;
    assert!(matches!(changed, Err(StoreError::ProjectChanged { .. })), "{changed:?}");
    assert!(!used(records, "lab").await.project.expect("it is there").removed);
    done(records, [Change::State { run: run("a"), state: RunState::Succeeded }]).await;
    let both = records.commit(vec![removed(2).into(), taken("b", Some("lab"), 40)]).await;
    assert!(both[0].is_ok(), "{both:?}");
    assert!(matches!(&both[1], Err(StoreError::NoProject { name }) if name == "lab"), "{both:?}");
    // What was is there, and the name is not given again.
    let runs = records.runs(Which::All).await.expect("they can be listed");
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].project.as_deref(), Some("lab"));
    assert!(matches!(one(records, lab(1, Limits::default())).await, Err(StoreError::ProjectChanged { .. })));
    assert!(used(records, "lab").await.project.expect("it is there").removed);
}
