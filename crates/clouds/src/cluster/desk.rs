//! Who has what of every cluster, and whose turn it is.

use super::record::{Cluster, Files, Part, Phase, Slot};
use super::room::{choose, ever, rooms};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::Notify;
use welkin_provider::{LeaseId, LeaseRequest, Location, MachineSpec, UnixMillis};

/// All clusters of a folder. One process at a time has it: whoever drives runs.
#[derive(Debug)]
pub(super) struct Desk {
    files: Files,
    /// By the run that holds them.
    clusters: BTreeMap<String, Cluster>,
    /// Those that are not over.
    parts: BTreeMap<LeaseId, Part>,
    /// Who waits for a part here.
    bells: BTreeMap<LeaseId, Arc<Notify>>,
    turn: u64,
}

impl Desk {
    pub(super) fn open(files: Files) -> io::Result<Self> {
        let (clusters, parts) = files.load()?;
        let turn = parts.iter().map(|part| part.turn).max().unwrap_or_default();
        Ok(Self {
            files,
            clusters: clusters.into_iter().map(|cluster| (cluster.run.clone(), cluster)).collect(),
            parts: parts.into_iter().map(|part| (part.id.clone(), part)).collect(),
            bells: BTreeMap::new(),
            turn,
        })
    }

    /// The machines of a cluster are there, or will be: those that wait may have them.
    pub(super) fn hold(&mut self, cluster: Cluster, now: UnixMillis) -> io::Result<()> {
        if self.clusters.get(&cluster.run) == Some(&cluster) {
            return Ok(());
        }
        self.files.keep_cluster(&cluster)?;
        self.clusters.insert(cluster.run.clone(), cluster);
        self.serve(now)
    }

    /// The machines of a lease are stopped, or started again.
    pub(super) fn rests(&mut self, lease: &LeaseId, stopped: bool, now: UnixMillis) -> io::Result<()> {
        let found = self.clusters.values().find(|cluster| cluster.lease == *lease);
        let Some(cluster) = found.filter(|cluster| cluster.stopped != stopped).cloned() else {
            return Ok(());
        };
        self.hold(cluster.resting(stopped), now)
    }

    /// The machines of a lease are gone. Its parts find out when they are next looked at.
    pub(super) fn let_go(&mut self, lease: &LeaseId) -> io::Result<()> {
        let found = self.clusters.values().find(|cluster| cluster.lease == *lease);
        let Some(run) = found.map(|cluster| cluster.run.clone()) else { return Ok(()) };
        self.files.drop_cluster(&run)?;
        self.clusters.remove(&run);
        Ok(())
    }

    pub(super) fn cluster(&self, run: &str) -> Option<&Cluster> {
        self.clusters.get(run)
    }

