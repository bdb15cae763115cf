//! The catalog: what can be had, where, at what price.
//!
//! Price lists go in, a [`Catalog`] comes out that a plan can scan in a fraction of a millisecond:
//!
//! ```text
//! bytes of a price list ─▶ import ─▶ rows ─┐
//! the crate's own data ──▶ starter ─▶ rows ┴▶ merge ─▶ CatalogBuilder ─▶ bytes ─▶ Catalog ─▶ select
//!                     └──▶ tables: places, TEE, accelerator names, for both
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`Catalog`], [`CatalogBuilder`] | the columnar store: opened in place, checked once |
//! | [`Filter`], [`Selection`] | conditions, and how many offers each of them removed |
//! | [`import`] | SkyPilot's CSV catalogs; what cannot be trusted is quarantined with its reason |
//! | [`tables`] | regions, trusted execution environments, accelerator names |
//! | [`starter`] | list prices that ship with the crate |
//! | [`Merge`], [`check`] | which source speaks for a provider; what each source brought |
//!
//! *Guarantee:* pure functions of bytes: no file, network, clock or environment is touched, and no
//! input panics. Equal sets of offers give equal bytes and an equal digest.
//!
//! ```
//! use welkin_catalog::{AcceleratorFilter, AlignedBytes, Amount, Catalog, Filter, Market, starter};
//!
//! let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
//! let catalog = Catalog::open(bytes.as_bytes())?;
//! let filter = Filter {
//!     region: Some("us-*".to_owned()),
//!     accelerator: Some(AcceleratorFilter {
//!         name: "A100".to_owned(),
//!         count: Some(Amount::at_least(8_000)),
//!     }),
//!     ..Filter::default()
//! };
//! let mut ids = catalog.select(&filter).ids;
//! catalog.sort_by_price(&mut ids, Market::OnDemand);
//! let cheapest = catalog.offer(ids[0]);
//! assert!(cheapest.accelerator.is_some_and(|gpus| gpus.count_milli >= 8_000));
//! # Ok::<(), welkin_catalog::OpenError>(())
//! ```

pub mod check;
mod glob;
pub mod import;
mod lines;
mod merge;
mod model;
mod naming;
mod query;
mod row;
pub mod starter;
mod store;
pub mod tables;

pub use glob::Glob;
pub use merge::Merge;
pub use model::*;
pub use naming::hardware;
pub use query::{
    AcceleratorFilter, Amount, COUNT_TOLERANCE_MILLI, Condition, Filter, Market, Names, Selection, nearest,
};
pub use row::{Row, RowAccelerator, RowDevice, RowPlace, RowSource, Text};
pub use store::{
    AlignedBytes, BuildError, Catalog, CatalogBuilder, Columns, NOT_OFFERED, OpenError, SCHEMA_VERSION,
    Strings, flags,
};
