//! What the program under test says that it can do with links.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::generate::Abilities;

/// From its help: older programs are judged by what they offer.
pub(super) fn abilities(welkin: &Path) -> Result<Abilities> {
    let help = Command::new(welkin).args(["sync", "--help"]).output()?;
    let text = String::from_utf8_lossy(&help.stdout);
    Ok(Abilities { links: text.contains("--copy-links") && text.contains("--links") })
}
