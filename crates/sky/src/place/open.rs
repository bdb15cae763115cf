//! From a place to the endpoint behind it.

use super::parse::{Place, Root};
use super::{PlaceOptions, peers, stores};
use crate::error::SkyError;
use crate::sky::Sky;
use std::sync::Arc;
use welkin_gateway::Agent;
use welkin_store::{Endpoint, Under};
use welkin_stores::Local;

/// A place that is open, and its key. The endpoint is had only together with a word on what becomes of the key: the
/// whole bucket is not what somebody named who named a folder in it.
#[must_use]
pub struct Opened {
    endpoint: Arc<dyn Endpoint>,
    key: String,
}

impl Opened {
    /// What is below the key, and nothing else.
    ///
    /// # Errors
    /// [`SkyError::Store`] for a key that is not one of a folder.
    pub fn below(self) -> Result<Arc<dyn Endpoint>, SkyError> {
        Under::folder(self.endpoint, &self.key).map_err(SkyError::Store)
    }

    /// All of it, and the key in it.
    #[must_use]
    pub fn apart(self) -> (Arc<dyn Endpoint>, String) {
        (self.endpoint, self.key)
    }
}

impl Place {
    /// The endpoint behind it, and the key that is left to say what of it is meant. For files, the folder is what
    /// `root` says, and no key is left.
    ///
    /// # Errors
    /// [`SkyError::Place`], [`SkyError::Credentials`] and what stores and gateways say.
    pub async fn open(&self, sky: &Sky, options: &PlaceOptions) -> Result<Opened, SkyError> {
        let endpoint: Arc<dyn Endpoint> = match &self.root {
            Root::Local(path) => Local::with_links(path, options.fsync, options.links),
            Root::Gateway { .. } | Root::Ssh { .. } => self.agent(sky, options).await?,
            Root::Bucket { service, bucket } => stores::open(service, bucket, sky)?,
            Root::Stdio => {
                return Err(SkyError::place("`-` is not a place that holds objects"));
            }
        };
        Ok(Opened { endpoint, key: self.key.clone() })
    }

    /// The gateway that it is behind.
    ///
    /// # Errors
    /// [`SkyError::Place`] where there is none, and what it says.
    pub async fn agent(&self, sky: &Sky, options: &PlaceOptions) -> Result<Arc<Agent>, SkyError> {
        match &self.root {
            Root::Gateway { host, plain } => peers::gateway(host, *plain, options, sky).await,
            Root::Ssh { host, folder } => peers::ssh(host, folder, options, sky).await,
            _ => {
                let hint = "gateways are welkin://…, welkin+plain://HOST:PORT and ssh://HOST/PATH";
                let message = format!("`{}` is behind no gateway", self.text);
                Err(SkyError::Place { message, hint: Some(hint.to_owned()) })
            }
        }
    }
}
