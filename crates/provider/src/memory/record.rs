//! One lease inside the cloud: what was asked for, what was decided, what has happened.

use super::fate::Fate;
use crate::clock::UnixMillis;
use crate::lease::{Lease, LeaseId, LeaseRequest, LeaseState, NodeAddress};
use std::net::Ipv4Addr;
use welkin_units::{Span, Usd};

#[derive(Debug)]
pub(super) struct Record {
    /// Number of the lease, from 1.
    pub(super) nth: u64,
    pub(super) id: LeaseId,
    pub(super) request: LeaseRequest,
    pub(super) started: UnixMillis,
    /// Since when its machines are stopped.
    pub(super) stopped: Option<UnixMillis>,
    /// When it cost before it was stopped and started again.
    pub(super) before: Vec<(UnixMillis, UnixMillis)>,
    pub(super) fate: Fate,
    /// How far the clocks of the nodes are ahead (second: behind) of the cloud's.
    pub(super) skew: (Span, Span),
    /// Last call of a broker to any node of the lease.
    pub(super) last_sign: UnixMillis,
    /// Calls of a broker that are waiting at a node now.
    pub(super) waiting: u32,
    /// When and how it ended; set once.
    pub(super) end: Option<(UnixMillis, LeaseState)>,
}

impl Record {
    /// Ends the lease if its time has come.
    pub(super) fn settle(&mut self, now: UnixMillis) {
        if self.end.is_none() {
            self.end = self.fated_end().filter(|(at, _)| *at <= now);
        }
    }

    /// Gives the lease back; what is over stays as it is.
    pub(super) fn release(&mut self, now: UnixMillis) {
        self.settle(now);
        self.end.get_or_insert((now, LeaseState::Released));
    }

    /// Stops the machines; what is over or stopped stays as it is.
    pub(super) fn stop(&mut self, now: UnixMillis) {
        self.settle(now);
        if self.end.is_none() {
            self.stopped.get_or_insert(now);
        }
    }

    /// Starts machines that are stopped.
    pub(super) fn start(&mut self, now: UnixMillis) {
        // What is over keeps the end of its cost.
        if self.end.is_none()
            && let Some(stopped) = self.stopped.take()
        {
            self.before.push((self.started, stopped));
            (self.started, self.last_sign) = (now, now);
        }
    }

    /// Whether it holds machines now.
    pub(super) fn is_there(&self) -> bool {
        self.end.is_none() && self.stopped.is_none()
    }

    /// When it cost, or costs: the last time is open as long as it does.
    pub(super) fn times(&self) -> Vec<(UnixMillis, Option<UnixMillis>)> {
        let before = self.before.iter().map(|(from, to)| (*from, Some(*to)));
        let ended = self.end.as_ref().map(|(at, _)| *at);
        before.chain([(self.started, self.stopped.or(ended))]).collect()
    }

    /// The first end that comes by itself, if the broker keeps silent from now on.
    fn fated_end(&self) -> Option<(UnixMillis, LeaseState)> {
        if self.stopped.is_some() {
            return None;
        }
        let lost = self.fate.loss.as_ref().map(|loss| {
            let state = LeaseState::Lost { reason: loss.reason.clone(), preempted: loss.preempted };
            (self.started.after(loss.after), state)
        });
        let abandoned = self.abandoned_at().map(|at| (at, LeaseState::Released));
        lost.into_iter().chain(abandoned).min_by_key(|(at, _)| *at)
    }

    /// When the nodes give themselves back. Machines that never came up cannot do that.
    fn abandoned_at(&self) -> Option<UnixMillis> {
        let patience = self.request.abandon_after;
        let can = self.waiting == 0 && patience != Span::ZERO && patience != Span::MAX;
        self.ready_at().filter(|_| can).map(|ready| ready.max(self.last_sign).after(patience))
    }

    pub(super) fn ready_at(&self) -> Option<UnixMillis> {
        self.fate.ready_after.map(|boot| self.started.after(boot))
    }

    /// When the loss is announced and when it comes, if it is announced at all.
    pub(super) fn notice(&self) -> Option<(UnixMillis, UnixMillis)> {
        let loss = self.fate.loss.as_ref().filter(|loss| loss.notice > Span::ZERO)?;
        let announced = self.started.after(loss.after.saturating_sub(loss.notice));
        Some((announced, self.started.after(loss.after)))
    }

    /// The next moment after `now` at which something changes by itself.
    pub(super) fn next_change(&self, now: UnixMillis) -> UnixMillis {
        let ends = self.fated_end().map(|(at, _)| at);
        let announced = self.notice().map(|(at, _)| at);
        let next = [self.ready_at(), ends, announced].into_iter().flatten().filter(|at| *at > now).min();
        next.unwrap_or(UnixMillis(u64::MAX))
    }

    /// The state at a moment not after the last [`Record::settle`].
    pub(super) fn state_at(&self, when: UnixMillis) -> LeaseState {
        if let Some((at, state)) = &self.end
            && *at <= when
        {
            return state.clone();
        }
        if self.stopped.is_some_and(|at| at <= when) {
            return LeaseState::Stopped;
        }
        match (self.ready_at(), self.notice()) {
            (Some(ready), Some((announced, at))) if ready <= when && announced <= when => {
                LeaseState::Preempting { at }
            }
            (Some(ready), _) if ready <= when => LeaseState::Ready,
            _ => LeaseState::Pending,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// The lease as seen at `when`.
    pub(super) fn lease_at(&self, when: UnixMillis) -> Lease {
        let state = self.state_at(when);
        let ready = matches!(state, LeaseState::Ready | LeaseState::Preempting { .. });
        Lease {
            id: self.id.clone(),
            token: self.request.token.clone(),
            owner: self.request.owner.clone(),
            location: self.request.location.clone(),
            nodes: if ready {
                (0..self.request.nodes).map(|rank| self.address(rank)).collect()
            } else {
                vec![]
            },
            started: self.started,
            ended: match state {
                LeaseState::Stopped => self.stopped,
                _ => self.end.as_ref().filter(|_| state.is_over()).map(|(at, _)| self.stopped.unwrap_or(*at)),
            },
            state,
        }
    }

    fn address(&self, rank: u32) -> NodeAddress {
        // 4,095 leases of 4,095 nodes fit into 10.0.0.0/8 before an address comes twice.
        let host = (u32::try_from(self.nth & 0xFFF).unwrap_or(0) << 12) | ((rank + 1) & 0xFFF);
        NodeAddress { rank, address: Ipv4Addr::from(0x0A00_0000 | host).to_string() }
    }

    /// What it has cost, up to `now`: each time by itself, as bills round it.
    pub(super) fn cost(&self, now: UnixMillis) -> Usd {
        let took =
            |(from, to): (UnixMillis, Option<UnixMillis>)| to.map_or(now, |to| to.min(now)).since(from);
        let cost = |time| self.request.hourly.per_hour_over(took(time)).times(u64::from(self.request.nodes));
        self.times().into_iter().map(cost).sum()
    }

    /// The time on the nodes' own clocks.
    pub(super) fn node_time(&self, now: UnixMillis) -> UnixMillis {
        let (ahead, behind) = self.skew;
        UnixMillis(now.after(ahead).since(UnixMillis(behind.millis())).millis())
    }
}
