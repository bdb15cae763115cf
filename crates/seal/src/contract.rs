//! Contracts: what may run, on which data, for whom, and until when, signed by everybody whose data it is.
//!
//! Nothing runs by program text that arrives somehow: a contract names the digest of the query or program, the snapshots of the
//! inputs, the measurements of the engine, and those who get the result. Its digest is what evidence is bound to.
//!
//! A contract is judged against what is known when it is to run ([`Situation`]); each refusal has a code of its own.

mod budget;
mod file;
mod manifest;
mod revocation;
mod verify;

#[cfg(test)]
mod tests;

pub use file::{Contract, ContractError, SignError};
pub use manifest::{
    Bounds, Code, CodeKind, Engine, Input, Manifest, ManifestError, Noise, Privacy, Recipient, Signer,
};
pub use revocation::Revocation;
pub use verify::{Agreed, Refusal, Situation};
