//! Projects: who shares a budget and quotas, what is in use of them, and whether more may be.
//!
//! *How it works.* Each run that is not over has a claim on its project, and so has each of its leases: what they are
//! expected to cost, and what they have. What was charged is a sum for each project and month. A claim that is judged is
//! made only if the project keeps its limits with it, which a store finds out in the transaction that makes it; so of two
//! that ask for the last dollar one is taken. What is judged is the same in each store: [`Use::judge`].
//!
//! *What is committed* of a run is the greater of what is left of its expected cost and of what its leases cost: each the
//! greater of what was expected of it and what its time has come to. The part of that which lies before the month is not
//! the month's. So a run that takes longer than was thought takes room from others as it goes, and one that was taken is not
//! refused what was promised to it.
//!
//! *Rejected:* sums of what is committed. What a lease costs grows by the millisecond, and a sum of greatest values is
//! none that a write could keep.

use crate::id::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use welkin_ledger::{Entry, EntryKind, month_of, month_start};
use welkin_provider::UnixMillis;
use welkin_units::Usd;

/// The project of runs that name none.
pub const DEFAULT_PROJECT: &str = "default";

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// How often it was changed, from 1.
    pub version: u64,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Who may do what in it: names of members with those of their roles.
    #[serde(default)]
    pub members: BTreeMap<String, String>,
    /// Whether it was removed: nothing begins in it any more, and what was is kept and shown. Its name is not given again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// What a project may use. What is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Money in each calendar month (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Usd>,
    /// Money in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Usd>,
    /// Whether what runs is ended when the money is used up; it goes on otherwise.
    #[serde(default)]
    pub stops: bool,
    /// Runs that are not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    /// Leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<u32>,
    /// Accelerators by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accelerators: BTreeMap<String, u32>,
}

/// What a run that is not over, or a lease, takes of its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// A run.
    Run {
        /// What its plan costs.
        expected: Usd,
    },
    /// A lease.
    Lease(LeaseClaim),
}

/// What a lease takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseClaim {
    /// What it is expected to cost.
    pub expected: Usd,
    /// What all of its machines cost in an hour.
    pub hourly: Usd,
    /// Since when they do; absent while they do not.
    #[serde(default)]
    pub since: Option<UnixMillis>,
    /// The accelerators of all of its machines, in thousandths.
    #[serde(default)]
    pub accelerators: Option<(String, u64)>,
}

/// A claim as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// Whose.
    pub run: RunId,
    /// Token of the lease; none of the run itself.
    pub lease: Option<String>,
    /// What.
    pub claim: Claim,
    /// Of the run itself: what was charged to it.
    pub spent: Usd,
}

/// A project and all that counts on its limits, of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Use {
    /// The project; none where nobody has made one of this name.
    pub project: Option<Project>,
    /// What was charged, by month.
    pub spent: BTreeMap<i32, Usd>,
    /// Everything that is not over.
    pub claims: Vec<ClaimRow>,
}

/// How much of a project is in use at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    /// The month of the moment, as [`month_of`] counts them.
    pub calendar: i32,
    /// In the month of the moment.
    pub month: Money,
    /// In all.
    pub total: Money,
    /// What all leases cost in an hour.
    pub hourly: Usd,
    /// Runs that are not over.
    pub runs: u64,
    /// Leases.
    pub leases: u64,
    /// Accelerators by their names, in thousandths.
    pub accelerators: BTreeMap<String, u64>,
}

/// Money of a project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Money {
    /// Gone: charged, or run up by leases that are not over.
    pub spent: Usd,
    /// What runs is expected to take besides.
    pub committed: Usd,
}

impl Money {
    /// Both.
    #[must_use]
    pub fn sum(self) -> Usd {
        self.spent + self.committed
    }

    fn add(&mut self, spent: Usd, committed: Usd) {
        self.spent += spent;
        self.committed += committed;
    }
}

/// A limit that something would pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// Of which project.
    pub project: String,
    /// Which.
    pub limit: OverLimit,
}

