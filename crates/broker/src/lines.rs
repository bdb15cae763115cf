//! Who asks first for a part of a cluster: whoever was submitted first.
//!
//! Runs are driven side by side, and each has something to read before it asks for machines. Where many wait for the same
//! machines that must not decide who gets them: a run on a cluster is put into that cluster's line when it is taken up,
//! asks when nobody before it in the line still has to, and leaves when it has asked. Only the asking is in line: who waits for
//! machines, and how urgently, is the provider's affair.
//!
//! Whoever has a place in a line has it as long as the run is driven, so it is known here, too, when work on a cluster ended
//! last: work that takes seconds is over between two looks.
//!
//! *Guarantee:* a run that leaves, for whatever reason, holds nobody up, and one that was never in a line waits for nobody.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;
use welkin_records::RunId;

/// The lines of all clusters.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    all: Mutex<All>,
    /// Rings when somebody left.
    moved: Notify,
}

#[derive(Debug, Default)]
struct All {
    /// By the run that holds the cluster. Those that have left stay until they are at the front.
    lines: BTreeMap<RunId, VecDeque<RunId>>,
    /// In which line each is that has not left.
    members: BTreeMap<RunId, RunId>,
    /// When work ended last on each cluster of which that is to be known.
    ended: BTreeMap<RunId, Instant>,
}

/// A place in a line, which is left when this goes.
#[derive(Debug)]
pub struct InLine {
    lines: Arc<Lines>,
    cluster: RunId,
    run: RunId,
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.lines.leave(&self.run);
        self.lines.worked(&self.cluster);
    }
}

/// Of a cluster it is known when work on it ended last, as long as this lives.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    lines: &'a Lines,
    cluster: RunId,
}

impl Watched<'_> {
    /// When that was; when it began to be known, if it was before.
    pub(crate) fn ended(&self) -> Instant {
        self.lines.all().ended.get(&self.cluster).copied().unwrap_or_else(Instant::now)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.lines.all().ended.remove(&self.cluster);
    }
}

impl Lines {
    /// Puts a run at the end of the line for a cluster.
    pub(crate) fn join(self: &Arc<Self>, cluster: &RunId, run: &RunId) -> InLine {
        let mut all = self.all();
        if all.members.insert(run.clone(), cluster.clone()).is_none() {
            all.lines.entry(cluster.clone()).or_default().push_back(run.clone());
        }
        InLine { lines: Arc::clone(self), cluster: cluster.clone(), run: run.clone() }
    }

    /// Keeps from now on when work on a cluster ended last.
    pub(crate) fn watch(&self, cluster: &RunId) -> Watched<'_> {
        self.all().ended.insert(cluster.clone(), Instant::now());
        Watched { lines: self, cluster: cluster.clone() }
    }

    /// Somebody had use of a cluster until now.
    pub(crate) fn worked(&self, cluster: &RunId) {
        if let Some(ended) = self.all().ended.get_mut(cluster) {
            *ended = Instant::now();
        }
    }

    /// Returns when nobody is before a run in its line.
    pub(crate) async fn turn(&self, run: &RunId) {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            // Enabled before the look, so that no move in between is missed.
            moved.as_mut().enable();
            if self.all().is_first(run) {
                return;
            }
            moved.await;
        }
    }

    /// A run has asked, or never will.
    pub(crate) fn leave(&self, run: &RunId) {
        let mut all = self.all();
        let All { lines, members, .. } = &mut *all;
        let Some(cluster) = members.remove(run) else { return };
        if let Some(line) = lines.get_mut(&cluster) {
            while line.front().is_some_and(|first| !members.contains_key(first)) {
                line.pop_front();
            }
            if line.is_empty() {
                lines.remove(&cluster);
            }
        }
        drop(all);
        self.moved.notify_waiters();
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn is_first(&self, run: &RunId) -> bool {
        let Some(line) = self.members.get(run).and_then(|cluster| self.lines.get(cluster)) else {
            return true;
        };
        line.front() == Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn run(name: &str) -> RunId {
        RunId(name.to_owned())
    }

    #[tokio::test]
    async fn those_who_came_first_ask_first_and_nobody_waits_for_who_left() {
        let lines = Arc::new(Lines::default());
        let dev = run("dev");
        let [a, b, c] = ["a", "b", "c"].map(run);
        let places: Vec<InLine> = [&a, &b, &c].into_iter().map(|run| lines.join(&dev, run)).collect();
        let elsewhere = lines.join(&run("other"), &run("d"));
        let may = |run: &RunId| lines.turn(run).now_or_never().is_some();
        assert_eq!([&a, &b, &c, &run("d"), &run("none")].map(may), [true, false, false, true, true]);
        // From the middle: the first is still before the last.
        lines.leave(&b);
        assert_eq!([&a, &c].map(may), [true, false]);
        let waiting = tokio::spawn({
            let (lines, c) = (Arc::clone(&lines), c.clone());
            async move { lines.turn(&c).await }
        });
        drop(places);
        waiting.await.unwrap();
        drop(elsewhere);
        assert!(lines.all().lines.is_empty() && lines.all().members.is_empty());
    }

    #[tokio::test]
    async fn who_joins_twice_is_in_line_once() {
        let lines = Arc::new(Lines::default());
        let (one, _two) = (lines.join(&run("dev"), &run("a")), lines.join(&run("dev"), &run("b")));
        let again = lines.join(&run("dev"), &run("a"));
        drop((one, again));
        assert!(lines.turn(&run("b")).now_or_never().is_some());
    }
}
