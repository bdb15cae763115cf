//! Sealed work: who may see data, proven instead of promised.
//!
//! * [`Evidence`] is what hardware says of a workload; [`Evidence::verify`] checks it down to the manufacturer's root and
//!   gives [`Claims`], and a [`Policy`] judges those.
//! * [`Root`] has the keys of a party, [`Identity`] is what others know of it.
//! * A [`Contract`] says what may run, on what, for whom; whether it holds depends on a [`Situation`], and what becomes of it
//!   goes into a log that can only grow ([`Tree`], [`Head`]).
//! * A [`Group`] is several engines that run one contract together, and talk to each other in frames ([`FrameSealer`]).
//! * A [`Snapshot`] says which files are a version of a data set, [`DataKeys`] are the keys of their columns, and [`Admitted`] is
//!   the one way by which they get to an engine.
//!
//! The crate is a function of its arguments: bytes, a time, random numbers that are passed in. Cryptography is ring's, apart
//! from X25519 with keys that last, which ring does not offer.
//!
//! *Rejected:* the manufacturers' crates. They bring parsers of their own each, and one of them passes over bytes of the
//! signed body that it does not know.

mod aead;
mod binding;
mod bytes;
mod canonical;
mod cbor;
mod contract;
mod data;
mod evidence;
mod frames;
mod group;
mod hex;
mod hpke;
mod keys;
mod log;
mod message;
mod name;
mod policy;
mod receipt;
mod release;
mod secret;
mod x509;

pub use binding::Binding;
pub use bytes::Short;
pub use canonical::FileError;
pub use contract::{
    Agreed, Bounds, Code, CodeKind, Contract, ContractError, Engine, Input, Manifest, ManifestError, Noise,
    Privacy, Recipient, Refusal, Revocation, SignError, Signer, Situation,
};
pub use data::{
    Column, DataKeys, DataKeysError, FOOTER, Kek, Snapshot, SnapshotError, SnapshotFile, aad_prefix,
    open_whole, seal_whole,
};
pub use evidence::{
    Claims, Collateral, Evidence, EvidenceError, GuestError, Kind, MetadataRequest, Paravisor, ReadError,
    Tcb, TpmError, Transmit,
};
pub use frames::{FRAME_BYTES, FRAME_ROOM, Frame, FrameOpener, FrameSealer};
pub use group::{Group, GroupError, Place};
pub use hex::{Hex, HexBytes, from_hex, to_hex};
pub use keys::{Identity, IdentityError, Keeper, KeeperError, KeyError, KeyFile, Protection, Root};
pub use log::{
    Consistency, Entry, Event, Head, HeadError, Inclusion, LogError, ProofFileError, Tree, read_log,
};
pub use message::{Gathered, Message, Ran, Run};
pub use name::{Name, NameError};
pub use policy::{Check, Expected, Outcome, Policy, PolicyError, Verdict};
pub use receipt::{Receipt, ReceiptError};
pub use release::{Admitted, Attested, Challenge, EngineKey, Peer, ReleaseError, Released};
pub use secret::{NoRandomness, Secret};
pub use x509::{CertificateError, ChainError, Link, PemError};
