//! A server, and databases of their own for tests.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use welkin_postgres::{Address, Options, Postgres};
use welkin_testkit::stand_ins::{self, Postgres as Server};

/// One server for all tests of a file; it ends with the process.
#[expect(clippy::print_stdout, reason = "whoever runs the test reads why it did not run")]
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match stand_ins::postgres() {
        Ok(server) => Some(server),
        Err(why) => {
            println!("{why}");
            None
        }
    });
    server.as_ref()
}

/// An empty database on it.
pub(crate) fn database(server: &Server) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("d{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server.sql("postgres", &format!("CREATE DATABASE {name}"));
    format!("postgres://welkin@127.0.0.1:{}/{name}", server.port())
}

/// A broker's store.
pub(crate) fn open(url: &str) -> Postgres {
    let address = Address::parse(url).expect("it is an address");
    Postgres::open(Options::new(address)).unwrap_or_else(|error| panic!("{}", error.chain()))
}
