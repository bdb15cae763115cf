//! The command line from outside: the built binary, in a home of its own, with nothing of the user's
//! environment.
//!
//! Goldens lie in `golden/`; `WELKIN_BLESS=1 cargo test -p welkin` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

mod bed;
mod boost;
mod boost_federated_job;
mod boost_job;
mod boost_machines;
mod boost_parties;
mod boost_python;
mod broker;
mod broker_kill;
mod brought;
mod catalog;
mod clusters;
mod deploy;
mod disk;
mod gang;
mod gateway;
mod going_on;
mod golden;
mod habits;
#[cfg(feature = "pkcs11")]
mod held;
mod hostile;
mod hosts;
mod hosts_kill;
mod import;
mod interrupt;
mod json;
mod kept;
mod kill;
mod logs;
mod mistakes;
mod oidc;
mod overlap;
mod parallel_job;
mod parallelize;
mod parallelize_jax;
mod parallelize_torch;
mod prices;
mod probe;
mod projects;
#[cfg(feature = "postgres")]
mod replicas;
mod run;
mod seal;
mod sealed_run;
mod shown;
mod small_machine;
mod ssh;
mod stream;
mod team;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;
mod transfer_kill;
mod unreadable;
mod versions;
mod watching;
