//! Writing objects: at once, and in parts.

use crate::http::Body;
use crate::s3::S3;
use crate::s3::answer::{self, CRC64, NAMING, encoded};
use crate::s3::errors::kind;
use crate::s3::request::{Checksums, Request};
use crate::web::{tag_of_parts, text, words, xml};
use std::fmt::Write as _;
use welkin_store::block::Block;
use welkin_store::{Endpoint as _, Failure, FailureKind, Metadata, Part, Upload};

impl S3 {
    pub(super) async fn put_object(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Block,
    ) -> Result<String, Failure> {
        let operation = self.operation("PUT", key);
        let request = self.with_crc(with_metadata(Request::new("PUT", key), metadata, &operation)?, block);
        let (tag, good) = self.put_body(&request, block, &operation).await?;
        if good {
            return Ok(tag);
        }
        let removed = match self.delete_object(key, Some(&tag)).await {
            Ok(()) => "it was removed".to_owned(),
            Err(failure) => format!("it is still there ({failure})"),
        };
        let message =
            format!("the object that the store made is not what was sent, by its checksum; {removed}");
        Err(Failure::new(FailureKind::Corrupt, operation, message))
    }

    pub(super) async fn create_upload(&self, key: &str, metadata: &Metadata) -> Result<Upload, Failure> {
        let operation = self.operation("begin the upload of", key);
        let mut request =
            with_metadata(Request::new("POST", key).query("uploads", ""), metadata, &operation)?;
        if self.options.checksums == Checksums::Crc64Nvme {
            request = request
                .header("x-amz-checksum-algorithm", "CRC64NVME")
                .header("x-amz-checksum-type", "FULL_OBJECT");
        }
        let body = self.words(&request, Body::Empty, &operation).await?;
        match xml::text_of(&body, "UploadId") {
            Some(id) if !id.is_empty() => Ok(Upload { key: key.to_owned(), id }),
            _ => Err(Failure::new(FailureKind::Invalid, operation, "the answer has no UploadId")),
        }
    }

    pub(super) async fn upload_part(
        &self,
        upload: &Upload,
        number: u32,
        block: &Block,
    ) -> Result<Part, Failure> {
        let operation = self.operation(&format!("PUT part {} of", u64::from(number) + 1), &upload.key);
        let request = Request::new("PUT", &upload.key)
            .query("partNumber", (u64::from(number) + 1).to_string())
            .query("uploadId", &upload.id);
        let (tag, good) = self.put_body(&self.with_crc(request, block), block, &operation).await?;
        if good {
            return Ok(Part { number, tag });
        }
        let message = "the part that the store has is not what was sent, by its checksum";
        Err(Failure::new(FailureKind::Corrupt, operation, message))
    }

    pub(super) async fn complete_upload(
        &self,
        upload: &Upload,
        parts: &[Part],
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("complete the upload of", &upload.key);
        let mut body = String::from("<CompleteMultipartUpload>");
        for part in parts {
            let tag = xml::escape(&part.tag);
            let _ = write!(
                body,
                "<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>",
                u64::from(part.number) + 1
            );
        }
        body.push_str("</CompleteMultipartUpload>");
        let request = Request::new("POST", &upload.key)
            .query("uploadId", &upload.id)
            .header("content-type", "application/xml");
        let answer = self.words(&request, Body::Text(body.as_bytes()), &operation).await?;
        // S3 begins its answer before it knows how the assembly ends: 200 may carry an error.
        if !xml::has(&answer, "CompleteMultipartUploadResult") {
            return Err(said_no(&answer, operation));
        }
        Ok(xml::text_of(&answer, "ETag"))
    }

    /// Removes an object; only of this version, if one is given and the store knows conditions.
    pub(super) async fn delete_object(&self, key: &str, version: Option<&str>) -> Result<(), Failure> {
        let operation = self.operation("DELETE", key);
        let mut request = Request::new("DELETE", key);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        let response = self.send(&request, Body::Empty, &operation).await?;
        let response = self.accept(response, &operation, &[200, 204, 404]).await?;
        text(response, &operation).await.map(drop)
    }

    fn with_crc<'a>(&self, request: Request<'a>, block: &Block) -> Request<'a> {
        match self.options.checksums {
            Checksums::Crc64Nvme => request.header(CRC64, encoded(block.crc64())),
            Checksums::Off => request,
        }
    }

    /// The ETag of what was made, and whether it is what was sent: by the sum that the store tells, which need not
    /// be the one it was sent.
    async fn put_body(
        &self,
        request: &Request<'_>,
        block: &Block,
        operation: &str,
    ) -> Result<(String, bool), Failure> {
        let response = self.send(request, Body::Block(block), operation).await?;
        let response = self.accept(response, operation, &[200]).await?;
        let tag = response.header("etag").map(str::to_owned);
        let told = answer::sum(&response).filter(|_| self.options.checksums == Checksums::Crc64Nvme);
        let answer = text(response, operation).await?;
        if xml::error(&answer).is_some() {
            return Err(said_no(&answer, operation.to_owned()));
        }
        let tag =
            tag.ok_or_else(|| Failure::new(FailureKind::Transient, operation, "the answer has no ETag"))?;
        Ok((tag, told.is_none_or(|told| told.is_of(block))))
    }

    /// The body of a successful answer.
    pub(super) async fn words(
        &self,
        request: &Request<'_>,
        body: Body<'_>,
        operation: &str,
    ) -> Result<Vec<u8>, Failure> {
        let response = self.send(request, body, operation).await?;
        text(self.accept(response, operation, &[200]).await?, operation).await
    }

    /// Whether an upload that is not there any more had become the object: the answer to an earlier
    /// call to complete it may have been lost. An older object may have as many parts, so only the ETag that these
    /// parts make is believed; where theirs are no MD5s nobody knows it.
    pub(super) async fn became(&self, upload: &Upload, parts: &[Part]) -> Result<Option<String>, Failure> {
        let Some(expected) = tag_of_parts(parts.iter().map(|part| part.tag.as_str())) else {
            return Ok(None);
        };
        let found = self.find(&upload.key).await?;
        let version = found.and_then(|found| found.listed.version);
        Ok(version.filter(|tag| tag.trim_matches('"') == expected))
    }
}

fn with_metadata<'a>(
    request: Request<'a>,
    metadata: &Metadata,
    operation: &str,
) -> Result<Request<'a>, Failure> {
    let headers = NAMING.headers(metadata, operation)?;
    Ok(headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
}

/// An error in the body of an answer that began with 200.
fn said_no(answer: &[u8], operation: String) -> Failure {
    match xml::error(answer) {
        Some((code, said)) => {
            // Without a status of its own, an unknown code is taken for a fault of the store.
            Failure::new(kind(500, &code), operation, words(&format!("200, but {code}: {said}")))
        }
        None => Failure::new(FailureKind::Transient, operation, "the answer is not what the call returns"),
    }
}
