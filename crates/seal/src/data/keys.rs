//! Keys of a version: one for each column of each file, under one of the version, which is sealed for those who may open it.

use crate::aead;
use crate::canonical::{self, FileError, Kind};
use crate::contract::Recipient;
use crate::hex::{Hex, HexBytes};
use crate::hpke;
use crate::keys::{Identity, Root, verifies};
use crate::name::Name;
use crate::secret::{NoRandomness, Secret};
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name under which the key of a file's footer stands; no column has none.
pub const FOOTER: &str = "";

/// The key of a version: whoever has it opens every column.
#[derive(Debug, Clone)]
pub struct Kek(Secret);

/// The keys of a version, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataKeys {
    /// The owner of the data.
    pub party: Name,
    /// The name of the data set.
    pub name: Name,
    /// Its version.
    pub version: u64,
    /// Counts how often keys were wrapped anew.
    pub generation: u64,
    /// The version's key, for each party that may open it.
    recipients: BTreeMap<Name, HexBytes>,
    /// The keys of columns, by file and column.
    columns: BTreeMap<String, BTreeMap<String, HexBytes>>,
    signature: Hex<64>,
}

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataKeysError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was changed, or is somebody else's.
    #[error("the keys are not signed by `{0}`")]
    Signature(Name),
    /// They are not for this party.
    #[error("the keys are not sealed for `{0}`")]
    NoRecipient(Name),
    /// They are sealed for another key, or were changed.
    #[error("the keys do not open: they are sealed for another key of `{0}`")]
    Closed(Name),
    /// A column without a key.
    #[error("there is no key for the column `{column}` of `{file}`, or it is of another generation")]
    Column {
        /// Of which file.
        file: String,
        /// Which; without a name the footer.
        column: String,
    },
    /// A key that nobody has the secret of.
    #[error("the key of `{0}` is none")]
    BadKey(Name),
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Kind for DataKeys {
    const SCHEMA: &'static str = "welkin.data-keys/1";
    /// Two hundred thousand columns of files.
    const MOST_BYTES: usize = 64 << 20;
}

const FOR_RECIPIENT: &[u8] = b"welkin kek/1";

impl Kek {
    /// A new one.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        Secret::draw(random).map(Self)
    }

    /// For those it is released to.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Secret::from_slice(bytes).map(Self)
    }
}

impl DataKeys {
    /// Wraps the keys of columns, by file and column, under `kek`, and that for `recipients`; the owner is always one.
    ///
    /// # Errors
    /// Where a recipient's key is none, or there are no random numbers.
    pub fn new(
        owner: &Root,
        (name, version): (Name, u64),
        columns: &BTreeMap<String, BTreeMap<String, Secret>>,
        recipients: &[Recipient],
        random: &dyn SecureRandom,
    ) -> Result<Self, DataKeysError> {
        let mut keys = Self {
            party: owner.identity().party.clone(),
            name,
            version,
            generation: 1,
            recipients: BTreeMap::new(),
            columns: BTreeMap::new(),
            signature: Hex([0; 64]),
        };
        keys.wrap(owner, columns, recipients, random)?;
        Ok(keys)
    }

    /// Reads a file; that the owner signed it is for [`DataKeys::is_of`] to say.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, DataKeysError> {
        Ok(canonical::read(bytes)?)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// Did the owner sign it?
    ///
    /// # Errors
    /// Where somebody else did, or it was changed.
    pub fn is_of(&self, owner: &Identity) -> Result<(), DataKeysError> {
        if owner.party == self.party && owner.verifies(&self.message(), &self.signature) {
            return Ok(());
        }
        Err(DataKeysError::Signature(self.party.clone()))
    }

    /// Did whoever has this Ed25519 key sign it?
    #[must_use]
    pub fn is_signed_by(&self, signing: &Hex<32>) -> bool {
        verifies(signing, &self.message(), &self.signature)
    }

    /// Who may open it.
    pub fn recipients(&self) -> impl Iterator<Item = &Name> {
        self.recipients.keys()
    }

    /// The columns of a file that have keys; its [`FOOTER`] is one.
    pub fn columns_of(&self, file: &str) -> impl Iterator<Item = &String> {
        self.columns.get(file).into_iter().flat_map(BTreeMap::keys)
    }

    /// The version's key, for a party that may open it.
    ///
    /// # Errors
    /// Where it is not sealed for the party.
    pub fn unlock(&self, root: &Root) -> Result<Kek, DataKeysError> {
        let party = &root.identity().party;
        let sealed = self.recipients.get(party).ok_or_else(|| DataKeysError::NoRecipient(party.clone()))?;
        let opened = root.open(FOR_RECIPIENT, &self.about_recipient(party), &sealed.0);
        let kek = opened.and_then(|bytes| Kek::from_slice(&bytes));
        kek.ok_or_else(|| DataKeysError::Closed(party.clone()))
    }

    /// The key of a column, or of the [`FOOTER`].
    ///
    /// # Errors
    /// Where there is none, or `kek` is of another version.
    pub fn column(&self, kek: &Kek, file: &str, column: &str) -> Result<Secret, DataKeysError> {
        let wrapped = self.columns.get(file).and_then(|columns| columns.get(column));
        let opened =
            wrapped.and_then(|wrapped| aead::open(&kek.0, &self.about_column(file, column), &wrapped.0));
        opened
            .and_then(|bytes| Secret::from_slice(&bytes))
            .ok_or_else(|| DataKeysError::Column { file: file.to_owned(), column: column.to_owned() })
    }

