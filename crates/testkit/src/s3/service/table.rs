//! The operations that this server knows. What is not here is answered with `NotImplemented`.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::{listing, multipart, reading, writing};
use crate::s3::store::Store;

/// The store, as `s3s` wants to see it.
pub(in crate::s3) struct Service {
    pub(in crate::s3) store: Arc<Store>,
}

macro_rules! operations {
    ($($operation:ident: $input:ty => $output:ty, $answer:path;)+) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(async fn $operation(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $answer(&self.store, request).await.map(S3Response::new)
            })+
        }
    };
}

operations! {
    list_buckets: ListBucketsInput => ListBucketsOutput, listing::buckets;
    head_bucket: HeadBucketInput => HeadBucketOutput, listing::head_bucket;
    create_bucket: CreateBucketInput => CreateBucketOutput, writing::create_bucket;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput, writing::delete_bucket;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput, listing::location;
    list_objects: ListObjectsInput => ListObjectsOutput, listing::objects;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output, listing::objects_v2;
    head_object: HeadObjectInput => HeadObjectOutput, reading::head;
    get_object: GetObjectInput => GetObjectOutput, reading::get;
    put_object: PutObjectInput => PutObjectOutput, writing::put;
    delete_object: DeleteObjectInput => DeleteObjectOutput, writing::delete;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput, writing::delete_many;
    copy_object: CopyObjectInput => CopyObjectOutput, writing::copy;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput, multipart::create;
    upload_part: UploadPartInput => UploadPartOutput, multipart::put_part;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput, multipart::copy_part;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput, multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput, multipart::abort;
    list_parts: ListPartsInput => ListPartsOutput, multipart::list_parts;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput, multipart::list;
}
