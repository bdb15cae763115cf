//! Trainings of several tasks: who takes part in which, and what follows from it.
//!
//! A task that federates names its parties, which are tasks with places, conditions and inputs of their own. All of them run at
//! the same time, so:
//!
//! 1. each party is named by one task, and each that is named is a party;
//! 2. what one of them waits for all of them wait for, and so they are planned, and begin, together;
//! 3. all of them last as long as the one that names them.
//!
//! *Rejected:* one task with a list of parties inside (places, inputs and residency of tasks would be there a second time, and
//! plans, bills and logs would have no name for a party); a name of a group in every task (a party that misspells it would wait
//! for nobody).

use crate::codes::Code;
use crate::limits::{MAX_EDGES, MAX_PARTIES};
use crate::model::{Edge, Federated};
use crate::report::{Issue, Report, cut};
use crate::suggest;
use crate::task::Draft;
use crate::task::boost::{Part, Rows};
use crate::yaml::Place;
use std::collections::{BTreeMap, BTreeSet};
use welkin_boost::federated::{Plan, Schema};

/// The one name that a party cannot have: in a training's list it is the name of the one who adds up.
const COORDINATOR: &str = "coordinator";

/// Longest name of a party: that of a training's list.
const MAX_PARTY_NAME_BYTES: usize = 64;

/// A training: the task that adds up, and its parties.
struct Training {
    sums: usize,
    parties: Vec<usize>,
}

/// Joins the tasks of each training. Edges stay in the order of their consumers.
pub(crate) fn join(drafts: &mut [Draft], edges: &mut Vec<Edge>, report: &mut Report<'_>) {
    let trainings = trainings(drafts, report);
    if report.failed() {
        return;
    }
    for training in &trainings {
        together(training, drafts, edges, report);
        if edges.len() > MAX_EDGES {
            let message = format!("the job has more than {MAX_EDGES} edges");
            report.add(Issue::error(Code::TooMany, drafts[training.sums].place, message));
            return;
        }
        fits(training, drafts, report);
        settle(training, drafts);
    }
    edges.sort_by_key(|edge| edge.to);
}

/// Who takes part in what.
fn trainings(drafts: &[Draft], report: &mut Report<'_>) -> Vec<Training> {
    let index: BTreeMap<&str, usize> =
        drafts.iter().enumerate().map(|(at, draft)| (draft.task.name.as_str(), at)).collect();
    let mut named = BTreeMap::new();
    let mut trainings = Vec::new();
    for (sums, draft) in drafts.iter().enumerate() {
        let Some(Part::Sums(own)) = &draft.part else { continue };
        let mut parties = Vec::new();
        for (name, place) in &own.parties {
            if report.is_full() {
                return trainings;
            }
            let found = index.get(name.as_str()).copied();
            let Some(party) = found.filter(|at| matches!(drafts[*at].part, Some(Part::Rows(_)))) else {
                report.add(no_party(name, *place, found, drafts));
                continue;
            };
            if let Some(before) = named.insert(party, *place) {
                let message = format!("`{}` is named as a party twice, and its rows count once", cut(name));
                report.add(Issue::error(Code::Conflict, *place, message).related(before, "here first"));
            }
            if name == COORDINATOR || name.len() > MAX_PARTY_NAME_BYTES {
                let message = format!("a party cannot be called `{}`", cut(name));
                let hint = format!(
                    "use another name than `{COORDINATOR}`, of at most {MAX_PARTY_NAME_BYTES} letters"
                );
                report.add(Issue::error(Code::BadName, *place, message).hint(hint));
            }
            parties.push(party);
        }
        if !(2..=MAX_PARTIES).contains(&own.parties.len()) {
            let message = format!("a federated training has 2 parties at least and {MAX_PARTIES} at most");
            let hint = "one party's rows are trained by `train`, where they are";
            report.add(Issue::error(Code::InvalidValue, own.place, message).hint(hint));
        }
        trainings.push(Training { sums, parties });
    }
    for (at, draft) in drafts.iter().enumerate() {
        if let Some(Part::Rows(rows)) = &draft.part
            && !named.contains_key(&at)
        {
            let message = format!("no task names `{}` as a party of its training", cut(&draft.task.name));
            let hint = "name it in the task that adds up: `boost: {federate: {parties: [...]}}`";
            report.add(Issue::error(Code::UnknownTask, rows.place, message).hint(hint));
        }
    }
    trainings
}

