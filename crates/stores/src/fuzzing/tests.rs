//! Sound examples, mutated: a little of what the targets do, with every run of the suite.

use super::*;
use proptest::prelude::*;
use welkin_mutate::{mutations, seed};

const RESPONSE: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
    Content-Range: bytes 0-6/7\r\n\r\n4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\nSum: 1\r\n\r\n";
const S3: &str = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
    <NextContinuationToken>t</NextContinuationToken><Contents><Key>a%20b</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>\
    <LastModified>2015-10-21T07:28:00.000Z</LastModified></Contents></ListBucketResult>";
const AZURE: &str = "<EnumerationResults><Blobs><Blob><Name Encoded=\"true\">d%EF%BF%BF</Name><Properties>\
    <Last-Modified>Wed, 21 Oct 2015 07:28:00 GMT</Last-Modified><Content-Length>5</Content-Length></Properties>\
    </Blob></Blobs><NextMarker>m</NextMarker></EnumerationResults>";
const GCS: &str = r#"{"items":[{"name":"a \u00e9","size":"5","generation":"1","updated":"2015-10-21T07:28:00Z"}],
    "nextPageToken":"t"}"#;
const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

type Check<E> = (fn(&[u8]), E);

fn checks() -> Vec<Check<Vec<u8>>> {
    let texts: [Check<&str>; 5] = [(http, RESPONSE), (s3, S3), (azure, AZURE), (gcs, GCS), (dates, DATE)];
    texts.into_iter().map(|(check, text)| (check, text.as_bytes().to_vec())).collect()
}

#[test]
fn sound_examples_hold() {
    for (check, example) in checks() {
        check(&example);
        (0..example.len()).for_each(|end| check(&example[..end]));
        seed(&example);
    }
}

/// Whether the line was refused depended on whether all of it came at once.
#[test]
fn a_line_between_chunks_has_one_bound_in_whatever_pieces() {
    for length in [250, 253, 254, 255, 256, 300, 5000] {
        let extension = "x".repeat(length);
        let response =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;{extension}\r\nabc\r\n0\r\n\r\n");
        http(response.as_bytes());
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in checks() {
            check(&mutation.of(&example));
        }
    }
}
