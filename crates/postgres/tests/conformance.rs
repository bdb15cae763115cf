//! PostgreSQL promises what every store of records does.

mod bed;

use bed::{database, open, server};
use welkin_postgres::Postgres;

/// An empty store.
fn fresh() -> Option<(Postgres, ())> {
    server().map(|server| (open(&database(server)), ()))
}

welkin_records::conformance!(match fresh() {
    Some(made) => made,
    None => return,
});
