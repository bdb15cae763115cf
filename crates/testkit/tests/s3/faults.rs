//! Each fault looks to a client as it is described, and strikes when it is to.

use std::io::ErrorKind;

use welkin_testkit::s3::{Attributes, Fault, Operation, Rule, S3Options, S3Server, When};

use crate::client::{ask, send};

const LEN: usize = 300_000;

fn server() -> S3Server {
    let server = S3Server::start(S3Options::default().bucket("pail")).unwrap();
    let bytes: Vec<u8> = (0..LEN).map(|at| (at * 7) as u8).collect();
    assert!(server.put("pail", "k", bytes, Attributes::default()));
    server
}

fn get(server: &S3Server) -> (u16, String) {
    let answer = ask(server, "GET", "/pail/k", &[], b"");
    (answer.status, answer.tag("Code"))
}

#[test]
fn refusals_strike_by_count() {
    let server = server();
    let slow = server.inject(Rule::new(Fault::SlowDown { retry_after_s: 2 }).when(When::Every(3)));
    assert_eq!([1, 2, 3, 4, 5, 6].map(|_| get(&server).0), [200, 200, 503, 200, 200, 503]);
    assert_eq!(server.heal(slow), 2);
    server.inject(Rule::new(Fault::TooManyRequests { retry_after_s: 2 }).when(When::Nth(1)));
    let answer = ask(&server, "GET", "/pail/k", &[], b"");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("2")));
    server.inject(Rule::new(Fault::InternalError).times(1));
    assert_eq!(get(&server), (500, "InternalError".to_owned()));
    server.inject(Rule::new(Fault::ExpiredToken).when(When::From(2)));
    assert_eq!([1, 2, 3].map(|_| get(&server).0), [200, 403, 403]);
    server.heal_all();
    assert_eq!(get(&server).0, 200);
}

#[test]
fn an_error_inside_200_changes_nothing() {
    let server = server();
    server.inject(Rule::new(Fault::ErrorInside200));
    for headers in [&[][..], &[("x-amz-copy-source", "pail/k")]] {
        let answer = ask(&server, "PUT", "/pail/new", headers, b"");
        assert_eq!((answer.status, answer.tag("Code").as_str()), (200, "InternalError"));
    }
    assert_eq!(server.objects("pail").len(), 1);
}

#[test]
fn a_lost_answer_took_effect() {
    let server = server();
    server.inject(Rule::new(Fault::LostAnswer).only(&[Operation::PutObject]));
    assert!(send(&server, "PUT", "/pail/new", &[], b"abc").is_err());
    assert_eq!(server.bytes("pail", "new").unwrap(), &b"abc"[..]);
}

#[test]
fn bodies_end_early() {
    let server = server();
    server.inject(Rule::new(Fault::ShortBody { missing: 17 }).times(1));
    let short = ask(&server, "GET", "/pail/k", &[], b"");
    assert_eq!((short.header("content-length"), short.body.len()), (Some("300000"), LEN - 17));
    assert_eq!(short.broken, Some(ErrorKind::UnexpectedEof));
    server.inject(Rule::new(Fault::CutBody { after: 1_000 }).times(1));
    match send(&server, "GET", "/pail/k", &[], b"") {
        Ok(cut) => {
            assert!(cut.body.len() <= 1_000 && cut.broken == Some(ErrorKind::ConnectionReset), "{cut:?}")
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert_eq!(get(&server).0, 200);
}

#[test]
fn one_bit_turns_over_on_the_way_or_at_rest() {
    let server = server();
    let right = server.bytes("pail", "k").unwrap();
    let differing = |bytes: &[u8]| -> Vec<usize> { (0..LEN).filter(|at| bytes[*at] != right[*at]).collect() };
    let sent = server.inject(Rule::new(Fault::FlipSent { bit: 8 * 200_001 + 2 }));
    let body = ask(&server, "GET", "/pail/k", &[], b"").body;
    assert_eq!((differing(&body), body[200_001] ^ right[200_001]), (vec![200_001], 4));
    server.heal(sent);
    assert!(differing(&ask(&server, "GET", "/pail/k", &[], b"").body).is_empty());
    server.inject(Rule::new(Fault::FlipStored { bit: 8 * 5 }));
    ask(&server, "PUT", "/pail/k", &[], &right);
    assert_eq!(differing(&server.bytes("pail", "k").unwrap()), [5]);
}

#[test]
fn an_object_is_replaced_between_two_ranges() {
    let server = server();
    server.inject(Rule::new(Fault::Replace).when(When::Nth(2)).per_key());
    let etag = ask(&server, "HEAD", "/pail/k", &[], b"").header("etag").unwrap().to_owned();
    let range = || ask(&server, "GET", "/pail/k", &[("range", "bytes=0-9"), ("if-match", &etag)], b"").status;
    assert_eq!([1, 2, 3].map(|_| range()), [206, 206, 412]);
}

#[test]
fn a_listing_lags() {
    let server = server();
    let keys = || ask(&server, "GET", "/pail?list-type=2", &[], b"").text().matches("<Key>").count();
    let lag = server.inject(Rule::new(Fault::ListLag { requests: 2 }));
    ask(&server, "PUT", "/pail/new", &[], b"");
    assert_eq!([1, 2, 3].map(|_| keys()), [1, 2, 2]);
    ask(&server, "DELETE", "/pail/new", &[], b"");
    assert_eq!([1, 2, 3].map(|_| keys()), [2, 1, 1]);
    server.heal(lag);
    assert_eq!(keys(), 1);
}

#[test]
fn a_drip_is_slow_and_whole() {
    let server = server();
    // 300,000 bytes in drips of 60,000: the first at once, four more after 20 ms each.
    server.inject(Rule::new(Fault::Drip { bytes_per_s: 3_000_000 }));
    let start = std::time::Instant::now();
    assert_eq!(ask(&server, "GET", "/pail/k", &[], b"").body.len(), LEN);
    assert!(start.elapsed().as_millis() >= 80);
}
