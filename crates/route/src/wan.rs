//! The graph of regions that data can be sent through.
//!
//! * [`Grid`]: what was measured between pairs of sites, in a file format of its own that can be merged
//!   and printed, and read from the grids that Skyplane published.
//! * [`PriceGrid`]: a price per gigabyte for pairs, where somebody has one that is not the tariff's.
//! * [`Gateways`]: what a relay machine of a provider can do and costs, data with a date.
//! * [`Wan`]: all of it joined: sites, and links between each two.
//!
//! A grid that ships with the binary would be somebody's measurement of one day. What is built in is an
//! estimate instead ([`Wan::starter`]), from public figures by distance, and says so wherever it shows.

mod gateways;
mod graph;
mod grid;
mod import;
mod lines;
mod site;
mod starter;

pub use gateways::{Gateway, Gateways};
pub use graph::{Knowledge, Link, LinkPrice, Wan};
pub use grid::{Grid, Measured};
pub use import::{GridInput, PriceGrid, Quarantined, read_grid_files};
pub use site::{Site, SiteId, SiteName};
