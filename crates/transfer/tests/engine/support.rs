//! A world of two buckets, a folder, and what moves between them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use welkin_store::Endpoint;
use welkin_stores::{Addressing, Checksums, Credentials, Local, S3, S3Options};
use welkin_testkit::s3::{Attributes, S3Options as ServerOptions, S3Server};
use welkin_transfer::engine::{
    Compare, EngineError, Limiter, Notice, Observer, Options, Outcome, Scope, Side, Stats, Transfer, run,
};
use welkin_transfer::journal::{Journal, JournalError, Resumed};

/// Two buckets of one server, a folder for files and one for the journal.
pub(crate) struct World {
    pub(crate) server: S3Server,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) stats: Mutex<Arc<Stats>>,
}

/// Hears everything.
#[derive(Default)]
pub(crate) struct Ears {
    pub(crate) failed: Mutex<BTreeMap<String, String>>,
    pub(crate) left_out: Mutex<Vec<String>>,
    pub(crate) copied: Mutex<BTreeMap<String, String>>,
}

impl Observer for Ears {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Failed { key, why } => {
                self.failed.lock().unwrap().insert((*key).to_owned(), (*why).to_owned());
            }
            Notice::LeftOut { key, .. } => self.left_out.lock().unwrap().push((*key).to_owned()),
            Notice::Copied(done) => {
                self.copied.lock().unwrap().insert(done.key.clone(), done.blake3.clone());
            }
            _ => {}
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let options = ServerOptions::default().bucket("source").bucket("target").credentials("key", "secret");
        Self {
            server: S3Server::start(options).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            stats: Mutex::default(),
        }
    }

    pub(crate) fn bucket(&self, name: &str) -> Arc<dyn Endpoint> {
        bucket_at(&self.server.url(), name, "secret")
    }

    pub(crate) fn local(&self, name: &str) -> Arc<dyn Endpoint> {
        Local::new(self.folder.path().join(name), false)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From one bucket to the other.
    pub(crate) fn transfer(&self) -> Transfer {
        between(self.bucket("source"), self.bucket("target"))
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        assert!(self.server.put("source", key, bytes.to_vec(), Attributes::default()));
    }

    /// Runs to the end, without a journal.
    pub(crate) async fn run(&self, transfer: Transfer) -> (Result<Outcome, EngineError>, Arc<Ears>) {
        self.run_with(transfer, None).await
    }

    pub(crate) async fn run_with(
        &self,
        transfer: Transfer,
        journal: Option<(Journal, Resumed)>,
    ) -> (Result<Outcome, EngineError>, Arc<Ears>) {
        let ears = Arc::new(Ears::default());
        let limiter = Arc::new(Limiter::new(transfer.options.rate));
        let hears = Arc::clone(&ears) as Arc<dyn Observer>;
        let stats = Arc::new(Stats::default());
        *self.stats.lock().unwrap() = Arc::clone(&stats);
        let result = run(transfer, journal, limiter, stats, hears, std::future::pending()).await;
        (result, ears)
    }

    /// Every object of a bucket with its hash.
    pub(crate) fn hashes(&self, bucket: &str) -> BTreeMap<String, String> {
        let objects = self.server.objects(bucket);
        objects.into_iter().map(|object| (object.key, object.blake3.unwrap().to_hex().to_string())).collect()
    }

    /// The journal, once the tasks of a transfer that was dropped have been dropped too.
    pub(crate) async fn journal(&self) -> (Journal, Resumed) {
        loop {
            match Journal::open(&self.path("journal"), "t", "w", 1) {
                Err(JournalError::InUse { .. }) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    }
}

pub(crate) fn bucket_at(url: &str, name: &str, secret: &str) -> Arc<dyn Endpoint> {
    let options = S3Options {
        bucket: name.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(url.to_owned()),
        credentials: Some(Credentials {
            access_key_id: "key".to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
        }),
        addressing: Addressing::Auto,
        checksums: Checksums::Crc64Nvme,
    };
    S3::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
}

pub(crate) fn between(source: Arc<dyn Endpoint>, target: Arc<dyn Endpoint>) -> Transfer {
    Transfer {
        source: Side::new(source, ""),
        target: Side::new(target, ""),
        scope: Scope::Tree,
        options: Options { compare: Compare::Always, attempts: 6, ..Options::default() },
    }
}

/// Bytes that are all different enough for a misplaced part to show.
pub(crate) fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    reader.fill(&mut bytes);
    bytes
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
