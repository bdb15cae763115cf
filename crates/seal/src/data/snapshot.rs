//! What belongs to one version of a data set.

use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use crate::keys::{Identity, Root};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A version of a data set, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its owner.
    pub party: Name,
    /// Its name.
    pub name: Name,
    /// Its version.
    pub version: u64,
    /// Seconds since 1970.
    pub created: u64,
    /// The columns of every file, in their order.
    pub columns: Vec<Column>,
    /// Every file, in the order of their names.
    pub files: Vec<SnapshotFile>,
    /// Thousandths of epsilon that all runs of all contracts may spend on it together. With a budget it is told of with noise only; without
    /// one, as were those from before there was noise, it is told of as contracts say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon_milli: Option<u64>,
    signature: Hex<64>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its Arrow type, as Arrow prints it.
    pub kind: String,
    /// May it be absent?
    pub nullable: bool,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFile {
    /// Its name in the folder.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 of the encrypted file.
    pub sha256: Hex<32>,
}

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was changed, or is somebody else's.
    #[error("the snapshot is not signed by `{0}`")]
    Signature(Name),
    /// No files, or names that are none.
    #[error("the files of the snapshot are not named plainly and in order")]
    Names,
}

impl Kind for Snapshot {
    const SCHEMA: &'static str = "welkin.snapshot/1";
    /// Fifty thousand files of 300 bytes.
    const MOST_BYTES: usize = 16 << 20;
}

impl Snapshot {
    /// Signs what belongs to a version.
    ///
    /// # Errors
    /// Where files are not named plainly.
    pub fn new(
        root: &Root,
        (name, version): (Name, u64),
        created: u64,
        columns: Vec<Column>,
        mut files: Vec<SnapshotFile>,
    ) -> Result<Self, SnapshotError> {
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let party = root.identity().party.clone();
        let signature = Hex([0; 64]);
        let mut snapshot =
            Self { party, name, version, created, columns, files, epsilon_milli: None, signature };
        snapshot.check()?;
        snapshot.signature = root.sign(&snapshot.message());
        Ok(snapshot)
    }

    /// The same with a budget.
    #[must_use]
    pub fn with_budget(mut self, root: &Root, epsilon_milli: u64) -> Self {
        self.epsilon_milli = Some(epsilon_milli);
        self.signature = root.sign(&self.message());
        self
    }

    /// Reads a snapshot; that its owner signed it is for [`Snapshot::is_of`] to say.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot: Self = canonical::read(bytes)?;
        snapshot.check()?;
        Ok(snapshot)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// What contracts name.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        canonical::digest(&self.message())
    }

    /// Did its owner sign it?
    ///
    /// # Errors
    /// Where somebody else did, or it was changed.
    pub fn is_of(&self, owner: &Identity) -> Result<(), SnapshotError> {
        if owner.party == self.party && owner.verifies(&self.message(), &self.signature) {
            return Ok(());
        }
        Err(SnapshotError::Signature(self.party.clone()))
    }

    fn check(&self) -> Result<(), SnapshotError> {
        let plain = |name: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && name.bytes().all(known)
        };
        let rising = self.files.windows(2).all(|pair| pair[0].name < pair[1].name);
        let good = !self.files.is_empty() && rising && self.files.iter().all(|file| plain(&file.name));
        if good { Ok(()) } else { Err(SnapshotError::Names) }
    }

    fn message(&self) -> Vec<u8> {
        let Self { party, name, version, created, columns, files, epsilon_milli, .. } = self;
        match epsilon_milli {
            None => canonical::message("welkin snapshot/1", &(party, name, version, created, columns, files)),
            // Under a name of its own: taken away or put in, a budget leaves no signature that holds.
            Some(milli) => canonical::message(
                "welkin snapshot with budget/1",
                &(party, name, version, created, columns, files, milli),
            ),
        }
    }
}

/// What every page of a file is bound to, and no file says of itself: whose it is, of which version, and which one.
#[must_use]
pub fn aad_prefix(party: &Name, name: &Name, version: u64, file: &str) -> Vec<u8> {
    canonical::message("welkin parquet/1", &(party, name, version, file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn root(party: &str) -> Root {
        Root::draw(party.parse().unwrap(), &SystemRandom::new()).unwrap()
    }

    fn file(name: &str) -> SnapshotFile {
        SnapshotFile { name: name.to_owned(), bytes: 10, rows: 2, sha256: Hex([1; 32]) }
    }

    fn snapshot(root: &Root, files: &[&str]) -> Result<Snapshot, SnapshotError> {
        let column = Column { name: "id".to_owned(), kind: "Int64".to_owned(), nullable: true };
        let files = files.iter().map(|name| file(name)).collect();
        Snapshot::new(root, ("patients".parse().unwrap(), 1), 7, vec![column], files)
    }

    #[test]
    fn no_byte_of_a_snapshot_can_be_changed() {
        let root = root("a");
        let bytes = snapshot(&root, &["1.parquet", "0.parquet"]).unwrap().write();
        assert!(Snapshot::read(&bytes).unwrap().is_of(root.identity()).is_ok());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let holds = Snapshot::read(&changed).is_ok_and(|read| read.is_of(root.identity()).is_ok());
            assert!(!holds, "{at}");
        }
    }

    #[test]
    fn no_budget_can_be_taken_away_put_in_or_changed() {
        let root = root("a");
        let plain = snapshot(&root, &["0.parquet"]).unwrap();
        let budgeted = plain.clone().with_budget(&root, 1500);
        assert_ne!(plain.digest(), budgeted.digest());
        let bytes = budgeted.write();
        assert_eq!(Snapshot::read(&bytes).unwrap(), budgeted);
        assert!(budgeted.is_of(root.identity()).is_ok());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let holds = Snapshot::read(&changed).is_ok_and(|read| read.is_of(root.identity()).is_ok());
            assert!(!holds, "{at}");
        }
        for other in [
            Snapshot { epsilon_milli: None, ..budgeted.clone() },
            Snapshot { epsilon_milli: Some(1501), ..budgeted },
            Snapshot { epsilon_milli: Some(1500), ..plain },
        ] {
            assert!(other.is_of(root.identity()).is_err(), "{:?}", other.epsilon_milli);
        }
    }

    #[test]
    fn files_have_plain_names_and_each_its_own() {
        let root = root("a");
        for wrong in [&[][..], &["a", "a"], &["../a"], &["a/b"], &[".a"], &[""]] {
            assert!(matches!(snapshot(&root, wrong), Err(SnapshotError::Names)), "{wrong:?}");
        }
        let other = self::root("a");
        let signed = snapshot(&root, &["a"]).unwrap();
        assert!(matches!(signed.is_of(other.identity()), Err(SnapshotError::Signature(_))));
    }
}
