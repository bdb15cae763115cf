//! SoftHSM: a PKCS#11 module whose tokens are files, in a folder of their own for whoever asks.

use super::program::missing;
use crate::did_not_run::DidNotRun;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Where Debian, Fedora and Homebrew put the module.
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// Tokens that are gone when this is dropped.
#[derive(Debug)]
pub struct SoftHsm {
    module: &'static Path,
    folder: TempDir,
}

/// A module without a token.
pub fn softhsm() -> Result<SoftHsm, DidNotRun> {
    let module = MODULES.into_iter().map(Path::new).find(|module| module.exists());
    let module = module.ok_or_else(|| missing("softhsm2"))?;
    let made = || -> io::Result<SoftHsm> {
        let hsm = SoftHsm { module, folder: tempfile::Builder::new().prefix("welkin-hsm-").tempdir()? };
        let tokens = hsm.folder.path().join("tokens");
        fs::create_dir(&tokens)?;
        let config = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        fs::write(hsm.config(), config)?;
        Ok(hsm)
    };
    Ok(made().expect("tokens have a folder"))
}

impl SoftHsm {
    /// The module.
    pub fn module(&self) -> &'static Path {
        self.module
    }

    /// What `SOFTHSM2_CONF` has to be for whoever loads the module.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    /// Makes a token.
    pub fn token(&self, label: &str, pin: &str) {
        self.tool(&["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321"]);
    }

    /// Its own tool, which must do what it is told.
    pub fn tool(&self, args: &[&str]) -> Output {
        let output = Command::new("softhsm2-util").args(args).env("SOFTHSM2_CONF", self.config()).output();
        let output = output.expect("softhsm2-util comes with the module");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}
