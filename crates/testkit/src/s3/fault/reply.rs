//! Error answers in S3's XML.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use s3s::Body;

/// An `<Error>` with this code.
fn error_text(code: &str, message: &str) -> Bytes {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>injected</RequestId></Error>"
    )
    .into()
}

/// The whole answer.
pub(in crate::s3) fn error_reply(
    status: StatusCode,
    code: &str,
    message: &str,
    retry_after_s: u32,
) -> Response<Body> {
    let mut reply = Response::new(Body::from(error_text(code, message)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if retry_after_s > 0 {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    }
    reply
}