/// What is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverLimit {
    /// Money.
    Budget {
        /// Of each month, or of all.
        monthly: bool,
        /// How much there is.
        budget: Usd,
        /// How much is gone and promised.
        money: Money,
        /// What is wanted besides.
        wanted: Usd,
    },
    /// Runs, leases or accelerators.
    Quota {
        /// What.
        what: String,
        /// How many there may be at once.
        most: u32,
        /// How many there are, in thousandths.
        used: u64,
        /// How many are wanted besides, in thousandths.
        wanted: u64,
    },
}

impl OverLimit {
    /// Whether it is money that is not enough.
    #[must_use]
    pub const fn is_budget(&self) -> bool {
        matches!(self, Self::Budget { .. })
    }

    /// Whether it would be too much though nothing else were in use.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        match self {
            // Next month there is more, and budgets are raised.
            Self::Budget { .. } => false,
            Self::Quota { most, wanted, .. } => *wanted > u64::from(*most) * 1000,
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = &self.project;
        match &self.limit {
            OverLimit::Budget { monthly, budget, money: Money { spent, committed }, wanted } => {
                let of = if *monthly { " a month" } else { "" };
                write!(
                    f,
                    "the budget of project {project} is {budget}{of}: {spent} spent, {committed} set aside for what \
                     runs, {wanted} wanted"
                )
            }
            OverLimit::Quota { what, most, used, wanted } => {
                let (used, wanted) = (Thousandths(*used), Thousandths(*wanted));
                write!(f, "project {project} may have {most} {what} at once: {used} in use, {wanted} wanted")
            }
        }
    }
}

impl std::error::Error for Over {}

/// A number that is mostly whole.
struct Thousandths(u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        match rest {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0')),
        }
    }
}

impl Use {
    /// Whether runs may begin in it: it was made and not removed. The default one needs nobody to make it.
    #[must_use]
    pub fn is_open(&self, name: &str) -> bool {
        self.project.as_ref().map_or(name == DEFAULT_PROJECT, |project| !project.removed)
    }

    /// How much of it is in use at a moment.
    #[must_use]
    pub fn standing(&self, at: UnixMillis) -> InUse {
        let month = month_of(at);
        let mut standing = InUse { calendar: month, ..InUse::default() };
        standing.month.spent = self.spent.get(&month).copied().unwrap_or_default();
        standing.total.spent = self.spent.values().copied().sum();
        let mut runs: BTreeMap<&RunId, RunMoney> = BTreeMap::new();
        for row in &self.claims {
            let run = runs.entry(&row.run).or_default();
            match &row.claim {
                Claim::Run { expected } => {
                    standing.runs += 1;
                    run.promised = (*expected - row.spent).max(Usd::ZERO);
                }
                Claim::Lease(lease) => {
                    standing.leases += 1;
                    if let Some((name, count)) = &lease.accelerators {
                        let used = standing.accelerators.entry(name.to_ascii_uppercase()).or_default();
                        *used = used.saturating_add(*count);
                    }
                    if lease.since.is_some() {
                        standing.hourly += lease.hourly;
                    }
                    run.add(lease, at, month_start(month));
                }
            }
        }
        for run in runs.values() {
            let all = run.promised.max(run.leases);
            standing.total.add(run.gone, all - run.gone);
            standing.month.add(run.gone - run.before, all - run.gone);
        }
        standing
    }

