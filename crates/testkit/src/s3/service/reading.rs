//! Reading objects: all of one, or a range, under conditions.

use std::ops::Range;
use std::sync::Arc;

use hyper::StatusCode;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

use super::bodies::{meets, outgoing, strong, tell_sum};
use crate::s3::object::Object;
use crate::s3::store::Store;

pub(super) async fn get(store: &Arc<Store>, request: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let input = request.input;
    let object = store.object(&input.bucket, &input.key)?;
    check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let len = object.len();
    let asked = input.range.as_ref().map(|range| range.check(len)).transpose()?;
    let Range { start, end } = asked.clone().unwrap_or(0..len);
    let pieces = object.content.pieces(start..end);
    let pieces = pieces.ok_or_else(|| s3_error!(InvalidObjectState, "the bytes were thrown away"))?;
    let head = described(&object);
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(outgoing(pieces, end - start)),
        cache_control: head.cache_control,
        content_disposition: head.content_disposition,
        content_encoding: head.content_encoding,
        content_language: head.content_language,
        content_length: Some((end - start) as i64),
        content_range: asked.is_some().then(|| format!("bytes {start}-{}/{len}", end - 1)),
        content_type: head.content_type,
        e_tag: head.e_tag,
        last_modified: head.last_modified,
        metadata: head.metadata,
        storage_class: head.storage_class,
        ..GetObjectOutput::default()
    };
    // Like S3, no checksum of the whole goes with a part of it.
    if wants_sum(input.checksum_mode.as_ref()) && end - start == len {
        tell_sum!(output, object.sums.told(&object.content));
        output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    }
    Ok(output)
}

pub(super) async fn head(
    store: &Arc<Store>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let object = store.object(&input.bucket, &input.key)?;
    check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let mut output = described(&object);
    if wants_sum(input.checksum_mode.as_ref()) {
        tell_sum!(output, object.sums.told(&object.content));
        output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    }
    Ok(output)
}

fn described(object: &Object) -> HeadObjectOutput {
    let said = object.attributes.clone();
    HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: said.cache_control,
        content_disposition: said.content_disposition,
        content_encoding: said.content_encoding,
        content_language: said.content_language,
        content_length: Some(object.len() as i64),
        content_type: Some(said.content_type.unwrap_or_else(|| "binary/octet-stream".to_owned())),
        e_tag: strong(&object.etag),
        last_modified: Some(object.modified.into()),
        metadata: Some(said.metadata.into_iter().collect()),
        storage_class: said.storage_class.map(StorageClass::from),
        ..HeadObjectOutput::default()
    }
}

fn check(object: &Object, wanted: Option<&IfMatch>, unwanted: Option<&IfNoneMatch>) -> S3Result<()> {
    if wanted.is_some_and(|condition| !meets(condition, &object.etag)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if unwanted.is_some_and(|condition| meets(condition, &object.etag)) {
        let mut error = S3Error::new(S3ErrorCode::NotModified);
        error.set_status_code(StatusCode::NOT_MODIFIED);
        return Err(error);
    }
    Ok(())
}

fn wants_sum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// The object that a copy reads, and under which conditions it may.
pub(super) fn copied(
    store: &Store,
    source: &CopySource,
    wanted: Option<&ETagCondition>,
    unwanted: Option<&ETagCondition>,
) -> S3Result<Arc<Object>> {
    let CopySource::Bucket { bucket, key, .. } = source else {
        return Err(s3_error!(NotImplemented, "copies come from a bucket and a key"));
    };
    let object = store.object(bucket, key)?;
    let refused = wanted.is_some_and(|condition| !meets(condition, &object.etag))
        || unwanted.is_some_and(|condition| meets(condition, &object.etag));
    if refused { Err(s3_error!(PreconditionFailed)) } else { Ok(object) }
}
