//! Connections to a server that shows a certificate, which the test has made: what is encrypted, and what is refused.

#![expect(clippy::print_stdout, reason = "a test that did not run says so")]

mod bed;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use welkin_postgres::{Address, Options, Postgres};
use welkin_testkit::stand_ins::{self, Ending, Postgres as Server};

/// Who vouches for servers.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a wrong name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let made = params.self_signed(&key).expect("it can be signed");
        Self { certificate: pem("CERTIFICATE", made.der()), issuer: Issuer::new(params, key) }
    }

    /// A certificate for a server of this name, and its key.
    fn vouch(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        let made = params.signed_by(&key, &self.issuer).expect("it can be signed");
        (pem("CERTIFICATE", made.der()), pem("PRIVATE KEY", key.serialized_der()))
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

/// A server that shows a certificate for `name`, takes nobody who does not encrypt, and the authority's own certificate as a
/// file.
fn server(authority: &Authority, name: &str) -> Option<(Server, PathBuf)> {
    let mut server = match stand_ins::postgres() {
        Ok(server) => server,
        Err(why) => {
            println!("{why}");
            return None;
        }
    };
    let (certificate, key) = authority.vouch(name);
    let (certificate, key) = (server.file("server.crt", &certificate), server.file("server.key", &key));
    let only = server.file("hba", "local all all trust\nhostssl all all 127.0.0.1/32 trust\n");
    for (setting, path) in [("ssl_cert_file", certificate), ("ssl_key_file", key), ("hba_file", only)] {
        server.set(&format!("{setting}={}", path.display()));
    }
    server.set("ssl=on");
    server.end(Ending::Fast);
    server.start();
    let roots = server.file("authority.crt", &authority.certificate);
    Some((server, roots))
}

fn address(server: &Server, host: &str, rest: &str) -> Address {
    let text = format!("postgres://welkin@{host}:{}/welkin?{rest}", server.port());
    Address::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What keeps a store from being opened.
fn refusal(address: Address) -> String {
    let waited = Arc::new(Mutex::new(String::new()));
    let tell = {
        let waited = Arc::clone(&waited);
        move |words: &str| *waited.lock().expect("nobody panics") = words.to_owned()
    };
    let opened = Postgres::open(Options { address, tell: Arc::new(tell) });
    let words = opened.err().map(|error| error.chain()).expect("it cannot be opened");
    assert_eq!(*waited.lock().expect("nobody panics"), "", "what no time mends is not waited for");
    words
}

#[test]
fn a_server_whose_certificate_is_vouched_for_is_spoken_to_in_secret() {
    let authority = Authority::new("ours");
    let Some((server, roots)) = server(&authority, "localhost") else { return };
    let ours = format!("sslmode=verify-full&sslrootcert={}", roots.display());
    let store = Postgres::open(Options::new(address(&server, "localhost", &ours)));
    let store = store.unwrap_or_else(|error| panic!("{}", error.chain()));
    let seen = "SELECT count(*) > 0 AND bool_and(ssl AND version = 'TLSv1.3')
        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'welkin'";
    assert_eq!(server.sql("welkin", seen), "t", "{}", server.log());
    assert_eq!(server.sql("welkin", "SELECT count(*) FROM welkin.version"), "1");
    drop(store);
    // `prefer` encrypts where the server can, and still believes no certificate that nobody vouches for.
    let preferred = format!("sslmode=prefer&sslrootcert={}", roots.display());
    assert!(Postgres::open(Options::new(address(&server, "localhost", &preferred))).is_ok());
}

#[test]
fn a_certificate_of_another_name_or_of_nobody_we_know_is_refused() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let Some((server, roots)) = server(&authority, "db.example") else { return };
    let ours = format!("sslmode=require&sslrootcert={}", roots.display());
    let words = refusal(address(&server, "localhost", &ours));
    assert!(words.contains("certificate not valid for name"), "{words}");
    let stranger = server.file("other.crt", &other.certificate);
    let theirs = format!("sslmode=require&sslrootcert={}", stranger.display());
    let words = refusal(address(&server, "localhost", &theirs));
    assert!(words.contains("UnknownIssuer"), "{words}");
    // Those that everybody trusts vouch for no certificate of our own.
    let words = refusal(address(&server, "localhost", "sslmode=require"));
    assert!(words.contains("UnknownIssuer"), "{words}");
    let empty = server.file("empty.crt", "no certificate\n");
    let none = format!("sslmode=require&sslrootcert={}", empty.display());
    let words = refusal(address(&server, "localhost", &none));
    assert!(words.contains("there is no certificate in it"), "{words}");
}

#[test]
fn nobody_speaks_in_the_open_to_a_server_that_wants_secrecy_or_in_secret_to_one_that_cannot() {
    let Some((server, _)) = server(&Authority::new("ours"), "localhost") else { return };
    let words = refusal(address(&server, "localhost", "sslmode=disable"));
    assert!(words.contains("no encryption"), "{words}");
    let Some(open) = bed::server() else { return };
    drop(bed::open(&bed::database(open)));
    let words = refusal(address(open, "localhost", "sslmode=require"));
    assert!(words.contains("does not support TLS"), "{words}");
}
