//! How a server is started.

use std::net::{IpAddr, Ipv4Addr};

use super::fault::Rule;
use super::synthetic::Synthetic;

/// What a bucket does with what is put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BucketKind {
    /// Keeps it in memory.
    #[default]
    Memory,
    /// Keeps size, ETag and CRC-64 and throws the bytes away; reading them fails with
    /// `InvalidObjectState`.
    Discard,
    /// Takes nothing; its objects are made on the fly.
    Synthetic(Synthetic),
}

/// A new server: on loopback, any free port, one thread, no bucket, no fault.
#[derive(Clone, Debug)]
pub struct S3Options {
    pub(super) ip: IpAddr,
    pub(super) port: u16,
    pub(super) credentials: Option<(String, String)>,
    pub(super) buckets: Vec<(String, BucketKind)>,
    pub(super) rules: Vec<Rule>,
    pub(super) threads: usize,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            credentials: None,
            buckets: Vec::new(),
            rules: Vec::new(),
            threads: 1,
        }
    }
}

impl S3Options {
    /// Listens here instead of on loopback.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    /// Listens on this port; 0 takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Verifies signatures (version 4) with this pair and refuses unsigned requests. Without a pair
    /// nothing is verified, and signatures are taken off before the request is looked at.
    #[must_use]
    pub fn credentials(mut self, access_key: &str, secret_key: &str) -> Self {
        self.credentials = Some((access_key.to_owned(), secret_key.to_owned()));
        self
    }

    /// A bucket that keeps its objects.
    #[must_use]
    pub fn bucket(self, name: &str) -> Self {
        self.bucket_of(name, BucketKind::Memory)
    }

    /// A bucket of this kind.
    #[must_use]
    pub fn bucket_of(mut self, name: &str, kind: BucketKind) -> Self {
        self.buckets.push((name.to_owned(), kind));
        self
    }

    /// A rule from the first request on.
    #[must_use]
    pub fn fault(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// So many threads; connections go to them in turn. With one, requests have one order.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }
}