/// The mistake of a name that no party has.
fn no_party(name: &str, place: Place, found: Option<usize>, drafts: &[Draft]) -> Issue {
    if found.is_some() {
        let message = format!("the task `{}` is no party: it says nothing of rows", cut(name));
        return Issue::error(Code::InvalidValue, place, message).expected("a task with `boost: {party: …}`");
    }
    let parties = drafts.iter().filter(|draft| matches!(draft.part, Some(Part::Rows(_))));
    let hint = suggest::hint(name, parties.map(|draft| draft.task.name.as_str()));
    Issue::error(Code::UnknownTask, place, format!("there is no task `{}`", cut(name))).maybe_hint(hint)
}

/// What one of them waits for all of them wait for.
fn together(training: &Training, drafts: &[Draft], edges: &mut Vec<Edge>, report: &mut Report<'_>) {
    let members: BTreeSet<usize> = training.parties.iter().copied().chain([training.sums]).collect();
    let into: BTreeSet<(usize, usize)> =
        edges.iter().filter(|edge| members.contains(&edge.to)).map(|edge| (edge.from, edge.to)).collect();
    if let Some((from, to)) = into.iter().find(|(from, _)| members.contains(from)) {
        let name = |at: usize| cut(&drafts[at].task.name);
        let message =
            format!("`{}` waits for `{}`, and both take part in one training", name(*to), name(*from));
        report.add(Issue::error(Code::Cycle, drafts[*to].place, message).hint("they run at the same time"));
        return;
    }
    let before: BTreeSet<usize> = into.iter().map(|(from, _)| *from).collect();
    let all = before.iter().flat_map(|from| members.iter().map(|to| (*from, *to)));
    edges.extend(all.filter(|pair| !into.contains(pair)).map(|(from, to)| Edge { from, to, data: None }));
}

/// Whether they can train together, as far as that can be seen without their rows.
fn fits(training: &Training, drafts: &[Draft], report: &mut Report<'_>) {
    let Some(Part::Sums(sums)) = &drafts[training.sums].part else { return };
    let rows: Vec<(&str, &Rows)> = training
        .parties
        .iter()
        .filter_map(|at| match &drafts[*at].part {
            Some(Part::Rows(rows)) => Some((drafts[*at].task.name.as_str(), rows)),
            _ => None,
        })
        .collect();
    let [(first, own), others @ ..] = &rows[..] else { return };
    for (name, other) in others {
        let said = [
            ("valid", own.judged, other.judged),
            ("weight", own.weighted, other.weighted),
            ("id", own.numbered, other.numbered),
        ];
        for (key, one, another) in said {
            if one != another {
                let (has, has_not) = if one { (first, name) } else { (name, first) };
                let message = format!("`{}` has `{key}` and `{}` has not", cut(has), cut(has_not));
                let hint = "all parties of a training say it, or none";
                report.add(Issue::error(Code::Conflict, other.place, message).hint(hint));
            }
        }
    }
    let plan = Plan {
        params: sums.params.settings().to_vec(),
        rounds: 1,
        patience: sums.stops,
        masked: true,
        valid: own.judged,
        score_training: false,
        parties: Vec::new(),
        schema: Schema {
            names: Vec::new(),
            categories: Vec::new(),
            weighted: own.weighted,
            numbered: own.numbered,
        },
    };
    if let Err(error) = plan.open() {
        report.add(Issue::error(Code::InvalidValue, sums.params_place, error.to_string()));
    }
}

/// What every one of them is to know.
fn settle(training: &Training, drafts: &mut [Draft]) {
    let judged = training.parties.iter().any(|at| match &drafts[*at].part {
        Some(Part::Rows(rows)) => rows.judged,
        _ => false,
    });
    let sums = &mut drafts[training.sums].task;
    if let Some(script) = sums.run.as_mut().filter(|_| judged) {
        script.push_str(" --score-valid");
    }
    let (coordinator, time) = (sums.name.clone(), sums.time.clone());
    for at in training.parties.iter().copied().chain([training.sums]) {
        let task = &mut drafts[at].task;
        task.federated = Some(Federated { coordinator: coordinator.clone() });
        task.time = time.clone();
    }
}
