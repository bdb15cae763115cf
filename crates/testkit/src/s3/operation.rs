//! Which S3 operation a request asks for, told from its method, path, query and headers.
//!
//! Faults and counters need the answer before the protocol layer has parsed anything.

use std::str::FromStr;

use hyper::Method;
use hyper::http::request::Parts;

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation of the S3 API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Operation {
            $(#[doc = concat!("S3's `", stringify!($name), "`.")] $name,)+
            /// Anything else; answered with 501.
            Other,
        }

        impl Operation {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+ Self::Other];

            /// The name in the S3 API.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::Other => "Other",
                }
            }
        }
    };
}

operations! {
    ListBuckets, HeadBucket, CreateBucket, DeleteBucket, GetBucketLocation, ListObjects, ListObjectsV2,
    HeadObject, GetObject, PutObject, DeleteObject, DeleteObjects, CopyObject, CreateMultipartUpload,
    UploadPart, UploadPartCopy, CompleteMultipartUpload, AbortMultipartUpload, ListParts,
    ListMultipartUploads,
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|operation| operation.name().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| format!("`{text}` is no operation of S3 that this server knows"))
    }
}

/// A request, as far as faults and counters look at it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) bucket: String,
    pub(super) key: String,
    /// The upload and part that it is about, as the client wrote them.
    pub(super) upload: Option<(String, i32)>,
}

impl Call {
    pub(super) fn of(request: &Parts) -> Self {
        let path = decoded(request.uri.path());
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = Query(request.uri.query().unwrap_or_default());
        let copies = request.headers.contains_key("x-amz-copy-source");
        let upload = query.value("uploadId").map(|id| {
            let part = query.value("partNumber").and_then(|part| part.parse().ok());
            (decoded(id), part.unwrap_or_default())
        });
        let operation = match (bucket.is_empty(), key.is_empty()) {
            (true, _) => of_service(&request.method),
            (false, true) => of_bucket(&request.method, query),
            (false, false) => of_object(&request.method, query, copies),
        };
        Self { operation, bucket: bucket.to_owned(), key: key.to_owned(), upload }
    }
}

fn of_service(method: &Method) -> Operation {
    if method == Method::GET { Operation::ListBuckets } else { Operation::Other }
}

fn of_bucket(method: &Method, query: Query<'_>) -> Operation {
    match *method {
        Method::HEAD => Operation::HeadBucket,
        Method::PUT => Operation::CreateBucket,
        Method::DELETE => Operation::DeleteBucket,
        Method::POST if query.has("delete") => Operation::DeleteObjects,
        Method::GET if query.has("uploads") => Operation::ListMultipartUploads,
        Method::GET if query.has("location") => Operation::GetBucketLocation,
        Method::GET if query.value("list-type") == Some("2") => Operation::ListObjectsV2,
        Method::GET => Operation::ListObjects,
        _ => Operation::Other,
    }
}

fn of_object(method: &Method, query: Query<'_>, copies: bool) -> Operation {
    let upload = query.has("uploadId");
    match *method {
        Method::HEAD => Operation::HeadObject,
        Method::GET if upload => Operation::ListParts,
        Method::GET => Operation::GetObject,
        Method::PUT if upload && copies => Operation::UploadPartCopy,
        Method::PUT if upload => Operation::UploadPart,
        Method::PUT if copies => Operation::CopyObject,
        Method::PUT => Operation::PutObject,
        Method::POST if query.has("uploads") => Operation::CreateMultipartUpload,
        Method::POST if upload => Operation::CompleteMultipartUpload,
        Method::DELETE if upload => Operation::AbortMultipartUpload,
        Method::DELETE => Operation::DeleteObject,
        _ => Operation::Other,
    }
}

#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn value(self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn has(self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

/// Percent-decoded, with U+FFFD for what is no UTF-8.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|byte| (*byte as char).to_digit(16));
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn call(method: &str, uri: &str, copies: bool) -> Call {
        let mut request = Request::builder().method(method).uri(uri);
        if copies {
            request = request.header("x-amz-copy-source", "a/b");
        }
        Call::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn requests_are_told_apart() {
        let table = [
            ("GET", "/", false, Operation::ListBuckets),
            ("GET", "/b?list-type=2&prefix=a", false, Operation::ListObjectsV2),
            ("GET", "/b/?uploads", false, Operation::ListMultipartUploads),
            ("POST", "/b?delete", false, Operation::DeleteObjects),
            ("GET", "/b/k/l", false, Operation::GetObject),
            ("PUT", "/b/k", true, Operation::CopyObject),
            ("PUT", "/b/k?partNumber=3&uploadId=u", false, Operation::UploadPart),
            ("POST", "/b/k?uploads=", false, Operation::CreateMultipartUpload),
            ("PATCH", "/b/k", false, Operation::Other),
        ];
        for (method, uri, copies, operation) in table {
            assert_eq!(call(method, uri, copies).operation, operation, "{method} {uri}");
        }
        let part = call("PUT", "/b/%C3%A9%20x?partNumber=3&uploadId=u", false);
        assert_eq!((part.key.as_str(), part.upload), ("é x", Some(("u".to_owned(), 3))));
        assert!(Operation::ALL.iter().all(|operation| operation.name().parse() == Ok(*operation)));
    }
}
