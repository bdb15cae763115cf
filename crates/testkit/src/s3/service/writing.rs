//! Putting, copying and deleting.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::bodies::{Incoming, strong, tell_sum};
use super::reading::copied;
use crate::s3::bucket::Bucket;
use crate::s3::checksum::Sums;
use crate::s3::object::Attributes;
use crate::s3::options::BucketKind;
use crate::s3::store::{Condition, Store};
use crate::s3::uploads::MAX_PUT_BYTES;

/// One `DeleteObjects` names at most so many keys.
const MAX_DELETES: usize = 1_000;

/// What a request says about an object, whichever of the operations it is.
macro_rules! attributes {
    ($input:expr) => {
        Attributes {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::s3::service::writing::own_encoding($input.content_encoding.take()),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            storage_class: $input.storage_class.take().map(|class| class.as_str().to_owned()),
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
        }
    };
}
pub(super) use attributes;

pub(super) async fn put(store: &Arc<Store>, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let mut input = request.input;
    let keep = store.accepts(&input.bucket, &input.key)?;
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let attributes = attributes!(input);
    let incoming =
        Incoming { body: input.body, headers: request.headers, trailers: request.trailing_headers, keep };
    let body = incoming.read().await?;
    let object = store.put((&input.bucket, &input.key), body, attributes, &condition)?;
    let mut output = PutObjectOutput { e_tag: strong(&object.etag), ..PutObjectOutput::default() };
    tell_sum!(output, object.sums.told(&object.content));
    output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    Ok(output)
}

pub(super) async fn copy(
    store: &Arc<Store>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let mut input = request.input;
    let keep = store.accepts(&input.bucket, &input.key)?;
    let (wanted, unwanted) = (input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
    let source = copied(store, &input.copy_source, wanted, unwanted)?;
    if source.len() > MAX_PUT_BYTES {
        return Err(s3_error!(InvalidRequest, "larger than 5 GiB: copy it in parts"));
    }
    let replaces = input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
    let attributes = if replaces { attributes!(input) } else { source.attributes.clone() };
    let content =
        if keep { source.content.clone() } else { crate::s3::content::Content::Dropped(source.len()) };
    let sums = Sums::of(&source.content);
    let place = (input.bucket.as_str(), input.key.as_str());
    let object = store.put(place, (content, sums), attributes, &Condition::default())?;
    let mut result = CopyObjectResult {
        e_tag: strong(&object.etag),
        last_modified: Some(object.modified.into()),
        ..CopyObjectResult::default()
    };
    tell_sum!(result, object.sums.told(&object.content));
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
}

pub(super) async fn delete(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    store.delete(&request.input.bucket, &request.input.key)?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_many(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    if input.delete.objects.len() > MAX_DELETES {
        return Err(s3_error!(MalformedXML, "more than {MAX_DELETES} keys"));
    }
    let mut deleted = Vec::with_capacity(input.delete.objects.len());
    for object in input.delete.objects {
        store.delete(&input.bucket, &object.key)?;
        deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
    }
    let quiet = input.delete.quiet.unwrap_or_default();
    Ok(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), ..DeleteObjectsOutput::default() })
}

pub(super) async fn create_bucket(
    store: &Arc<Store>,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let name = request.input.bucket;
    let mut state = store.lock();
    if state.buckets.contains_key(&name) {
        return Err(s3_error!(BucketAlreadyOwnedByYou));
    }
    let location = Some(format!("/{name}"));
    state.buckets.insert(name, Bucket::new(&BucketKind::Memory));
    Ok(CreateBucketOutput { location })
}

pub(super) async fn delete_bucket(
    store: &Arc<Store>,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    let mut state = store.lock();
    if !state.bucket(&request.input.bucket)?.is_empty() {
        return Err(s3_error!(BucketNotEmpty));
    }
    state.buckets.remove(&request.input.bucket);
    Ok(DeleteBucketOutput::default())
}

/// Under which condition a put may happen; only what S3 allows.
pub(super) fn condition(wanted: Option<&IfMatch>, unwanted: Option<&IfNoneMatch>) -> S3Result<Condition> {
    if unwanted.is_some_and(|unwanted| !unwanted.is_any()) {
        return Err(s3_error!(NotImplemented, "If-None-Match takes `*` when something is put"));
    }
    let etag = wanted.and_then(ETagCondition::as_etag).map(|etag| etag.value().to_owned());
    Ok(Condition { absent: unwanted.is_some(), etag })
}

/// Without what only says how the request was sent.
pub(super) fn own_encoding(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let own: Vec<_> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    let own = own.join(",");
    (!own.is_empty()).then_some(own)
}
