//! The one table of rings, and what each may know.

/// Rings, innermost first: a crate may depend on its own ring and on those inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ring {
    /// Functions of their arguments.
    Pure,
    /// Traits and wire types.
    Ports,
    /// Whatever touches the world.
    Edge,
    /// Programs.
    Bin,
    /// Never part of what a user gets; only development dependencies may reach it.
    Dev,
}

const RINGS: &[(Ring, &[&str])] = &[
    (
        Ring::Pure,
        &[
            "units",
            "address",
            "climb",
            "name",
            "job",
            "catalog",
            "route",
            "placement",
            "boost",
            "oblivious",
            "parallel",
            "privacy",
            "seal",
        ],
    ),
    (Ring::Ports, &["store", "provider", "ledger", "records"]),
    (
        Ring::Edge,
        &[
            "stores", "gateway", "transfer", "clouds", "agent", "broker", "sqlite", "postgres", "api",
            "server", "sky", "federate", "oidc", "otlp", "pkcs11",
        ],
    ),
    (Ring::Bin, &["welkin"]),
    (Ring::Dev, &["generated", "mutate", "testkit", "xtask"]),
];

/// The ring of a crate, by its name within the workspace.
pub(super) fn ring_of(short_name: &str) -> Option<Ring> {
    RINGS.iter().find(|(_, crates)| crates.contains(&short_name)).map(|(ring, _)| *ring)
}

/// A border within a ring: a crate that must not know another, not even through a third.
#[derive(Debug)]
pub(super) struct Border {
    pub(super) of: &'static str,
    /// Crates of the workspace; `*` stands for all.
    pub(super) forbids: &'static [&'static str],
    pub(super) why: &'static str,
}

pub(super) const BORDERS: &[Border] = &[
    Border { of: "name", forbids: &["*"], why: "the name grammar is published alone" },
    Border { of: "address", forbids: &["*"], why: "whoever moves or prices data reads the same addresses" },
    Border { of: "units", forbids: &["*"], why: "units are the ground that everything stands on" },
    Border { of: "agent", forbids: &["catalog"], why: "an agent runs one task and chooses nothing" },
    Border { of: "clouds", forbids: &["broker"], why: "an adapter answers and decides nothing" },
    Border { of: "climb", forbids: &["*"], why: "whoever has lanes climbs by the same lessons" },
    Border { of: "store", forbids: &["provider"], why: "a place is the same to runs, nodes and copies" },
    Border {
        of: "stores",
        forbids: &["transfer", "gateway"],
        why: "a place is asked and moves nothing by itself",
    },
    Border {
        of: "gateway",
        forbids: &["stores", "transfer"],
        why: "a gateway serves any place and carries for any engine",
    },
    Border {
        of: "transfer",
        forbids: &["gateway"],
        why: "the engine moves between places, whatever is behind them",
    },
    Border { of: "transfer", forbids: &["placement"], why: "the data plane obeys a plan it did not make" },
    Border { of: "ledger", forbids: &["clouds"], why: "the ledger accounts for usage whoever metered it" },
    Border {
        of: "records",
        forbids: &["job", "placement"],
        why: "records keep plans and jobs as they were written, and read neither",
    },
    Border { of: "sqlite", forbids: &["broker"], why: "a store of records obeys and decides nothing" },
    Border {
        of: "otlp",
        forbids: &["server", "sky", "clouds"],
        why: "traces are made of records, whoever wrote them and wherever they are served",
    },
    Border { of: "pkcs11", forbids: &["broker"], why: "a token seals and opens, and decides nothing" },
    Border { of: "postgres", forbids: &["broker"], why: "a store of records obeys and decides nothing" },
    Border {
        of: "federate",
        forbids: &["stores", "transfer", "broker"],
        why: "parties meet at a door, and move and run nothing",
    },
    Border {
        of: "sky",
        forbids: &["api", "server"],
        why: "whoever serves or asks a server does so over the façade, not beneath it",
    },
    Border { of: "broker", forbids: &["clouds"], why: "the broker knows providers by their port only" },
];

