//! The programs that an oracle drives.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where they are.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) welkin: PathBuf,
    /// Starts servers.
    pub(super) testkit: PathBuf,
    pub(super) rclone: PathBuf,
}

impl Binaries {
    /// Builds those of the workspace, and looks for rclone among the stand-ins. Where `alone`, a program that
    /// was named needs nothing beside it.
    pub(super) fn find(welkin: Option<PathBuf>, alone: bool) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        if !(alone && welkin.is_some()) {
            build(&root)?;
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let stand_ins =
            std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
        let welkin = welkin.unwrap_or_else(|| target.join("debug/welkin"));
        let welkin = welkin.canonicalize().with_context(|| format!("no program at {}", welkin.display()))?;
        Ok(Self {
            welkin,
            testkit: target.join("debug/welkin-testkit"),
            rclone: stand_ins.join("bin/rclone"),
        })
    }
}

/// All binaries at once: a part of the workspace alone would be built with other features again.
fn build(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
        .status()
        .context("starting `cargo build`")?;
    ensure!(status.success(), "`cargo build --workspace --bins` failed");
    Ok(())
}
