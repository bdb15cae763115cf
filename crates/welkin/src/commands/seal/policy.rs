//! Policies of parties: the file that is named, else the party's own in this home, `seal/policies/NAME.toml`.

use crate::app::App;
use crate::report::{Code, Fault};
use std::path::Path;
use welkin_seal::{Name, Policy};

/// The policy of a party. Without one nothing is accepted, so that there has to be one.
pub(in crate::commands) fn of(party: &Name, given: Option<&Path>, app: &App) -> anyhow::Result<Policy> {
    if let Some(path) = given {
        return read(path);
    }
    let path = app.settings.folders.seal().join("policies").join(format!("{party}.toml"));
    if path.exists() {
        return read(&path);
    }
    let what = format!("`{party}` has no policy that says which engines are good enough");
    let hint = format!("name one with --policy, or put it into {}", path.display());
    Err(Fault::new(Code::SealPolicy, what).hint(hint).into())
}

/// Reads a policy.
pub(super) fn read(path: &Path) -> anyhow::Result<Policy> {
    let fault = || Fault::new(Code::SealPolicy, format!("{} cannot be used as a policy", path.display()));
    let text =
        String::from_utf8(super::read(path)?).map_err(|error| anyhow::Error::new(error).context(fault()))?;
    Policy::read(&text).map_err(|error| anyhow::Error::new(error).context(fault()))
}
