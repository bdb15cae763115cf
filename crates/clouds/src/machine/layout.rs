//! Where things lie on disk.
//!
//! ```text
//! <root>/                         lock for admission and addresses, over all clouds
//!   sockets/<hash of node>        short: a socket's path is best below 108 bytes
//!   <cloud>/
//!     faults.json                 what goes wrong on purpose (emulated clouds only)
//!     leases/<lease>/             not over; its lock is on this folder
//!       lease.json                the record
//!       node-<rank>/{home,agent.out,agent.err}
//!     ended/<lease>/              over: the record and the ends of the logs
//!     buckets/<region>/<owner>/   object stores
//! ```

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use welkin_provider::{LeaseId, Owner, Token};

/// Length of each of the two marks in a node's id, in hex digits.
const MARK: usize = 8;

/// Paths of one cloud.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    cloud: String,
}

impl Layout {
    pub(crate) fn new(root: &Path, cloud: &str) -> Self {
        Self { root: root.to_owned(), cloud: cloud.to_owned() }
    }

    /// The folder whose lock orders admissions.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn sockets(&self) -> PathBuf {
        self.root.join("sockets")
    }

    pub(crate) fn socket(&self, node: &str) -> PathBuf {
        self.sockets().join(&short_hash(node.as_bytes())[..12])
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(&self.cloud)
    }

    pub(crate) fn live(&self) -> PathBuf {
        self.folder().join("leases")
    }

    pub(crate) fn over(&self) -> PathBuf {
        self.folder().join("ended")
    }

    pub(crate) fn lease(&self, id: &LeaseId) -> PathBuf {
        self.live().join(&id.0)
    }

    pub(crate) fn ended(&self, id: &LeaseId) -> PathBuf {
        self.over().join(&id.0)
    }

    /// The present folder of a lease.
    pub(crate) fn find(&self, id: &LeaseId) -> Option<PathBuf> {
        // An id is only ever one path component, whatever a caller passes.
        is_component(&id.0).then_some(())?;
        [self.lease(id), self.ended(id)].into_iter().find(|folder| folder.exists())
    }

    pub(crate) fn node(lease: &Path, rank: u32) -> PathBuf {
        lease.join(format!("node-{rank}"))
    }

    pub(crate) fn bucket(&self, region: &str, owner: &Owner) -> PathBuf {
        self.folder().join("buckets").join(region).join(short_hash(owner.0.as_bytes()))
    }

    /// The id of the lease that `token` asks for: the same one in every process and for ever.
    pub(crate) fn lease_id(&self, token: &Token) -> LeaseId {
        LeaseId(format!("{}-{}", self.cloud, short_hash(token.0.as_bytes())))
    }

    /// A name for node `rank` of a lease that no other node ever had, here or below another root:
    /// `<lease>-<rank>-<mark of the root><mark of the birth>`.
    pub(crate) fn node_id(&self, lease: &LeaseId, rank: u32, birth: &str) -> String {
        let birth = &short_hash(birth.as_bytes())[..MARK];
        format!("{lease}-{rank}-{}{birth}", root_mark(&self.root))
    }

    /// Folders of the clouds below `root`.
    pub(crate) fn clouds(root: &Path) -> std::io::Result<Vec<Self>> {
        let mut clouds: Vec<Self> = super::durable::entries(root)?
            .iter()
            .filter(|folder| folder.join("leases").is_dir())
            .filter_map(|folder| Some(Self::new(root, folder.file_name()?.to_str()?)))
            .collect();
        clouds.sort_by(|a, b| a.cloud.cmp(&b.cloud));
        Ok(clouds)
    }
}

/// What the ids of all nodes below `root` have in common.
pub(crate) fn root_mark(root: &Path) -> String {
    short_hash(root.as_os_str().as_bytes())[..MARK].to_owned()
}

/// Whether a node's id was made below the root with this mark.
pub(crate) fn belongs(node: &str, root_mark: &str) -> bool {
    node.rsplit_once('-').is_some_and(|(_, marks)| marks.len() == 2 * MARK && marks.starts_with(root_mark))
}

/// Whether `name` can be one visible component of a path.
pub(crate) fn is_component(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// 64 bits of BLAKE3 in hex: a collision among a million tokens has a chance of 3 in a hundred million,
/// and the record's own token then tells a conflict.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_leaves_its_folder() {
        for name in ["", ".", "..", "../x", "a/b", "a\0b", ".hidden"] {
            assert!(!is_component(name), "{name:?}");
        }
        assert!(is_component("us-east-1"));
        let layout = Layout::new(Path::new("/"), "etc");
        assert_eq!(layout.find(&LeaseId("../../etc".to_owned())), None);
    }

    #[test]
    fn a_node_knows_its_root() {
        let [one, two] = ["/one", "/two"].map(|root| Layout::new(Path::new(root), "aws"));
        let node = one.node_id(&one.lease_id(&Token("t".to_owned())), 3, "now");
        assert!(belongs(&node, &root_mark(one.root())));
        assert!(!belongs(&node, &root_mark(two.root())));
        assert!(!belongs("n", &root_mark(one.root())));
    }

    #[test]
    fn a_token_names_one_lease_a_cloud() {
        let token = Token("t".to_owned());
        let id = |cloud| Layout::new(Path::new("/r"), cloud).lease_id(&token);
        assert_eq!(id("aws"), id("aws"));
        assert_ne!(id("aws"), id("gcp"));
    }
}
