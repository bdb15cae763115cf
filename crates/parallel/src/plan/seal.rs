//! Plan files as bytes, with a digest of what they say; read again only for the model they were made for.

use super::wire::{PLAN_SCHEMA, PlanFile};
use serde::{Deserialize, Serialize};

/// The largest plan file: some hundred bytes for each tensor and operation of the largest model.
pub const MOST_PLAN_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    schema: String,
    digest: String,
    plan: PlanFile,
}

/// Why a plan file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is no JSON, cut short, or has other keys.
    #[error("the file is not a parallel plan")]
    Json(#[source] serde_json::Error),
    /// Another version wrote it, or it is another file.
    #[error("the file says it is `{0}`; this version reads `{PLAN_SCHEMA}`")]
    Schema(String),
    /// Somebody edited it.
    #[error("the plan was changed after it was made: its digest is another")]
    Digest,
    /// The model changed.
    #[error("the plan was made for a model with digest {planned}; this one has {given}")]
    Model {
        /// The plan's.
        planned: String,
        /// The model's.
        given: String,
    },
    /// Its digest is right, and what it says cannot be.
    #[error("the plan cannot be: {0}")]
    Wrong(String),
    /// It is too large.
    #[error("the file has {0} bytes; a plan has at most {MOST_PLAN_BYTES}")]
    TooLarge(u64),
}

impl PlanFile {
    /// The bytes of a plan file.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let sealed = Sealed { schema: PLAN_SCHEMA.to_owned(), digest: self.digest(), plan: self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&sealed).expect("a plan can be written");
        bytes.push(b'\n');
        bytes
    }

    /// Reads a plan file, for the model with this digest.
    ///
    /// # Errors
    /// When it is no plan, was changed, cannot be, or was made for another model.
    pub fn read(bytes: &[u8], model_digest: &str) -> Result<Self, PlanFileError> {
        if bytes.len() as u64 > MOST_PLAN_BYTES {
            return Err(PlanFileError::TooLarge(bytes.len() as u64));
        }
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(PlanFileError::Json)?;
        if head.schema != PLAN_SCHEMA {
            return Err(PlanFileError::Schema(head.schema.chars().take(60).collect()));
        }
        let sealed: Sealed = serde_json::from_slice(bytes).map_err(PlanFileError::Json)?;
        if sealed.digest != sealed.plan.digest() {
            return Err(PlanFileError::Digest);
        }
        if let Some(what) = sealed.plan.wrong() {
            return Err(PlanFileError::Wrong(what));
        }
        if sealed.plan.model.digest != model_digest {
            let short = |digest: &str| digest.chars().take(16).collect();
            let planned = short(&sealed.plan.model.digest);
            return Err(PlanFileError::Model { planned, given: short(model_digest) });
        }
        Ok(sealed.plan)
    }

    fn digest(&self) -> String {
        let bytes = serde_json::to_vec(self).expect("a plan can be written");
        blake3::hash(&bytes).to_hex().to_string()
    }
}
