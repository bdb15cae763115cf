//! Runs that nobody drives: their process was killed, or its terminal was closed.
//!
//! Nothing goes on with them, and what they have leased costs until a node has heard nothing for an hour.
//! So every view says so, and so do commands that are about something else.

use super::outcome::store_fault;
use crate::output::counted;
use serde::Serialize;
use welkin_broker::{Reader, RunId};
use welkin_units::Usd;

/// A run that is not over and that no process drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Undriven {
    pub(crate) run: RunId,
    /// What its machines cost in an hour; absent where its records cannot be read.
    pub(crate) hourly: Option<Usd>,
}

/// Runs of this folder that nobody drives, oldest first.
pub(crate) fn undriven(reader: &Reader) -> anyhow::Result<Vec<Undriven>> {
    let open = reader.unfinished().map_err(store_fault)?.into_iter();
    let left = open.filter(|run| run.driven == Some(false));
    Ok(left
        .map(|run| Undriven { hourly: reader.status(&run.id).ok().map(|view| view.hourly()), run: run.id })
        .collect())
}

impl Undriven {
    /// What is wrong and what to do.
    pub(crate) fn words(&self) -> String {
        let run = &self.run;
        let costs = match self.hourly {
            None => {
                return format!(
                    "no process drives {run}; its records cannot be read, and nothing of it is touched"
                );
            }
            Some(Usd::ZERO) => "it holds no machine that costs money".to_owned(),
            Some(hourly) => format!("its machines cost {hourly} an hour"),
        };
        format!(
            "no process drives {run}; {costs}: `welkin resume {run}` continues it, `welkin cancel {run}` ends it"
        )
    }

    /// All of them in one line, for commands that are about something else.
    pub(crate) fn summary(left: &[Self]) -> Option<String> {
        match left {
            [] => None,
            [only] => Some(only.words()),
            more => {
                let hourly: Usd = more.iter().filter_map(|run| run.hourly).sum();
                let (runs, first) = (counted(more.len(), "run"), &more[0].run);
                Some(format!(
                    "no process drives {runs}, {first} the oldest; their machines cost {hourly} an hour: `welkin runs` \
                     shows them, `welkin resume` continues all of them, `welkin cancel RUN` ends one"
                ))
            }
        }
    }
}