    /// Whether a claim may be made: the limits hold with it, and of no money that it counts on everything is gone. One that
    /// is there already, under the same run and lease, is replaced.
    ///
    /// # Errors
    /// The limit that it would pass.
    pub fn judge(&self, row: ClaimRow, at: UnixMillis) -> Result<(), Over> {
        let Some(project) = &self.project else { return Ok(()) };
        let over = |limit| Err(Over { project: project.name.clone(), limit });
        let (limits, is_run) = (&project.limits, matches!(row.claim, Claim::Run { .. }));
        let own = match &row.claim {
            Claim::Run { expected } => *expected,
            Claim::Lease(lease) => lease.expected,
        };
        let without = self.without(&row);
        let before = without.standing(at);
        let after = without.and(row).standing(at);
        let counts = match is_run {
            true => vec![("runs".to_owned(), limits.runs, before.runs * 1000, after.runs * 1000)],
            false => {
                let leases = ("leases".to_owned(), limits.leases, before.leases * 1000, after.leases * 1000);
                let of = |used: &BTreeMap<String, u64>, name: &str| {
                    used.get(&name.to_ascii_uppercase()).copied().unwrap_or_default()
                };
                let kinds = limits.accelerators.iter().map(|(name, most)| {
                    let (before, after) = (of(&before.accelerators, name), of(&after.accelerators, name));
                    (name.clone(), Some(*most), before, after)
                });
                std::iter::once(leases).chain(kinds).collect()
            }
        };
        for (what, most, used, after) in counts {
            let Some(most) = most else { continue };
            let wanted = after.saturating_sub(used);
            if wanted > 0 && after > u64::from(most) * 1000 {
                return over(OverLimit::Quota { what, most, used, wanted });
            }
        }
        for (monthly, budget, before, after) in [
            (true, limits.monthly, before.month, after.month),
            (false, limits.total, before.total, after.total),
        ] {
            let Some(budget) = budget else { continue };
            // Where there is no money, what costs none is no more than there is.
            let is_used_up = budget > Usd::ZERO && before.spent >= budget;
            if after.sum() > budget || is_used_up {
                // Of a lease that its run was promised, what it costs itself.
                let wanted = (after.sum() - before.sum()).max(own);
                return over(OverLimit::Budget { monthly, budget, money: before, wanted });
            }
        }
        Ok(())
    }

    fn without(&self, row: &ClaimRow) -> Self {
        let others = self.claims.iter().filter(|other| other.run != row.run || other.lease != row.lease);
        Self { project: self.project.clone(), spent: self.spent.clone(), claims: others.cloned().collect() }
    }

    fn and(mut self, row: ClaimRow) -> Self {
        self.claims.push(row);
        self
    }
}

/// What one run takes.
#[derive(Default)]
struct RunMoney {
    /// Left of what was expected of it.
    promised: Usd,
    /// What its leases come to.
    leases: Usd,
    /// What they have come to already.
    gone: Usd,
    /// What of that lies before the month.
    before: Usd,
}

impl RunMoney {
    fn add(&mut self, lease: &LeaseClaim, at: UnixMillis, month: UnixMillis) {
        let until = |moment: UnixMillis| {
            lease
                .since
                .map_or(Usd::ZERO, |since| lease.hourly.max(Usd::ZERO).per_hour_over(moment.since(since)))
        };
        let gone = until(at);
        self.leases += lease.expected.max(gone).max(Usd::ZERO);
        self.gone += gone;
        self.before += until(month.min(at));
    }
}

impl Limits {
    /// How much of its money is gone, of the budget of which most is: in hundredths, and whether it is the month's.
    #[must_use]
    pub fn share(&self, standing: &InUse) -> Option<(u64, bool)> {
        let of = |budget: Option<Usd>, money: Money, monthly| {
            let nanos = i128::from(budget?.nanos());
            let spent = i128::from(money.spent.nanos()).max(0);
            // Of nothing, nothing is used until something is.
            let share = if nanos > 0 {
                spent * 100 / nanos
            } else if spent > 0 {
                100
            } else {
                0
            };
            Some((u64::try_from(share).unwrap_or(u64::MAX), monthly))
        };
        [of(self.monthly, standing.month, true), of(self.total, standing.total, false)]
            .into_iter()
            .flatten()
            .max()
    }

    /// What is left until money is used up, of the budget of which least is left.
    #[must_use]
    pub fn left(&self, standing: &InUse) -> Option<Usd> {
        let of = |budget: Option<Usd>, money: Money| Some(budget? - money.spent);
        [of(self.monthly, standing.month), of(self.total, standing.total)].into_iter().flatten().min()
    }
}