/// A banned package that comes along with another, and that the crate itself does not reach.
#[derive(Debug)]
pub(super) struct Along {
    pub(super) of: &'static str,
    pub(super) package: &'static str,
    /// The dependency that brings it.
    pub(super) with: &'static str,
}

/// Cryptography of ring includes a source of random numbers; `seal` takes them as an argument all the same.
pub(super) const ALONG: &[Along] = &[Along { of: "seal", package: "getrandom", with: "ring" }];

/// Packages that a ring or a crate must not have in its closure of normal dependencies.
#[derive(Debug)]
pub(super) struct Ban {
    pub(super) of: Holder,
    pub(super) packages: &'static [Banned],
    pub(super) why: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Ring(Ring),
    Crate(&'static str),
}

/// A package, or only its use with one feature.
#[derive(Debug)]
pub(super) enum Banned {
    Package(&'static str),
    Feature(&'static str, &'static str),
}

use Banned::{Feature, Package};

pub(super) const BANS: &[Ban] = &[
    Ban {
        of: Holder::Ring(Ring::Pure),
        packages: &[
            Package("async-std"),
            Package("futures-timer"),
            Package("mio"),
            Package("polling"),
            Package("smol"),
            Package("tokio"),
        ],
        why: "pure crates are synchronous: the caller brings the runtime",
    },
    Ban {
        of: Holder::Ring(Ring::Pure),
        packages: &[
            Package("curl"),
            Package("hyper"),
            Package("native-tls"),
            Package("object_store"),
            Package("openssl"),
            Package("reqwest"),
            Package("rustls"),
            Package("socket2"),
            Package("ureq"),
        ],
        why: "pure crates have no network: the caller fetches and passes bytes",
    },
    Ban {
        of: Holder::Ring(Ring::Pure),
        packages: &[
            Package("dirs"),
            Package("home"),
            Package("libsqlite3-sys"),
            Package("memmap2"),
            Package("nix"),
            Package("rusqlite"),
            Package("rustix"),
            Package("tempfile"),
            Package("walkdir"),
        ],
        why: "pure crates have no files or system calls: the caller opens and passes bytes",
    },
    Ban {
        of: Holder::Ring(Ring::Pure),
        packages: &[
            Feature("chrono", "clock"),
            Feature("chrono", "now"),
            Package("coarsetime"),
            Package("iana-time-zone"),
            Package("jiff"),
            Package("quanta"),
            Package("time"),
            Package("web-time"),
        ],
        why: "pure crates have no clock: the caller passes the time",
    },
    Ban {
        of: Holder::Ring(Ring::Pure),
        packages: &[Package("fastrand"), Package("getrandom"), Package("oorandom"), Package("rand")],
        why: "pure crates have no randomness: the caller passes a seed or the numbers",
    },
    Ban {
        of: Holder::Crate("broker"),
        packages: &[
            Package("axum"),
            Package("clap"),
            Package("crossterm"),
            Package("hyper"),
            Package("indicatif"),
            Package("reqwest"),
            Package("ureq"),
        ],
        why: "the broker knows neither HTTP nor the terminal: its callers do",
    },
    Ban {
        of: Holder::Crate("sky"),
        packages: &[Package("axum"), Package("clap"), Package("crossterm"), Package("indicatif")],
        why: "the façade has no terminal: programs over it do",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_crate_has_one_ring_and_borders_name_known_crates() {
        let all: Vec<_> = RINGS.iter().flat_map(|(_, crates)| *crates).collect();
        assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len());
        for border in BORDERS {
            for name in border.forbids.iter().chain([&border.of]).filter(|name| **name != "*") {
                assert!(ring_of(name).is_some(), "{name}");
            }
        }
    }
}
