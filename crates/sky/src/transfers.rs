//! Moving data between places, and what is on record of it.

mod aim;
mod copy;
mod ends;
mod name;
mod records;
mod same;

pub(crate) use aim::aim;
pub use aim::{Aimed, split_file};
pub(crate) use copy::complete;
pub use records::{Begun, TransferRecord, TransferState, Transfers};
pub use same::Same;