/// What a row of the ledger adds to what its project has spent, by month. Of a price below nothing, nothing is won.
#[must_use]
pub fn spent_by(entry: &Entry, at: UnixMillis) -> Vec<(i32, Usd)> {
    match &entry.kind {
        EntryKind::Charge { event } if event.cost > Usd::ZERO => event.by_month(),
        EntryKind::Correction { amount, .. } => vec![(month_of(at), *amount)],
        _ => Vec::new(),
    }
}

/// Whether a text can be the name of a project: 1 to 40 of a to z, 0 to 9 and `-`, which neither begins nor ends it.
#[must_use]
pub fn is_project_name(name: &str) -> bool {
    let fits = (1..=40).contains(&name.len());
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    fits && plain && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn lab(limits: Limits) -> Use {
        let project = Project { name: "lab".to_owned(), version: 1, limits, ..Project::default() };
        Use { project: Some(project), ..Use::default() }
    }

    fn run(name: &str, cents: i64, spent: i64) -> ClaimRow {
        let claim = Claim::Run { expected: Usd::from_cents(cents) };
        ClaimRow { run: RunId(name.to_owned()), lease: None, claim, spent: Usd::from_cents(spent) }
    }

    fn lease(name: &str, number: u32, cents: i64, hourly: i64, since: Option<u64>) -> ClaimRow {
        let claim = Claim::Lease(LeaseClaim {
            expected: Usd::from_cents(cents),
            hourly: Usd::from_cents(hourly),
            since: since.map(UnixMillis),
            accelerators: Some(("H100".to_owned(), 4000)),
        });
        ClaimRow { run: RunId(name.to_owned()), lease: Some(number.to_string()), claim, spent: Usd::ZERO }
    }

    #[test]
    fn a_run_takes_what_is_expected_of_it_until_its_leases_come_to_more() {
        let limits = Limits { total: Some(Usd::from_cents(100)), ..Limits::default() };
        let mut held = lab(limits);
        held.claims.push(run("a", 60, 0));
        assert!(held.judge(run("b", 41, 0), UnixMillis(0)).is_err());
        held.judge(run("b", 40, 0), UnixMillis(0)).expect("the last cent may be used");
        // Its own lease takes nothing besides.
        held.judge(lease("a", 1, 60, 60, None), UnixMillis(0)).expect("it was promised");
        held.claims.push(lease("a", 1, 60, 60, Some(0)));
        assert_eq!(
            held.standing(UnixMillis(HOUR)).total,
            Money { spent: Usd::from_cents(60), committed: Usd::ZERO }
        );
        let over =
            held.judge(run("b", 40, 0), UnixMillis(HOUR + HOUR / 60)).expect_err("a cent more is gone");
        assert_eq!(
            over.to_string(),
            "the budget of project lab is $1.00: $0.61 spent, $0.00 set aside for what runs, $0.40 wanted"
        );
        // A second lease after the first was lost: what was spent is not there again.
        held.spent.insert(0, Usd::from_cents(60));
        held.claims = vec![run("a", 60, 60)];
        held.judge(lease("a", 2, 40, 60, None), UnixMillis(0)).expect("it fits");
        assert!(held.judge(lease("a", 2, 41, 60, None), UnixMillis(0)).is_err());
    }

    #[test]
    fn when_everything_is_gone_nothing_new_begins_though_it_cost_nothing() {
        let mut used = lab(Limits { total: Some(Usd::from_cents(100)), ..Limits::default() });
        used.spent.insert(0, Usd::from_cents(99));
        used.judge(run("a", 0, 0), UnixMillis(0)).expect("a cent is left");
        used.spent.insert(1, Usd::from_cents(1));
        assert!(used.judge(run("a", 0, 0), UnixMillis(0)).is_err());
        let free = lab(Limits { total: Some(Usd::ZERO), ..Limits::default() });
        free.judge(run("a", 0, 0), UnixMillis(0)).expect("what is free is within no money");
        assert!(free.judge(run("a", 1, 0), UnixMillis(0)).is_err());
    }

    #[test]
    fn a_month_has_its_own_part_of_a_lease_however_clocks_jump() {
        let turn = month_start(month_of(UnixMillis(1_790_000_000_000)) + 1).0;
        let mut held = lab(Limits { monthly: Some(Usd::from_cents(100)), ..Limits::default() });
        held.claims.push(run("a", 10, 0));
        held.claims.push(lease("a", 1, 10, 60, Some(turn - HOUR)));
        let at = |moment: u64| held.standing(UnixMillis(moment));
        assert_eq!(at(turn - 1).month.spent, Usd::from_nanos(599_999_833));
        assert_eq!(at(turn).month.spent, Usd::ZERO);
        assert_eq!(at(turn + HOUR).month.spent, Usd::from_cents(60));
        assert_eq!(at(turn + HOUR).total.spent, Usd::from_cents(120));
        // Back in the month before, as it was; and before the lease began nothing of it is gone.
        assert_eq!(at(turn - HOUR / 2).month.spent, Usd::from_cents(30));
        assert_eq!(at(0).month, Money { spent: Usd::ZERO, committed: Usd::from_cents(10) });
    }

    #[test]
    fn quotas_count_what_is_there_and_a_claim_that_is_made_again_once() {
        let accelerators = BTreeMap::from([("h100".to_owned(), 8)]);
        let mut held = lab(Limits { runs: Some(1), leases: Some(2), accelerators, ..Limits::default() });
        held.claims = vec![run("a", 0, 0), lease("a", 1, 0, 0, None)];
        held.judge(run("a", 0, 0), UnixMillis(0)).expect("it is there already");
        let over = held.judge(run("b", 0, 0), UnixMillis(0)).expect_err("there is one");
        assert_eq!(over.to_string(), "project lab may have 1 runs at once: 1 in use, 1 wanted");
        held.judge(lease("a", 2, 0, 0, None), UnixMillis(0)).expect("eight of eight");
        held.claims.push(lease("a", 2, 0, 0, None));
        held.judge(lease("a", 2, 0, 0, None), UnixMillis(0)).expect("the same");
        let over = held.judge(lease("a", 3, 0, 0, None), UnixMillis(0)).expect_err("three leases");
        assert!(!over.limit.is_for_ever() && !over.limit.is_budget(), "{over}");
        held.project.as_mut().expect("it is there").limits.leases = None;
        let over = held.judge(lease("a", 3, 0, 0, None), UnixMillis(0)).expect_err("twelve");
        assert_eq!(over.to_string(), "project lab may have 8 h100 at once: 8 in use, 4 wanted");
    }

    #[test]
    fn amounts_that_no_budget_holds_stay_amounts() {
        let mut held = lab(Limits { total: Some(Usd::MAX), ..Limits::default() });
        for number in 0..3 {
            held.claims.push(run(&number.to_string(), 0, 0));
            let claim = LeaseClaim {
                expected: Usd::MAX,
                hourly: Usd::MAX,
                since: Some(UnixMillis(0)),
                accelerators: Some(("x".to_owned(), u64::MAX)),
            };
            let row = ClaimRow {
                run: RunId(number.to_string()),
                lease: Some("1".to_owned()),
                claim: Claim::Lease(claim),
                spent: Usd::ZERO,
            };
            held.claims.push(row);
        }
        let standing = held.standing(UnixMillis(u64::MAX));
        assert_eq!((standing.total.sum(), standing.hourly), (Usd::MAX, Usd::MAX));
    }

    #[test]
    fn names_are_short_and_plain() {
        for (name, is) in [
            ("lab", true),
            ("a-1", true),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("A", false),
            ("a/b", false),
            ("ä", false),
        ] {
            assert_eq!(is_project_name(name), is, "{name}");
        }
        assert!(!is_project_name(&"a".repeat(41)));
    }
}
