//! What a round is made of, in pieces that can be taken away one by one.

/// One piece of a catalog, a job, or what is asked about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// A row of a price list.
    Offer(Offer),
    Task(Task),
    /// Data from the output of a task to an input of another, by number.
    Flow {
        from: u8,
        to: u8,
        mb: i128,
    },
    After {
        from: u8,
        to: u8,
    },
    /// Data from outside.
    Input {
        task: u8,
        from: Origin,
        mb: i128,
    },
    /// An output that is put somewhere when the task has ended.
    Deliver {
        task: u8,
        to: Origin,
        mb: i128,
    },
    /// A condition on one task.
    Want(u8, Want),
    /// A condition on all tasks.
    Rule(Want),
    Objective(Objective),
    /// The budget of the job, as thousandths of the way from the cheapest to the dearest plan there is.
    Budget(i128),
    /// Its deadline likewise.
    Deadline(i128),
    Ask(Ask),
}

/// A machine type somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    pub(super) provider: &'static str,
    pub(super) region: &'static str,
    /// Empty where the provider does not sell by zone.
    pub(super) zone: String,
    pub(super) kind: Kind,
    /// Nano-dollars an hour.
    pub(super) price: i128,
    pub(super) spot: Option<i128>,
}

/// A machine type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) vcpus: i128,
    pub(super) gib: i128,
    /// Name and number.
    pub(super) accelerator: Option<(&'static str, u32)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    pub(super) number: u8,
    pub(super) nodes: u32,
    pub(super) time: Time,
}

/// How long a task runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Time {
    Fixed {
        ms: i128,
    },
    /// Reference time on so many vCPUs, and thousandths of the exponent.
    Scaled {
        ms: i128,
        cpus: i128,
        exponent: i128,
    },
    /// By accelerator.
    By(Vec<((&'static str, u32), i128)>),
}

/// Where data lies outside the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The scheme of its URI, and the provider and region that `infra` of the input says.
    Region(&'static str, &'static str, &'static str),
    /// The scheme of its URI and the provider that it stands for: in no region that anybody stated.
    Provider(&'static str, &'static str),
    /// This machine, or a web server, whose egress is somebody else's: what its URI begins with.
    Here(&'static str),
}

/// A condition on a task's machines.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Want {
    Cpus {
        count: i128,
        or_more: bool,
    },
    Memory {
        gib: i128,
        or_more: bool,
    },
    /// At least so many GiB for each vCPU of the machine.
    MemoryPerVcpu(i128),
    Type(String),
    /// `provider/region/zone`, with patterns.
    Infra(String),
    Market(Market),
    Accelerators {
        of: Vec<(&'static str, u32)>,
        in_order: bool,
    },
    /// Of a node, in nano-dollars.
    Hourly(i128),
    /// Alternatives laid over the rest, each one condition.
    Alternatives {
        of: Vec<Want>,
        in_order: bool,
    },
    Tee(Vec<&'static str>),
    Residency(Vec<&'static str>),
    Certs(Vec<&'static str>),
    Allow(Vec<&'static str>),
    Deny(Vec<&'static str>),
    /// The factor for a provider, in thousandths; 1 for all others.
    Score {
        provider: &'static str,
        milli: i128,
    },
    /// `offer.vcpus <= N` or likewise.
    Where(Test),
    /// Of the running time, in ms.
    Deadline(i128),
    /// Of the machines, in nano-dollars.
    Budget(i128),
    Preemptions {
        milli: i128,
    },
    Checkpoint {
        ms: i128,
    },
}

/// A condition in CEL that the brute force can tell by itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    VcpusAtMost(i128),
    MemoryPerVcpu(i128),
    NotProvider(&'static str),
    Jurisdiction(&'static str),
    SpotBelow(i128),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Market {
    OnDemand,
    Spot,
    Any,
}

/// Thousandths per dollar and per hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Objective {
    pub(super) cost: i128,
    pub(super) time: i128,
}

/// What else is asked than the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Front,
    WhyNot(String),
}