    /// Wraps the same keys under a new one, for these recipients. The data stay as they are; whoever had the old key and the old
    /// file keeps what they open.
    ///
    /// # Errors
    /// Where the owner cannot open it.
    pub fn rotate(
        &mut self,
        owner: &Root,
        recipients: &[Recipient],
        random: &dyn SecureRandom,
    ) -> Result<(), DataKeysError> {
        self.is_of(owner.identity())?;
        let kek = self.unlock(owner)?;
        let mut columns = BTreeMap::new();
        for (file, names) in &self.columns {
            let key = |name: &String| Ok((name.clone(), self.column(&kek, file, name)?));
            columns.insert(file.clone(), names.keys().map(key).collect::<Result<_, DataKeysError>>()?);
        }
        self.generation += 1;
        self.wrap(owner, &columns, recipients, random)
    }

    fn wrap(
        &mut self,
        owner: &Root,
        columns: &BTreeMap<String, BTreeMap<String, Secret>>,
        recipients: &[Recipient],
        random: &dyn SecureRandom,
    ) -> Result<(), DataKeysError> {
        let kek = Kek::draw(random)?;
        self.recipients.clear();
        let owner_too = Recipient::from(owner.identity());
        for recipient in [&owner_too].into_iter().chain(recipients) {
            let about = self.about_recipient(&recipient.party);
            let sealed = hpke::seal(&recipient.sealing, FOR_RECIPIENT, &about, kek.expose(), random)?;
            let sealed = sealed.ok_or_else(|| DataKeysError::BadKey(recipient.party.clone()))?;
            self.recipients.insert(recipient.party.clone(), HexBytes(sealed));
        }
        self.columns.clear();
        for (file, keys) in columns {
            let mut wrapped = BTreeMap::new();
            for (column, key) in keys {
                let sealed = aead::seal(&kek.0, &self.about_column(file, column), key.expose(), random)?;
                wrapped.insert(column.clone(), HexBytes(sealed));
            }
            self.columns.insert(file.clone(), wrapped);
        }
        self.signature = owner.sign(&self.message());
        Ok(())
    }

    fn about_recipient(&self, party: &Name) -> Vec<u8> {
        canonical::message("welkin kek/1", &(&self.party, &self.name, self.version, self.generation, party))
    }

    fn about_column(&self, file: &str, column: &str) -> Vec<u8> {
        canonical::message(
            "welkin dek/1",
            &(&self.party, &self.name, self.version, self.generation, file, column),
        )
    }

    fn message(&self) -> Vec<u8> {
        let Self { party, name, version, generation, recipients, columns, .. } = self;
        canonical::message("welkin data keys/1", &(party, name, version, generation, recipients, columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn root(party: &str) -> Root {
        Root::draw(party.parse().unwrap(), &SystemRandom::new()).unwrap()
    }

    fn keys(owner: &Root, recipients: &[Recipient]) -> DataKeys {
        let column = |name: &str, byte| (name.to_owned(), Secret::new([byte; 32]));
        let columns = BTreeMap::from([column(FOOTER, 1), column("id", 2)]);
        let columns = BTreeMap::from([("0.parquet".to_owned(), columns)]);
        let random = SystemRandom::new();
        DataKeys::new(owner, ("patients".parse().unwrap(), 1), &columns, recipients, &random).unwrap()
    }

    #[test]
    fn those_it_is_sealed_for_open_it_and_nobody_else() {
        let (a, b, c) = (root("a"), root("b"), root("c"));
        let keys = DataKeys::read(&keys(&a, &[b.identity().into()]).write()).unwrap();
        keys.is_of(a.identity()).unwrap();
        for root in [&a, &b] {
            let kek = keys.unlock(root).unwrap();
            assert_eq!(keys.column(&kek, "0.parquet", "id").unwrap().expose(), &[2; 32]);
            assert_eq!(keys.column(&kek, "0.parquet", FOOTER).unwrap().expose(), &[1; 32]);
            assert!(matches!(keys.column(&kek, "1.parquet", "id"), Err(DataKeysError::Column { .. })));
        }
        assert!(matches!(keys.unlock(&c), Err(DataKeysError::NoRecipient(_))));
        assert!(matches!(keys.unlock(&root("b")), Err(DataKeysError::Closed(_))));
    }

    #[test]
    fn rotation_wraps_the_same_keys_and_shuts_out_who_is_not_named() {
        let (a, b) = (root("a"), root("b"));
        let random = SystemRandom::new();
        let mut keys = keys(&a, &[b.identity().into()]);
        let old = keys.unlock(&b).unwrap();
        keys.rotate(&a, &[], &random).unwrap();
        assert_eq!(keys.generation, 2);
        let kek = keys.unlock(&a).unwrap();
        assert_eq!(keys.column(&kek, "0.parquet", "id").unwrap().expose(), &[2; 32]);
        assert!(matches!(keys.unlock(&b), Err(DataKeysError::NoRecipient(_))));
        assert!(matches!(keys.column(&old, "0.parquet", "id"), Err(DataKeysError::Column { .. })));
        assert!(keys.rotate(&b, &[], &random).is_err(), "only the owner wraps anew");
    }

    #[test]
    fn no_byte_of_the_keys_can_be_changed() {
        let a = root("a");
        let bytes = keys(&a, &[]).write();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!DataKeys::read(&changed).is_ok_and(|read| read.is_of(a.identity()).is_ok()), "{at}");
        }
    }
}
