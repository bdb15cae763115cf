//! What a provider has that no price list tells: hosts and clusters say it themselves.

use crate::error::ProviderError;
use crate::lease::MachineSpec;
use crate::port::Location;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use welkin_units::Usd;

/// A kind of machine that can be had, as its owner tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Where.
    pub location: Location,
    /// What one of them has.
    pub machine: MachineSpec,
    /// Instruction set, as Rust names it (`x86_64`, `aarch64`).
    pub arch: String,
    /// Price of one for an hour; 0 where nobody asks for money.
    pub hourly: Usd,
}

/// A provider that knows itself what it has.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// What can be had, whoever has it at the moment. What is out of reach is not in it.
    ///
    /// # Errors
    /// When nothing can be told at all.
    async fn stock(&self) -> Result<Vec<Stock>, ProviderError>;
}
