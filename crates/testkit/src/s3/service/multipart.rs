//! Multipart uploads.
//!
//! Completing an upload a second time fails with `NoSuchUpload`, as an answer that got lost makes it:
//! a client has to look whether its object is there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::bodies::{Incoming, strong, sums, tell_sum};
use super::listing::{encoded, limit};
use super::reading::copied;
use super::writing::{attributes, condition};
use crate::s3::checksum::{Claims, Summing, Sums};
use crate::s3::content::{Content, RopeBuilder};
use crate::s3::object::Attributes;
use crate::s3::store::Store;
use crate::s3::uploads::{MAX_PARTS, Named};

pub(super) async fn create(
    store: &Arc<Store>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let mut input = request.input;
    let attributes = attributes!(input);
    let id = store.start_upload(&input.bucket, &input.key, attributes)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn put_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let input = request.input;
    let place = (input.bucket.as_str(), input.key.as_str());
    check_number(input.part_number)?;
    let keep = store.accepts(place.0, place.1)?;
    store.lock().upload(&input.upload_id, place)?;
    let incoming =
        Incoming { body: input.body, headers: request.headers, trailers: request.trailing_headers, keep };
    let body = incoming.read().await?;
    let part = store.put_part(&input.upload_id, place, input.part_number, body)?;
    let mut output = UploadPartOutput { e_tag: strong(&part.etag), ..UploadPartOutput::default() };
    tell_sum!(output, part.sums.told(&part.content));
    Ok(output)
}

pub(super) async fn copy_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    let input = request.input;
    let place = (input.bucket.as_str(), input.key.as_str());
    check_number(input.part_number)?;
    let keep = store.accepts(place.0, place.1)?;
    let (wanted, unwanted) = (input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
    let source = copied(store, &input.copy_source, wanted, unwanted)?;
    let range = copy_range(input.copy_source_range.as_deref(), source.len())?;
    let mut rope = RopeBuilder::default();
    let pieces = source.content.pieces(range.clone());
    pieces.ok_or_else(|| s3_error!(InvalidObjectState))?.for_each(|piece| rope.push(piece));
    let content = Content::Held(rope.finish());
    let sums = Sums::of(&content);
    let content = if keep { content } else { Content::Dropped(range.end - range.start) };
    let part = store.put_part(&input.upload_id, place, input.part_number, (content, sums))?;
    let mut result = CopyPartResult {
        e_tag: strong(&part.etag),
        last_modified: Some(part.modified.into()),
        ..CopyPartResult::default()
    };
    tell_sum!(result, part.sums.told(&part.content));
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
}

pub(super) async fn complete(
    store: &Arc<Store>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let named: Vec<_> = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .unwrap_or_default()
        .into_iter()
        .map(|part| Named {
            number: part.part_number.unwrap_or_default(),
            etag: part.e_tag.map(ETag::into_value),
        })
        .collect();
    let place = (input.bucket.as_str(), input.key.as_str());
    let claims = Claims { sums: sums(&request.headers), md5: None };
    let expected = input.mpu_object_size;
    let object = store.complete(&input.upload_id, place, &named, &condition, |content, sums| {
        if expected.is_some_and(|expected| expected as u64 != content.len()) {
            return Err(s3_error!(InvalidRequest, "x-amz-mp-object-size is not the sum of the parts"));
        }
        check_whole(content, sums, claims)
    })?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        e_tag: strong(&object.etag),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        ..CompleteMultipartUploadOutput::default()
    };
    tell_sum!(output, object.sums.told(&object.content));
    Ok(output)
}

/// Compares checksums of the whole object; those of its parts' checksums end in `-N` and are passed by.
fn check_whole(content: &Content, known: &Sums, mut claims: Claims) -> S3Result<()> {
    let crc64 = known.told(content);
    claims.sums.retain(|claim| !claim.1.contains('-') && *claim != crc64);
    let Some(pieces) = content.pieces(0..content.len()).filter(|_| !claims.sums.is_empty()) else {
        return Ok(());
    };
    let mut summing = Summing::new(claims.sums.iter().map(|(algorithm, _)| *algorithm), false);
    pieces.for_each(|piece| summing.update(&piece));
    summing.finish(&claims).map(|_| ())
}

pub(super) async fn abort(
    store: &Arc<Store>,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let mut state = store.lock();
    state.upload(&input.upload_id, (&input.bucket, &input.key))?;
    state.uploads.remove(&input.upload_id);
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(
    store: &Arc<Store>,
    request: S3Request<ListPartsInput>,
) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let limit = limit(input.max_parts)?;
    let mut state = store.lock();
    let upload = state.upload(&input.upload_id, (&input.bucket, &input.key))?;
    let marker = input.part_number_marker.unwrap_or_default();
    let mut following = upload.parts.range(marker.saturating_add(1)..);
    let parts: Vec<_> = following
        .by_ref()
        .take(limit)
        .map(|(number, part)| {
            let mut listed = Part {
                e_tag: strong(&part.etag),
                last_modified: Some(part.modified.into()),
                part_number: Some(*number),
                size: Some(part.content.len() as i64),
                ..Part::default()
            };
            tell_sum!(listed, part.sums.told(&part.content));
            listed
        })
        .collect();
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(limit as i32),
        part_number_marker: Some(marker),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        is_truncated: Some(following.next().is_some()),
        parts: Some(parts),
        ..ListPartsOutput::default()
    })
}

pub(super) async fn list(
    store: &Arc<Store>,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let limit = limit(input.max_uploads)?;
    let url = input.encoding_type.is_some();
    let prefix = input.prefix.clone().unwrap_or_default();
    let marker = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone());
    let mut state = store.lock();
    state.bucket(&input.bucket)?;
    let mut open: Vec<_> = state
        .uploads
        .iter()
        .filter(|(_, upload)| upload.bucket == input.bucket && upload.key.starts_with(&prefix))
        .filter(|(id, upload)| match &marker.1 {
            Some(after) => (&upload.key, *id) > (&marker.0, after),
            None => upload.key > marker.0,
        })
        .collect();
    open.sort_by(|a, b| (&a.1.key, a.0).cmp(&(&b.1.key, b.0)));
    let is_truncated = open.len() > limit;
    open.truncate(limit);
    let last = open.last().filter(|_| is_truncated);
    Ok(ListMultipartUploadsOutput {
        next_key_marker: last.map(|(_, upload)| encoded(&upload.key, url)),
        next_upload_id_marker: last.map(|(id, _)| (*id).clone()),
        uploads: Some(
            open.iter()
                .map(|(id, upload)| MultipartUpload {
                    key: Some(encoded(&upload.key, url)),
                    upload_id: Some((*id).clone()),
                    initiated: Some(upload.started.into()),
                    ..MultipartUpload::default()
                })
                .collect(),
        ),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: Some(limit as i32),
        is_truncated: Some(is_truncated),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}

fn check_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "part numbers go from 1 to {MAX_PARTS}"))
}

/// `bytes=FIRST-LAST`, both given and both inside, as S3 wants it here.
fn copy_range(text: Option<&str>, len: u64) -> S3Result<Range<u64>> {
    let Some(text) = text else { return Ok(0..len) };
    let bounds = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let bounds = bounds.and_then(|(first, last)| Some((first.parse().ok()?, last.parse::<u64>().ok()?)));
    match bounds {
        Some((first, last)) if first <= last && last < len => Ok(first..last + 1),
        _ => Err(s3_error!(InvalidArgument, "x-amz-copy-source-range must lie within the source")),
    }
}
