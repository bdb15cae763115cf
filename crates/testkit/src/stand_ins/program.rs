//! Where programs are, and what it means that one is not.

use std::env;
use std::path::{Path, PathBuf};

use crate::did_not_run::DidNotRun;

/// Says where `.ci/run` put what it installed.
const PLACE: &str = "WELKIN_STAND_INS";

/// With `1`, a program that is missing fails the test.
const REQUIRED: &str = "WELKIN_REQUIRE_STAND_INS";

/// A program that tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Copies between stores, and serves one.
    Rclone,
    /// Copies to and from S3.
    S5cmd,
    /// The AWS command line.
    Aws,
    /// Serves many of AWS's interfaces from memory.
    Moto,
    /// Serves Google Cloud Storage's JSON interface.
    GcsEmulator,
    /// Serves Azure Blob Storage.
    Azurite,
    /// An identity provider: OpenID Connect with authorization codes.
    OidcMock,
    /// Python with the messages that OpenTelemetry publishes.
    OtlpPython,
}

impl Program {
    fn file(self) -> &'static str {
        match self {
            Self::Rclone => "rclone",
            Self::S5cmd => "s5cmd",
            // tidy: expect(clouds, reason = "the name of a program")
            Self::Aws => "aws",
            Self::Moto => "moto_server",
            Self::GcsEmulator => "gcp-storage-emulator",
            Self::Azurite => "azurite-blob",
            Self::OidcMock => "oidc-provider-mock",
            Self::OtlpPython => "otlp-python",
        }
    }
}

/// The path of a program, or why there is none.
///
/// # Panics
/// If it is missing and `WELKIN_REQUIRE_STAND_INS` is `1`.
pub fn program(program: Program) -> Result<PathBuf, DidNotRun> {
    let path = folder().join("bin").join(program.file());
    if path.exists() {
        return Ok(path);
    }
    Err(missing(program.file()))
}

/// What to print where something is not installed.
///
/// # Panics
/// If `WELKIN_REQUIRE_STAND_INS` is `1`.
pub(super) fn missing(what: &str) -> DidNotRun {
    let missing = DidNotRun::because(format!("{what} is not installed (see .ci/run)"));
    assert!(env::var(REQUIRED).as_deref() != Ok("1"), "{missing}, and {REQUIRED} is 1");
    missing
}

fn folder() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/stand-ins");
    env::var_os(PLACE).map_or_else(default, PathBuf::from)
}
