//! Runs other people's tools, with nothing of the user's settings.

use std::path::{Path, PathBuf};
use std::process::Command;

use welkin_testkit::DidNotRun;
use welkin_testkit::stand_ins::{Program, program};

/// What is there, or `None` after a line that says why not.
pub(crate) fn or_skip<T>(test: &str, found: Result<T, DidNotRun>) -> Option<T> {
    found.inspect_err(|reason| println!("skipped: {test}: {reason}")).ok()
}

/// A folder with a file of a megabyte and a half, and a tool's home.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..1_500_000_u32).map(|at| (at * 11 / 7) as u8).collect();
        std::fs::write(folder.path().join("sent"), bytes).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn sent(&self) -> Vec<u8> {
        std::fs::read(self.path("sent")).unwrap()
    }

    pub(crate) fn assert_same(&self) {
        assert!(self.sent() == std::fs::read(self.path("got")).unwrap());
    }

    /// A command that sees only this folder, and credentials for S3 if there are any.
    pub(crate) fn command(&self, program: &Path, credentials: Option<(&str, &str)>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .current_dir(self.folder.path());
        if let Some((access, secret)) = credentials {
            command.env("AWS_ACCESS_KEY_ID", access).env("AWS_SECRET_ACCESS_KEY", secret);
        }
        command
    }

    /// Puts the file with s5cmd under a new bucket and gets it back.
    pub(crate) fn there_and_back_with_s5cmd(&self, test: &str, url: &str, credentials: Option<(&str, &str)>) {
        let Some(s5cmd) = or_skip(test, program(Program::S5cmd)) else { return };
        for arguments in [
            &["mb", "s3://bucket"][..],
            &["cp", "sent", "s3://bucket/a/object"],
            &["cp", "s3://bucket/a/object", "got"],
        ] {
            run(self.command(&s5cmd, credentials).args(["--endpoint-url", url]).args(arguments));
        }
        self.assert_same();
    }
}

/// Its standard output; panics with all that it said if it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
