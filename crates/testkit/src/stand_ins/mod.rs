//! Servers and tools that nobody here wrote.
//!
//! [`rclone`], [`moto`], [`azurite`] and [`gcs`] each start a server on a free port with an empty folder
//! of its own, and wait until it answers; it is gone when the handle is dropped, or when the process
//! that holds it dies; so does [`oidc_mock`], an identity provider. [`program`] finds the tools that tests run against a server: rclone, s5cmd, the
//! AWS command line. [`postgres`] and [`softhsm`] are Debian's packages, each with data of its own.
//!
//! `.ci/run` installs all of them under `target/stand-ins` (see `docs/development.md`), or where
//! `WELKIN_STAND_INS` says. Where one is not installed the functions return the sentence to print, and
//! the test passes; with `WELKIN_REQUIRE_STAND_INS=1`, which `.ci/run` sets, they panic instead.

mod postgres;
mod program;
mod server;
mod servers;
mod softhsm;

pub use postgres::{Ending, Postgres, postgres};
pub use program::{Program, program};
pub use server::StandIn;
pub use servers::{azurite, gcs, moto, oidc_mock, rclone};
pub use softhsm::{SoftHsm, softhsm};
