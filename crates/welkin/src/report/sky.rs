//! Failures of the library as the command line tells them: each has a code, and some have a hint.

use super::{Code, Fault};
use welkin_sky::SkyError;
use welkin_store::{Failure, FailureKind};
use welkin_transfer::engine::EngineError;

/// What is told of a failure.
pub(super) fn fault(error: &SkyError) -> Option<Fault> {
    let fault = Fault::new(code(error)?, error.to_string());
    Some(match error {
        SkyError::Job(diagnostics) => fault.verbatim().details(diagnostics),
        SkyError::Plan { .. } => fault.hint("make it again with `welkin plan FILE --save PLAN.json`"),
        SkyError::NoMachines { .. } => {
            fault.hint("`max_nodes` allows more of them, and `resources` says which they may be")
        }
        SkyError::Place { hint: Some(hint), .. } | SkyError::Credentials { hint: Some(hint), .. } => {
            fault.hint(hint)
        }
        SkyError::Overlap(EngineError::Overlapping { way, .. }) => fault.hint(overlap_hint(way)),
        SkyError::Store(failure) if is_stranger(failure) => fault.hint(
            "`welkin gateway id` says who this machine is; `welkin gateway serve --allow` and that fingerprint let it in, \
             `--allow-relay` a relay",
        ),
        SkyError::NoWay { .. } => fault.hint("add --via, or leave --no-direct away"),
        SkyError::SameTransfer { .. } => fault.hint("`welkin transfers` shows how far it is"),
        SkyError::NoHosts { files: [first, at_home], .. } => fault.hint(format!(
            "name them in {} or {}, such as `lab: {{hosts: [HOST]}}`",
            first.display(),
            at_home.display()
        )),
        _ => fault,
    })
}

fn code(error: &SkyError) -> Option<Code> {
    Some(match error {
        SkyError::Read { .. } | SkyError::Write { .. } | SkyError::TooLong { .. } => Code::File,
        SkyError::ConfigRead { .. } | SkyError::Config { .. } | SkyError::NoHosts { .. } => Code::Config,
        SkyError::Hosts { .. } | SkyError::Clouds { .. } => Code::Emulator,
        SkyError::Job(_) => Code::Job,
        SkyError::Contract { .. } => Code::SealContract,
        SkyError::Model { .. } => Code::ParallelModel,
        SkyError::NoMachines { .. } | SkyError::NoSplit { .. } => Code::ParallelInfeasible,
        SkyError::NoPlan { .. } => Code::Infeasible,
        SkyError::Plan { .. } => Code::PlanFile,
        SkyError::Place { .. } => Code::DataPlace,
        SkyError::Credentials { .. } => Code::Config,
        SkyError::NoWay { .. } => Code::Usage,
        SkyError::Overlap(_) => Code::Overlap,
        SkyError::Store(failure) => store(failure),
        SkyError::Identity { .. } => Code::File,
        SkyError::NoTransfer { .. } | SkyError::Transfers { .. } => Code::NoSuchTransfer,
        SkyError::SameTransfer { .. } | SkyError::Transfer { .. } => Code::Transfer,
        SkyError::Key { .. } | SkyError::Records(_) | SkyError::Broker(_) => Code::Store,
        _ => return None,
    })
}

/// How the folder that both ends have is left out.
fn overlap_hint(way: &str) -> String {
    match way {
        "" => "name another source or target".to_owned(),
        way => format!("name another source or target, or leave the folder out: --exclude '/{way}**'"),
    }
}

/// Whether a gateway, or a relay on the way there, does not let this machine in.
fn is_stranger(failure: &Failure) -> bool {
    failure.kind == FailureKind::Credentials && failure.operation == "reach the gateway"
}

/// The code of what a store or a gateway said.
pub(crate) const fn store(failure: &Failure) -> Code {
    match failure.kind {
        FailureKind::Credentials | FailureKind::Forbidden => Code::Credentials,
        FailureKind::Full => Code::Full,
        FailureKind::NotFound => Code::File,
        FailureKind::Throttled | FailureKind::Transient => Code::Unreached,
        _ => Code::Transfer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    /// It was 1, as of what no other code describes, so that whoever repeats what a network broke did not repeat it.
    #[test]
    fn a_store_that_goes_on_failing_has_the_exit_code_of_the_network() {
        let exit = |kind| store(&Failure::new(kind, "list s3://b/", "nothing came")).exit();
        assert_eq!([FailureKind::Transient, FailureKind::Throttled].map(exit), [Exit::Network; 2]);
        assert_eq!([FailureKind::Corrupt, FailureKind::Changed].map(exit), [Exit::Failure; 2]);
    }
}
