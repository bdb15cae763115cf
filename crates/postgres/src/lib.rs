//! Records of runs in PostgreSQL, for several brokers at once: see [`Postgres`], which is a
//! [`welkin_records::Records`] and a [`welkin_records::Peers`].
//!
//! `schema` has the tables and the numbered steps that lead to them, `change` says what each change is in SQL, `commit`
//! makes writes, `look` answers questions, `peers` knows which broker has which run, `ear` hears what others have written.
//! `address` reads where the database is, `link` keeps connections to it, `tls` is how they are kept secret.

mod address;
mod change;
mod commit;
mod ear;
mod link;
mod look;
mod peers;
mod projects;
mod schema;
mod store;
mod text;
mod tls;

pub use address::{Address, AddressError};
pub use store::{Options, Postgres};
