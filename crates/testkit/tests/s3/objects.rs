//! What a client puts is what it gets, and the limits of S3 hold.

use std::fmt::Write as _;

use welkin_testkit::s3::{BucketKind, Operation, S3Options, S3Server, Synthetic};

use crate::client::{Answer, ask};

const PART: usize = 5 << 20;

fn server() -> S3Server {
    let many = Synthetic { objects: 1_000_000, bytes: 100_000, seed: 3 };
    let options = S3Options::default()
        .bucket("bucket")
        .bucket_of("drain", BucketKind::Discard)
        .bucket_of("many", BucketKind::Synthetic(many));
    S3Server::start(options).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

#[test]
fn an_object_keeps_its_bytes_and_what_was_said_about_it() {
    let server = server();
    let body = bytes(300_000);
    let said = [
        ("content-type", "text/x-odd"),
        ("cache-control", "no-store"),
        ("content-disposition", "attachment"),
        ("content-encoding", "aws-chunked,gzip"),
        ("content-language", "cy"),
        ("x-amz-meta-colour", "green"),
    ];
    let put = ask(&server, "PUT", "/bucket/a/%C3%A9%20+", &said, &body);
    assert_eq!(put.status, 200, "{put:?}");
    let get = ask(&server, "GET", "/bucket/a/%C3%A9%20+", &[("x-amz-checksum-mode", "ENABLED")], b"");
    assert_eq!((get.status, get.body == body), (200, true));
    for (name, value) in said {
        let expected = if name == "content-encoding" { "gzip" } else { value };
        assert_eq!(get.header(name), Some(expected));
    }
    assert_eq!(get.header("etag"), put.header("etag"));
    assert!(get.header("x-amz-checksum-crc64nvme").is_some());
    let [object] = &server.objects("bucket")[..] else { panic!() };
    assert_eq!((object.key.as_str(), object.size), ("a/é +", 300_000));
    assert_eq!(object.blake3, Some(blake3::hash(&body)));
    assert_eq!(object.attributes.metadata["colour"], "green");
    assert_eq!(server.bytes("bucket", "a/é +").unwrap(), body);
    let counts = server.counts();
    assert_eq!((counts.of(Operation::PutObject), counts.of(Operation::GetObject)), (1, 1));
    assert!(counts.bytes_in > 300_000 && counts.bytes_out > 300_000);
}

#[test]
fn ranges_and_conditions() {
    let server = server();
    let body = bytes(70_000);
    let etag = ask(&server, "PUT", "/bucket/k", &[], &body).header("etag").unwrap().to_owned();
    let get = |headers: &[(&str, &str)]| ask(&server, "GET", "/bucket/k", headers, b"");
    let part = get(&[("range", "bytes=10000-69998"), ("if-match", &etag)]);
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 10000-69998/70000")));
    assert_eq!(part.body, body[10_000..69_999]);
    assert_eq!(get(&[("range", "bytes=-5")]).body, body[69_995..]);
    assert_eq!(get(&[("range", "bytes=70000-")]).status, 416);
    assert_eq!(get(&[("if-match", "\"other\"")]).status, 412);
    assert_eq!(get(&[("if-none-match", &etag)]).status, 304);
    assert_eq!(ask(&server, "GET", "/bucket/none", &[], b"").tag("Code"), "NoSuchKey");
    assert_eq!(ask(&server, "GET", "/nobody/none", &[], b"").tag("Code"), "NoSuchBucket");
    let once = ask(&server, "PUT", "/bucket/k", &[("if-none-match", "*")], b"");
    assert_eq!((once.status, once.tag("Code").as_str()), (412, "PreconditionFailed"));
    let long = format!("/bucket/{}", "k".repeat(1_025));
    assert_eq!(ask(&server, "PUT", &long, &[], b"").tag("Code"), "KeyTooLongError");
    assert!(server.replace("bucket", "k"));
    assert_eq!(get(&[("if-match", &etag)]).status, 412);
}

#[test]
fn a_wrong_checksum_is_refused() {
    let server = server();
    // The check values of both algorithms are over these nine digits.
    for (name, right) in [
        ("x-amz-checksum-crc32c", "4waSgw=="),
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
        ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
    ] {
        let put = ask(&server, "PUT", "/bucket/k", &[(name, right)], b"123456789");
        assert_eq!(put.status, 200, "{name}: {put:?}");
        let put = ask(&server, "PUT", "/bucket/k", &[(name, right)], b"123456780");
        assert_eq!((put.status, put.tag("Code").as_str()), (400, "BadDigest"), "{name}");
    }
    assert_eq!(server.bytes("bucket", "k").unwrap(), &b"123456789"[..]);
}

fn upload(server: &S3Server, path: &str, parts: &[&[u8]], first: usize) -> (String, String) {
    let id = ask(server, "POST", &format!("{path}?uploads"), &[], b"").tag("UploadId");
    let mut xml = "<CompleteMultipartUpload>".to_owned();
    for (number, part) in (first..).zip(parts) {
        let put = ask(server, "PUT", &format!("{path}?partNumber={number}&uploadId={id}"), &[], part);
        assert_eq!(put.status, 200, "{put:?}");
        let etag = put.header("etag").unwrap();
        write!(xml, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>").unwrap();
    }
    (format!("{path}?uploadId={id}"), xml + "</CompleteMultipartUpload>")
}

fn complete(server: &S3Server, upload: &(String, String)) -> Answer {
    ask(server, "POST", &upload.0, &[], upload.1.as_bytes())
}

#[test]
fn parts_become_one_object() {
    let server = server();
    let whole = bytes(2 * PART + 10);
    let parts: Vec<&[u8]> = whole.chunks(PART).collect();
    let open = upload(&server, "/bucket/big", &parts, 3);
    let [listed] = &server.open_uploads()[..] else { panic!() };
    assert_eq!((listed.parts, listed.bytes), (3, whole.len() as u64));
    let parts = ask(&server, "GET", &open.0, &[("range", "")], b"");
    assert_eq!(parts.text().matches("<PartNumber>").count(), 3);
    assert_eq!(ask(&server, "GET", "/bucket?uploads", &[], b"").tag("Key"), "big");
    let done = complete(&server, &open);
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(done.tag("ETag").trim_matches('"').rsplit('-').next(), Some("3"));
    assert!(server.bytes("bucket", "big").unwrap() == whole);
    // The combined CRC is that of the whole.
    ask(&server, "PUT", "/bucket/same", &[], &whole);
    let [a, b] = &server.objects("bucket")[..] else { panic!() };
    assert_eq!((a.crc64nvme, a.blake3), (b.crc64nvme, b.blake3));
    assert_eq!(complete(&server, &open).tag("Code"), "NoSuchUpload");
    assert!(server.open_uploads().is_empty());
}

#[test]
fn the_limits_of_uploads_hold() {
    let server = server();
    let small = upload(&server, "/bucket/k", &[&[0; PART - 1], b"x"], 1);
    assert_eq!(complete(&server, &small).tag("Code"), "EntityTooSmall");
    let id = small.0.split_once('=').unwrap().1;
    for number in [0, 10_001] {
        let put = ask(&server, "PUT", &format!("/bucket/k?partNumber={number}&uploadId={id}"), &[], b"x");
        assert_eq!(put.tag("Code"), "InvalidArgument");
    }
    let unknown = small.1.replace("<ETag>", "<ETag>x");
    assert_eq!(complete(&server, &(small.0.clone(), unknown)).tag("Code"), "InvalidPart");
    assert_eq!(ask(&server, "DELETE", &small.0, &[], b"").status, 204);
    assert!(server.open_uploads().is_empty());
}

#[test]
fn copies_and_deletes() {
    let server = server();
    ask(&server, "PUT", "/bucket/a", &[("content-type", "text/plain")], b"abc");
    let copy = ask(&server, "PUT", "/bucket/b", &[("x-amz-copy-source", "/bucket/a")], b"");
    assert_eq!(copy.status, 200, "{copy:?}");
    let head = ask(&server, "HEAD", "/bucket/b", &[], b"");
    assert_eq!((head.header("content-length"), head.header("content-type")), (Some("3"), Some("text/plain")));
    let delete = b"<Delete><Object><Key>a</Key></Object><Object><Key>none</Key></Object></Delete>";
    assert_eq!(ask(&server, "POST", "/bucket?delete", &[], delete).text().matches("<Deleted>").count(), 2);
    assert_eq!(ask(&server, "DELETE", "/bucket/b", &[], b"").status, 204);
    assert!(server.objects("bucket").is_empty());
}

#[test]
fn a_million_objects_list_and_read_without_being_there() {
    let server = server();
    let first = ask(&server, "GET", "/many?list-type=2", &[], b"");
    assert_eq!(first.text().matches("<Key>").count(), 1_000);
    let token = first.tag("NextContinuationToken");
    let next =
        ask(&server, "GET", &format!("/many?list-type=2&max-keys=1&continuation-token={token}"), &[], b"");
    assert_eq!(next.tag("Key"), "d0000001/o000");
    let folders =
        ask(&server, "GET", "/many?list-type=2&delimiter=/&start-after=d0000997&encoding-type=url", &[], b"");
    assert_eq!(folders.text().matches("<CommonPrefixes>").count(), 3);
    let whole = ask(&server, "GET", "/many/d0000007/o007", &[], b"").body;
    let range = ask(&server, "GET", "/many/d0000007/o007", &[("range", "bytes=99000-99999")], b"").body;
    assert!(whole.len() == 100_000 && whole[99_000..] == range);
    assert_eq!(ask(&server, "PUT", "/many/k", &[], b"").status, 403);
}

#[test]
fn a_draining_bucket_remembers_checksums() {
    let server = server();
    ask(&server, "PUT", "/drain/k", &[], b"123456789");
    let [object] = &server.objects("drain")[..] else { panic!() };
    assert_eq!((object.size, object.blake3, object.crc64nvme), (9, None, 0xae8b_1486_0a79_9888));
    assert_eq!(ask(&server, "GET", "/drain/k", &[], b"").tag("Code"), "InvalidObjectState");
}
