//! Every bound of the broker, with the arithmetic behind it.

use welkin_units::Span;

/// How long one place is asked for a lease before the next alternative is tried: a provider that
/// throttles asks for pauses of seconds; ten minutes are hundreds of them.
pub(crate) const ACQUIRE_WITHIN: Span = Span::from_secs(600);

/// How long a lease may take from accepted to ready: accelerator machines boot in up to ten minutes;
/// half as much again is given.
pub(crate) const READY_WITHIN: Span = Span::from_secs(900);

/// Shortest and longest pause between looks at a lease that boots. The shortest suits emulated
/// machines, which boot in milliseconds; the longest keeps 100 booting leases below 50 calls a second.
pub(crate) const READY_POLL: (Span, Span) = (Span::from_millis(10), Span::from_secs(2));

/// Pause between looks at a lease that works: a preemption is announced 30 s ahead at the least, so
/// that a look every 5 s leaves 25 s.
pub(crate) const OBSERVE_EVERY: Span = Span::from_secs(5);

/// How long a node may be unreachable while its provider says it is there: a router that restarts
/// takes a minute; twice that is given.
pub(crate) const NODE_SILENCE: Span = Span::from_secs(120);

/// How long an engine may take to answer a question by evidence: what keeps hardware busy passes within the ten minutes in which it
/// tries by itself.
pub(crate) const EVIDENCE_WITHIN: Span = Span::from_secs(15 * 60);

/// Longest wait of one call for events: below the 30 s at which proxies cut idle connections.
pub(crate) const EVENT_WAIT: Span = Span::from_secs(20);

/// Time between the polite and the forced end of a step: below the 30 s of the shortest preemption notice.
pub(crate) const STOP_GRACE: Span = Span::from_secs(10);

/// How long releasing a lease is tried before the run ends without it and `gc` has to: long enough
/// for an outage of a control plane, of which most are over within half an hour.
pub(crate) const RELEASE_WITHIN: Span = Span::from_secs(1800);

/// How long a provider is asked when a lease that was given back ceased to cost: front ends cut a request
/// off after 60 s; two and a half are given, and then the moment of the release counts.
pub(crate) const ENDED_WITHIN: Span = Span::from_secs(150);

/// Pause between looks for a lease that may turn up.
pub(crate) const DOUBT_POLL: Span = Span::from_secs(5);

/// How long a new lease waits for the release of those the run no longer needs, so that a quota of one
/// machine is enough for a chain.
pub(crate) const SETTLE_WITHIN: Span = Span::from_secs(60);

/// How long a store is tried: as long as a lease may boot, which goes on meanwhile.
pub(crate) const STAGE_WITHIN: Span = READY_WITHIN;

/// First and longest pause between tries of a call.
pub(crate) const BACKOFF: (Span, Span) = (Span::from_millis(200), Span::from_secs(30));

/// How often one task may lose its machines (preempted, crashed, never ready) before it fails: at one
/// loss an hour a day-long task survives.
pub(crate) const MAX_LOSSES: u32 = 24;

/// How often one task may fail for reasons that are neither its script's nor a lost machine's (data that
/// do not arrive, a node that cannot run steps): once at each of three places.
pub(crate) const MAX_FAULTS: u32 = 3;

/// How often a script is started again because of `recover_on_exit_codes`, which the file does not bound.
pub(crate) const MAX_CODE_RESTARTS: u32 = 100;

/// Pause before all places are asked again under `retry_until_up`.
pub(crate) const ROUND_PAUSE: Span = Span::from_secs(60);

/// How long a refusal keeps the run away from its failure domain while there are other places: room
/// that others give back comes within minutes, and asking more often than this finds the same answer.
pub(crate) const REFUSAL_BLOCKS: Span = Span::from_secs(300);

/// Longest pause between looks at a deadline: a clock that was set right after another boot is noticed
/// within it.
pub(crate) const DEADLINE_LOOK: Span = Span::from_secs(60);

/// Shortest pause between looks at a lease when the budget is about to be spent: at $100 an hour ten
/// milliseconds are $0.0003.
pub(crate) const BUDGET_LOOK: Span = Span::from_millis(10);

/// Longest pause between looks at what is in use of a project, and for how long one look serves all runs of a broker: what
/// passes a budget runs on for so long at most, and a task that waits for room begins so much later.
pub(crate) const PROJECT_LOOK: Span = Span::from_secs(2);

/// How many tasks of a run are under way at once unless somebody says otherwise. On this machine each is
/// a process of some 15 MB, so that 64 stay below 1 GB; at real clouds 64 are below the calls a second
/// that control planes allow.
pub(crate) const SIDE_BY_SIDE: usize = 64;

/// How often the durable requests of other processes (cancel) are looked at: below what a person
/// notices; one indexed read each.
pub(crate) const REQUEST_POLL: Span = Span::from_millis(500);

/// Into how many looks the time is divided that a cluster may be idle: it ends at most so much later than it should.
pub(crate) const IDLE_LOOKS: u64 = 20;

/// Shortest and longest pause between looks at whether a cluster is idle, each of which is one indexed read: a
/// cluster that may be idle for ten minutes ends at most ten seconds late.
pub(crate) const IDLE_LOOK: (Span, Span) = (Span::from_millis(200), Span::from_secs(10));

/// How long work on a cluster that is to be stopped is waited for: a step has five seconds to end, and what it takes to ask
/// it and to hear of it is as much again.
pub(crate) const CLEARED_WITHIN: Span = Span::from_secs(15);

/// A node that has heard nothing from a broker for so long releases itself. A laptop that sleeps
/// through a meeting loses no work; an orphan costs at most this much.
pub(crate) const ABANDON_AFTER: Span = Span::from_secs(3600);

/// Rows of logs one call of the read API returns at most: at the longest line of 64 KiB some 64 MB.
pub(crate) const LOG_PAGE: u32 = 1000;