    pub(super) fn part(&self, id: &LeaseId) -> io::Result<Option<Part>> {
        match self.parts.get(id) {
            Some(part) => Ok(Some(part.clone())),
            None => self.files.ended(id),
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.values()
    }

    /// Puts a wish into the queue. What is there already stays as it is.
    pub(super) fn ask(
        &mut self,
        request: &LeaseRequest,
        on: &str,
        priority: i32,
        now: UnixMillis,
    ) -> io::Result<Part> {
        let id = Part::id_of(&request.token);
        if let Some(part) = self.part(&id)? {
            return Ok(part);
        }
        let part = Part::new(request, on, priority, self.turn + 1, now);
        self.files.keep_part(&part)?;
        self.turn += 1;
        self.parts.insert(id.clone(), part.clone());
        self.serve(now)?;
        Ok(self.part(&id)?.unwrap_or(part))
    }

    /// Rings when a part is granted.
    pub(super) fn bell(&mut self, id: &LeaseId) -> Arc<Notify> {
        Arc::clone(self.bells.entry(id.clone()).or_default())
    }

    /// Whoever waits asks again.
    pub(super) fn ring_all(&self) {
        self.bells.values().for_each(|bell| bell.notify_waiters());
    }

    /// Whether a wish can be granted once others are done; as long as its cluster has no machines nobody knows.
    pub(super) fn can_ever(&self, part: &Part) -> bool {
        self.clusters.get(&part.on).is_none_or(|cluster| {
            let (has, wants) = (&cluster.request, &part.request);
            is_near(&has.location, &wants.location)
                && ever(&has.machine, has.nodes, &wants.machine, wants.nodes)
        })
    }

    /// Puts a step of a part on record, before it is started.
    pub(super) fn began(
        &mut self,
        id: &LeaseId,
        rank: u32,
        step: &welkin_provider::StepId,
    ) -> io::Result<bool> {
        let Some(part) = self.parts.get_mut(id) else { return Ok(false) };
        let entry = (rank, step.clone());
        if !part.steps.contains(&entry) {
            let mut next = part.clone();
            next.steps.push(entry);
            self.files.keep_part(&next)?;
            *part = next;
        }
        Ok(true)
    }

    /// Ends a part; gives what it is now.
    pub(super) fn end(&mut self, id: &LeaseId, phase: Phase, now: UnixMillis) -> io::Result<Option<Part>> {
        let Some(part) = self.parts.get(id) else { return self.files.ended(id) };
        let over = part.over(phase, now);
        self.files.keep_part(&over)?;
        self.parts.remove(id);
        if let Some(bell) = self.bells.remove(id) {
            bell.notify_waiters();
        }
        self.serve(now)?;
        Ok(Some(over))
    }

    /// Drops a wish that cannot be granted, or a part that is over.
    pub(super) fn forget(&mut self, id: &LeaseId, now: UnixMillis) -> io::Result<()> {
        if self.parts.get(id).is_some_and(|part| part.phase != Phase::Waiting) {
            return Ok(());
        }
        self.files.forget(id)?;
        self.bells.remove(id);
        if self.parts.remove(id).is_some() {
            self.serve(now)?;
        }
        Ok(())
    }

    /// Gives room to those whose turn it is.
    fn serve(&mut self, now: UnixMillis) -> io::Result<()> {
        let runs: Vec<String> = self.clusters.keys().cloned().collect();
        for run in runs {
            while let Some((id, phase)) = self.next_on(&run) {
                let Some(part) = self.parts.get_mut(&id) else { break };
                let granted = part.held(phase, now);
                self.files.keep_part(&granted)?;
                *part = granted;
                if let Some(bell) = self.bells.remove(&id) {
                    bell.notify_waiters();
                }
            }
        }
        Ok(())
    }

    /// Whose turn it is on a cluster, if there is room for it. One that no empty cluster would hold is nobody's turn.
    fn next_on(&self, run: &str) -> Option<(LeaseId, Phase)> {
        let cluster = self.clusters.get(run).filter(|cluster| !cluster.stopped)?;
        let waiting = |part: &&Part| part.on == run && part.phase == Phase::Waiting && self.can_ever(part);
        let first =
            self.parts.values().filter(waiting).min_by_key(|part| (Reverse(part.priority), part.turn))?;
        let held = self.parts.values().filter(|part| part.on == run);
        let taken = held.flat_map(|part| taken_of(part, &cluster.lease));
        let free = rooms(&cluster.request.machine, cluster.request.nodes, taken);
        let slots = choose(&free, &first.request.machine, first.request.nodes)?;
        Some((first.id.clone(), Phase::Held { of: cluster.lease.clone(), slots }))
    }
}

/// Whether data that were priced for one place cost the same at the other: zones of a region are one place for data.
pub(super) fn is_near(one: &Location, other: &Location) -> bool {
    (&one.provider, &one.region) == (&other.provider, &other.region)
}

/// What a part has of the machines of a lease.
fn taken_of<'a>(
    part: &'a Part,
    lease: &LeaseId,
) -> impl Iterator<Item = (&'a MachineSpec, &'a Slot)> + use<'a> {
    let slots = match &part.phase {
        Phase::Held { of, slots } if of == lease => slots.as_slice(),
        _ => &[],
    };
    slots.iter().map(|slot| (&part.request.machine, slot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use welkin_provider::{Owner, ProviderId, Tier, Token};
    use welkin_units::{Span, Usd};

    fn request(token: &str, vcpus: u32) -> LeaseRequest {
        LeaseRequest {
            token: Token(token.to_owned()),
            owner: Owner("o".to_owned()),
            location: Location { provider: ProviderId::from_static("aws"), region: "r".into(), zone: None },
            machine: MachineSpec { vcpus_milli: vcpus * 1_000, ..MachineSpec::of_type("cluster/dev/x") },
            tier: Tier::OnDemand,
            nodes: 1,
            waits: true,
            hourly: Usd::ZERO,
            abandon_after: Span::from_secs(60),
            labels: BTreeMap::new(),
        }
    }

    fn desk(dir: &tempfile::TempDir) -> Desk {
        Desk::open(Files::open(dir.path()).unwrap()).unwrap()
    }

    fn hold(desk: &mut Desk, lease: &str, vcpus: u32) {
        let cluster = Cluster::new("dev-1", "dev", &LeaseId(lease.to_owned()), &request("holder", vcpus));
        desk.hold(cluster, UnixMillis(1)).unwrap();
    }

    fn ask(desk: &mut Desk, token: &str, vcpus: u32, priority: i32) -> bool {
        let part = desk.ask(&request(token, vcpus), "dev-1", priority, UnixMillis(1)).unwrap();
        matches!(part.phase, Phase::Held { .. })
    }

    fn end(desk: &mut Desk, token: &str) {
        let id = Part::id_of(&Token(token.to_owned()));
        desk.end(&id, Phase::Released, UnixMillis(2)).unwrap();
    }

    fn held(desk: &Desk) -> Vec<String> {
        let mut held: Vec<&Part> =
            desk.parts().filter(|part| matches!(part.phase, Phase::Held { .. })).collect();
        held.sort_by_key(|part| part.turn);
        held.into_iter().map(|part| part.request.token.0.clone()).collect()
    }

    #[test]
    fn nobody_is_overtaken_by_somebody_who_needs_less() {
        let dir = tempfile::tempdir().unwrap();
        let mut desk = desk(&dir);
        hold(&mut desk, "l1", 4);
        assert!(ask(&mut desk, "a", 2, 0) && ask(&mut desk, "b", 1, 0));
        assert!(!ask(&mut desk, "large", 4, 0));
        assert!(!ask(&mut desk, "small", 1, 0), "there is room, but it is not its turn");
        end(&mut desk, "a");
        assert_eq!(held(&desk), ["b"]);
        end(&mut desk, "b");
        assert_eq!(held(&desk), ["large"]);
        end(&mut desk, "large");
        assert_eq!(held(&desk), ["small"]);
    }

    #[test]
    fn a_wish_that_is_given_up_before_its_turn_had_no_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut desk = desk(&dir);
        hold(&mut desk, "l1", 1);
        assert!(ask(&mut desk, "a", 1, 0) && !ask(&mut desk, "b", 1, 0));
        let mut end = |token: &str| {
            let id = Part::id_of(&Token(token.to_owned()));
            let over = desk.end(&id, Phase::Released, UnixMillis(9)).unwrap().unwrap();
            (over.started, over.ended)
        };
        assert_eq!(end("b"), (UnixMillis(9), Some(UnixMillis(9))));
        assert_eq!(end("a"), (UnixMillis(1), Some(UnixMillis(9))));
    }

    #[test]
    fn priority_comes_before_the_order_of_coming() {
        let dir = tempfile::tempdir().unwrap();
        let mut desk = desk(&dir);
        hold(&mut desk, "l1", 1);
        assert!(ask(&mut desk, "first", 1, 0));
        for (token, priority) in [("second", 0), ("urgent", 5), ("later", 5), ("idle", -1)] {
            assert!(!ask(&mut desk, token, 1, priority));
        }
        let mut order = Vec::new();
        while let Some(now) = held(&desk).pop() {
            end(&mut desk, &now);
            order.push(now);
        }
        assert_eq!(order, ["first", "urgent", "later", "second", "idle"]);
    }

    #[test]
    fn the_queue_outlives_whoever_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = desk(&dir);
        hold(&mut first, "l1", 1);
        assert!(ask(&mut first, "a", 1, 0) && !ask(&mut first, "b", 1, 0) && !ask(&mut first, "c", 1, 0));
        drop(first);
        let mut second = desk(&dir);
        assert!(!ask(&mut second, "d", 1, 0), "whoever comes later does not come first");
        end(&mut second, "a");
        assert_eq!(held(&second), ["b"]);
        assert!(ask(&mut second, "b", 1, 0), "the same token is the same part");
        let released = second.ask(&request("a", 1), "dev-1", 0, UnixMillis(9)).unwrap();
        assert_eq!(released.phase, Phase::Released, "also after it is over");
    }

    #[test]
    fn nobody_gets_a_part_of_machines_that_are_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = desk(&dir);
        hold(&mut first, "l1", 4);
        let lease = LeaseId("l1".to_owned());
        first.rests(&lease, true, UnixMillis(2)).unwrap();
        assert!(!ask(&mut first, "a", 1, 0));
        drop(first);
        let mut second = desk(&dir);
        assert!(!ask(&mut second, "b", 1, 0), "whoever reads it again knows of it");
        second.rests(&lease, false, UnixMillis(3)).unwrap();
        assert_eq!(held(&second), ["a", "b"]);
    }

    #[test]
    fn machines_that_are_replaced_are_empty_and_what_fits_none_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let mut desk = desk(&dir);
        assert!(!ask(&mut desk, "a", 1, 0), "no machines yet");
        hold(&mut desk, "l1", 2);
        assert_eq!(held(&desk), ["a"]);
        assert!(!ask(&mut desk, "huge", 64, 9));
        assert!(ask(&mut desk, "b", 1, 0));
        desk.let_go(&LeaseId("l1".to_owned())).unwrap();
        assert!(!ask(&mut desk, "c", 2, 0));
        hold(&mut desk, "l2", 2);
        // What the others had was of machines that are gone.
        assert_eq!(held(&desk), ["a", "b", "c"]);
    }
}
