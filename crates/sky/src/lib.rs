//! Welkin as a library: one folder of state, and everything that can be done with it.
//!
//! [`Sky`] is the façade. It opens what it is asked for and nothing else: the catalog of offers, planning
//! over it, records of runs, a broker that drives them, stores and transfers. The command line is one program over it; a server
//! or a binding for another language is another.
//!
//! ```
//! use welkin_sky::{JobText, Sky, SkyOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let sky = Sky::open(SkyOptions::new(folder.path()))?;
//! let text = "resources: {infra: aws, cpus: 4+, memory: 16+}\nrun: python train.py\n";
//! let loaded = sky.read_job(&JobText::new("train.yaml", text.as_bytes()))?;
//! let plan = sky.plan(&loaded.job)?.plan;
//! let choice = &plan.tasks[0].choice;
//! assert_eq!(choice.place.provider, "aws");
//! assert!(plan.cost > welkin_units::Usd::ZERO);
//! # Ok(())
//! # }
//! ```
//!
//! Data moves between folders, buckets and gateways by the same engine that runs use:
//!
//! ```
//! use welkin_sky::{Sky, SkyOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (from, to) = (folder.path().join("from"), folder.path().join("to"));
//! # std::fs::create_dir_all(from.join("deep"))?;
//! # std::fs::write(from.join("deep/file"), "content")?;
//! # let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
//! let sky = Sky::open(SkyOptions::new(folder.path().join("home")))?;
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! // Either may be `s3://bucket/key` or `welkin://host:port/key` as well.
//! let outcome = runtime.block_on(sky.copy(&from, &to))?;
//! assert_eq!((outcome.counts.copied_objects, outcome.counts.failed_objects), (1, 0));
//! assert_eq!(sky.transfers().all()?.len(), 1);
//! # assert_eq!(std::fs::read(folder.path().join("to/deep/file"))?, b"content");
//! # Ok(())
//! # }
//! ```
//!
//! *Guarantee:* what is done depends on [`SkyOptions`] and the files below its folder. No variable of the
//! environment is read, nothing is printed, and no process is ended. Errors are [`SkyError`]s, which name
//! files and tasks and say nothing of any command.
//!
//! *Rejected:* one more layer of traits over the crates beneath: what a [`Sky`] opens are their own types,
//! documented there.

mod catalog;
mod error;
mod folders;
mod hosts;
mod job;
mod options;
mod place;
mod planning;
mod private;
mod reach;
mod running;
mod sky;
mod transfers;

pub use catalog::{Content, ListOrigin, PriceList, PriceLists};
pub use error::SkyError;
pub use folders::Folders;
pub use hosts::{Found, Hosts};
pub use job::{JobText, Loaded};
pub use options::{Config, PeerSettings, SkyOptions, Variables};
pub use place::{Hearer, Opened, Place, PlaceOptions, Root, Service, Site, identity};
pub use planning::{HOSTS_TRIED, Month, Planner, anchor, cheapest_machines, read_plan, write_plan};
pub use private::{make_private, replace};
pub use reach::{costs_money, is_emulated, nature, placements};
pub use running::{Opening, Shared, bill, now, pricing, stores};
pub use sky::Sky;
pub use transfers::{Aimed, Begun, Same, TransferRecord, TransferState, Transfers, split_file};
