//! A broker that runs apart from the commands that use it.
//!
//! * [`Served`]: a broker, the runs it drives, and whoever watches;
//! * [`Socket`]: where it listens, for its own user alone;
//! * [`Team`]: a door for members from elsewhere, each with a [`Role`];
//! * [`SignIns`]: how people become such by an identity provider;
//! * [`serve`]: answers until it is told to end, or nobody has needed it for a while.
//!
//! *How it works.* Each run that is not over is driven by a task of its own; one that could not go on (a full disk, a
//! provider out of reach) is taken up again after a pause. Whatever happens is on record before anybody is told, and
//! telling is only a wake: each follower reads the records from where it stopped. So no follower misses or sees
//! twice, however slow it is, and none costs memory that grows.
//!
//! *Guarantee:* a run that was acknowledged is on record and driven, though whoever asked hung up; asked for twice
//! under one key, it is one run. Ending at any moment is as safe as `kill -9`: the next broker goes on.
//!
//! *Rejected:* queues of events for each follower (a slow one grows or loses), and a thread for each run.

mod access;
mod activity;
mod asked;
mod audit;
mod bodies;
#[cfg(feature = "document")]
mod document;
mod driver;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod guests;
mod hub;
mod listed;
mod logins;
mod members;
mod plans;
mod problem;
mod roster;
mod routes;
mod rows;
mod scope;
mod serve;
mod served;
mod sign_in;
mod socket;
mod time;
mod tokens;
mod turn;
mod versions;
mod watch;

pub use access::Access;
#[cfg(feature = "document")]
pub use document::document;
pub use guests::Guests;
pub use hub::Hub;
pub use logins::{LoginLine, Logins, Rights, Rules, State};
pub use members::{Member, Members, MembersError, Role};
pub use roster::{By, Caller, Roster};
pub use serve::{End, Team, serve};
pub use served::{About, Figure, Served};
pub use sign_in::SignIns;
pub use socket::Socket;
pub use tokens::{TokenLine, TokenOf, Tokens};
