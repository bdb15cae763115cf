//! What a round moves, from where to where, and what must hold in the end.

use crate::bed::Bed;
use crate::kill::Dice;
use crate::transfer_kill::{Behind, Served};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use welkin_testkit::s3::{Attributes, S3Options, S3Server};

const SMALL: u64 = 30;
const SMALL_BYTES: u64 = 64 << 10;
const LARGE: u64 = 2;
const LARGE_BYTES: u64 = 20 << 20;

/// About what the target takes in all.
pub(crate) const TOTAL_BYTES: u64 = LARGE * LARGE_BYTES;

/// About what the journal has in the end: a record of 250 bytes for each object and part.
pub(crate) const JOURNAL_BYTES: u64 = (SMALL + LARGE * 5) * 250;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The client, between two buckets.
    Buckets,
    /// The client, between two folders.
    Folders,
    /// The relay on the way to a gateway.
    Relay,
    /// The gateway, and at times the client with it.
    Destination,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Buckets, Self::Folders, Self::Relay, Self::Destination];
}

/// The ends of a transfer.
pub(crate) struct Scene {
    bed: Bed,
    role: Role,
    content: BTreeMap<String, blake3::Hash>,
    server: Option<S3Server>,
    gateway: Option<Served>,
    relay: Option<Served>,
    args: Vec<String>,
}

impl Scene {
    pub(crate) fn new(role: Role, dice: &mut Dice) -> Self {
        let mut scene = Self {
            bed: Bed::new(),
            role,
            content: BTreeMap::new(),
            server: None,
            gateway: None,
            relay: None,
            args: Vec::new(),
        };
        let mut words = vec!["cp".to_owned()];
        match role {
            Role::Buckets => {
                let server = S3Server::start(S3Options::default().bucket("from").bucket("there")).unwrap();
                let url = server.url();
                let store = format!(
                    "[stores.pail]\nendpoint = \"{url}\"\naccess-key-id = \"k\"\nsecret-access-key = \"s\"\n"
                );
                scene.bed.file("h/config.toml", &store);
                scene.server = Some(server);
                words.extend(["pail:from/tree", "pail:there/tree", "--part-size", "8M"].map(str::to_owned));
            }
            Role::Folders => words.extend(["tree", "there", "--part-size", "4M"].map(str::to_owned)),
            Role::Relay | Role::Destination => {
                let there = scene.target().display().to_string();
                let gateway = Served::start(&scene.bed, Behind::Folder(there));
                let place = format!("welkin+plain://{}/", gateway.address);
                words.extend(["tree".to_owned(), place, "--part-size".to_owned(), "4M".to_owned()]);
                scene.gateway = Some(gateway);
            }
        }
        if role == Role::Relay {
            let next = scene.gateway.as_ref().unwrap().address.clone();
            let relay = Served::start(&scene.bed, Behind::Hop(next));
            words.extend(["--via".to_owned(), relay.address.clone(), "--no-direct".to_owned()]);
            scene.relay = Some(relay);
        }
        scene.args = words;
        scene.fill(dice);
        scene
    }

    /// Makes the source: objects in folders, small ones of any length and some of many parts.
    fn fill(&mut self, dice: &mut Dice) {
        let large = (0..LARGE).map(|number| (format!("large-{number}"), LARGE_BYTES + dice.below(999)));
        let mut wanted: Vec<_> = large.collect();
        wanted.extend((0..SMALL).map(|number| {
            (format!("{}/small-{number}", number % 4), dice.below(SMALL_BYTES) * dice.below(4).min(1))
        }));
        for (name, length) in wanted {
            let mut bytes = vec![0; usize::try_from(length).unwrap()];
            blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
            self.content.insert(name.clone(), blake3::hash(&bytes));
            match &self.server {
                Some(server) => {
                    assert!(server.put("from", &format!("tree/{name}"), bytes, Attributes::default()));
                }
                None => {
                    let path = self.root().join("tree").join(&name);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, bytes).unwrap();
                }
            }
        }
    }

    fn root(&self) -> PathBuf {
        self.bed.home().parent().unwrap().to_owned()
    }

    fn target(&self) -> PathBuf {
        self.root().join("there")
    }

    /// The command that moves everything.
    pub(crate) fn command(&self) -> Command {
        self.bed.command(&self.args)
    }

    /// Kills whose turn it is, and says whether the client is to be killed.
    pub(crate) fn strike(&mut self, dice: &mut Dice) -> bool {
        let (bed, gateway, relay) = (&self.bed, &mut self.gateway, &mut self.relay);
        match self.role {
            Role::Buckets | Role::Folders => true,
            Role::Relay => {
                relay.as_mut().unwrap().kill_and_start(bed);
                false
            }
            Role::Destination => {
                gateway.as_mut().unwrap().kill_and_start(bed);
                dice.below(3) == 0
            }
        }
    }

    /// What the target has taken so far.
    pub(crate) fn target_bytes(&self) -> u64 {
        match &self.server {
            Some(server) => server.counts().bytes_in,
            // Files have their full length from the beginning, with holes.
            None => {
                files(&self.target())
                    .iter()
                    .filter_map(|path| Some(path.metadata().ok()?.blocks()))
                    .sum::<u64>()
                    * 512
            }
        }
    }

    /// The length of the journals.
    pub(crate) fn journal_bytes(&self) -> u64 {
        let journals = files(&self.bed.home().join("transfers"));
        let journals = journals.iter().filter(|path| path.ends_with("journal"));
        journals.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    }

    /// What must hold when the command has succeeded.
    pub(crate) fn check(&self, told: &str) {
        let collected = self.bed.json(&["transfers", "gc"]);
        assert_eq!(collected["failures"], serde_json::json!([]), "{told}");
        assert_eq!(self.arrived(), self.content, "{told}");
        if let Some(server) = &self.server {
            assert_eq!(server.open_uploads(), [], "{told}");
        }
        let listed = self.bed.json(&["transfers"]);
        let transfers = listed["transfers"].as_array().unwrap();
        for transfer in transfers {
            // One that was killed after its last record is done, and the next begins anew.
            assert_eq!(transfer["state"], "done", "{listed}\n{told}");
            assert_eq!(transfer["objects"], self.content.len(), "{listed}\n{told}");
            assert_eq!(transfer["open_uploads"], 0, "{listed}\n{told}");
        }
        let last = transfers.last().unwrap()["transfer"].as_str().unwrap();
        let verified = self.bed.json(&["verify", last]);
        assert_eq!(verified["good_objects"], self.content.len(), "{verified}\n{told}");
        assert_eq!(verified["faults"], serde_json::json!([]), "{told}");
    }

    /// Everything at the target, whatever it is called.
    fn arrived(&self) -> BTreeMap<String, blake3::Hash> {
        if let Some(server) = &self.server {
            let objects = server.objects("there").into_iter();
            return objects
                .map(|object| (object.key.trim_start_matches("tree/").to_owned(), object.blake3.unwrap()))
                .collect();
        }
        let target = self.target();
        let name = |path: &Path| path.strip_prefix(&target).unwrap().to_str().unwrap().to_owned();
        let hash = |path: &Path| blake3::hash(&fs::read(path).unwrap());
        files(&target).iter().map(|path| (name(path), hash(path))).collect()
    }
}

/// All files below a folder. What comes and goes meanwhile is left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => found.push(entry.path()),
                Err(_) => {}
            }
        }
    }
    found
}
