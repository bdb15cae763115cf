//! The first written form of a job: in plans of schema 1, and in the rows of runs.

use crate::mirror;
use crate::model;
use crate::wire::Mirror;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use welkin_units::{Bytes, Span, Usd};

mirror! {
    /// A job, with the values of its secrets.
    pub struct Job of model::Job {
        name: String,
        tasks: Vec<Task>,
        edges: Vec<Edge>,
        objective: Objective,
        policy: Policy,
    }
}

mirror! {
    struct Edge of model::Edge {
        from: usize,
        to: usize,
        data: Option<EdgeData>,
    }
}

mirror! {
    struct EdgeData of model::EdgeData {
        output: String,
        input: String,
        size: Bytes,
    }
}

mirror! {
    struct Task of model::Task {
        name: String,
        num_nodes: u32,
        options: Vec<Resources>,
        choice: Choice,
        needs: Needs,
        policy: Policy,
        inputs: BTreeMap<String, Input>,
        outputs: BTreeMap<String, Output>,
        time: TimeEstimate,
        setup: Option<String>,
        run: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed: Option<Sealed>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parallel: Option<Parallel>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        federated: Option<Federated>,
        envs: BTreeMap<String, String>,
        secrets: BTreeMap<String, Secret>,
        workdir: Option<Workdir>,
        file_mounts: BTreeMap<String, FileMount>,
        recovery: Recovery,
        unexecuted: Vec<Unexecuted>,
    }
}

mirror! {
    struct Federated of model::Federated {
        coordinator: String,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Choice of model::Choice {
        AnyOf,
        Ordered,
    }
}

mirror! {
    struct Resources of model::Resources {
        infra: Infra,
        accelerator: Option<Accelerator>,
        cpus: Option<Amount>,
        memory_gib: Option<Amount>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory_per_cpu_milli: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arch: Option<Arch>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        burstable: Option<bool>,
        instance_type: Option<String>,
        market: Market,
        max_hourly_cost: Option<Usd>,
        disk_size: Option<Bytes>,
        disk_tier: Option<String>,
        network_tier: Option<String>,
        ports: Vec<String>,
        image_id: Option<String>,
        labels: BTreeMap<String, String>,
        autostop: Option<Autostop>,
        accelerator_args: BTreeMap<String, String>,
    }
}

mirror! {
    struct Infra of model::Infra {
        provider: Option<String>,
        region: Option<String>,
        zone: Option<String>,
    }
}

mirror! {
    struct Accelerator of model::Accelerator {
        name: String,
        count_milli: u32,
    }
}

mirror! {
    struct Amount of model::Amount {
        milli: u64,
        or_more: bool,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Arch of model::Arch {
        #[serde(rename = "x86_64")]
        X86_64,
        Arm64,
        Any,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    /// The market a machine is bought on.
    pub enum Market of model::Market {
        /// Full price.
        OnDemand,
        /// May be taken away.
        Spot,
        /// Whichever is better.
        Any,
    }
}

mirror! {
    struct Autostop of model::Autostop {
        idle: Span,
        down: bool,
    }
}

mirror! {
    struct Needs of model::Needs {
        tee: Vec<Tee>,
        interfaces: Vec<String>,
    }
}

mirror! {
    #[serde(rename_all = "kebab-case")]
    enum Tee of model::Tee {
        SevSnp,
        Sev,
        Tdx,
        Sgx,
        Nitro,
        GpuCc,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Input of model::Input {
        Uri {
            uri: String,
            size: Bytes,
            place: Option<Infra>,
        },
        Task {
            task: String,
            output: String,
        },
    }
}

mirror! {
    struct Output of model::Output {
        size: Bytes,
        uri: Option<String>,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum TimeEstimate of model::TimeEstimate {
        Unstated,
        Fixed(span: Span),
        PerAccelerator(times: Vec<(Accelerator, Span)>),
        Scaled {
            reference: Span,
            reference_cpus_milli: u64,
            exponent: f64,
        },
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Workdir of model::Workdir {
        Local(path: String),
        Git {
            url: String,
            reference: Option<String>,
        },
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum FileMount of model::FileMount {
        Local(path: String),
        Bucket {
            source: Option<String>,
            name: Option<String>,
            mode: Option<String>,
            store: Option<String>,
            persistent: Option<bool>,
        },
    }
}

mirror! {
    struct Parallel of model::Parallel {
        model: String,
        steps: u64,
        max_nodes: u32,
        plan: Option<String>,
    }
}

mirror! {
    struct Sealed of model::Sealed {
        contract: Brought,
        query: Brought,
    }
}

mirror! {
    struct Brought of model::Brought {
        path: String,
        text: Option<String>,
    }
}

mirror! {
    struct Recovery of model::Recovery {
        strategy: Option<String>,
        max_restarts_on_errors: u32,
        recover_on_exit_codes: Vec<i32>,
    }
}

mirror! {
    struct Unexecuted of model::Unexecuted {
        key: String,
        meaning: String,
        line: u32,
        column: u32,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    /// What to optimise.
    pub enum Objective of model::Objective {
        /// Least money.
        Cost,
        /// Earliest finish.
        Time,
        /// Weights of both.
        Weighted {
            /// Per dollar.
            cost: f64,
            /// Per hour.
            time: f64,
        },
    }
}

mirror! {
    struct Policy of model::Policy {
        deadline: Option<Span>,
        budget: Option<Usd>,
        residency: Vec<String>,
        allow_providers: Vec<String>,
        deny_providers: Vec<String>,
        certs: Vec<String>,
        max_hourly_cost: Option<Usd>,
        r#where: Vec<String>,
        score: Option<String>,
        preemptions_per_hour: Option<f64>,
        checkpoint: Option<Span>,
    }
}

/// The value itself: whoever writes a job says where to.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Mirror for Secret {
    type Of = model::Secret;

    fn of(domain: &model::Secret) -> Self {
        Self(domain.reveal().to_owned())
    }

    fn domain(self) -> model::Secret {
        model::Secret::new(self.0)
    }
}
