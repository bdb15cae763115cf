//! What a contract lets in: its inputs, opened with the keys that their owners released, each file checked before a value is used.

use super::error::EngineError;
use super::files::{SealedPart, open_part};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use welkin_seal::{
    CodeKind, Contract, DataKeys, EngineKey, Hex, Input, Kek, Manifest, Name, Run, Situation, Snapshot,
};

/// A contract that holds, and its data.
pub(super) struct Admitted {
    pub(super) contract: Contract,
    pub(super) data: Vec<Data>,
}

/// An input, open.
pub(crate) struct Data {
    pub(crate) party: Name,
    pub(crate) name: Name,
    pub(crate) version: u64,
    pub(crate) parts: Vec<SealedPart>,
}

/// A folder, as it lies there.
struct Folder {
    path: PathBuf,
    snapshot: Snapshot,
    keys: DataKeys,
}

/// Snapshots have at most 16 MiB and keys 64: what is longer is refused where it is read.
const MOST_BYTES: u64 = (64 << 20) + 1;

pub(super) fn admit(
    engine: &EngineKey,
    (bound, group): (Hex<32>, Option<Hex<32>>),
    run: &Run,
    now: u64,
    as_many: impl FnOnce(&Contract) -> Result<(), EngineError>,
) -> Result<Admitted, EngineError> {
    let contract = Contract::read(run.contract.as_bytes())?;
    as_many(&contract)?;
    let folders = run.inputs.iter().map(|path| Folder::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(digest(&SHA256, run.query.as_bytes()).as_ref());
    let mut situation = Situation { now, code: Some(sum), ..Situation::default() };
    for Folder { snapshot, .. } in &folders {
        let name = (snapshot.party.clone(), snapshot.name.clone(), snapshot.version);
        situation.snapshots.insert(name, snapshot.digest());
    }
    let agreed = contract.verify_inside(bound, &situation)?;
    supported(agreed.manifest)?;
    for Folder { snapshot, .. } in &folders {
        // What was spent before, owners know. That there is a budget, and noise where there is one, is asked here too.
        contract.spends(snapshot, 0)?;
    }
    let open = |input: &Input| {
        let folder = folders.iter().find(|folder| folder.snapshot.digest() == input.snapshot);
        open(engine, agreed.manifest, input, folder.expect("each input was found"), run, (bound, group))
    };
    let data = agreed.manifest.inputs.iter().map(open).collect::<Result<_, _>>()?;
    Ok(Admitted { contract, data })
}

fn supported(manifest: &Manifest) -> Result<(), EngineError> {
    let unsupported = |what: &str| Err(EngineError::Unsupported(what.to_owned()));
    match manifest.code.kind {
        CodeKind::Program => {
            return unsupported(
                "the contract is about a program, and this engine runs queries and trainings",
            );
        }
        // Whatever a tree says of a leaf it may say of one row.
        CodeKind::Boost if manifest.privacy.minimum_group > 1 => {
            return unsupported(
                "the contract asks for a smallest group, which trees are not held to: nothing was run",
            );
        }
        CodeKind::Boost | CodeKind::Sql => {}
    }
    if manifest.oblivious && manifest.privacy.minimum_group > 1 {
        return unsupported(
            "the contract asks for a smallest group in an oblivious run, which this engine does not have: nothing was run",
        );
    }
    if manifest.privacy.epsilon_milli.is_some() && (manifest.oblivious || manifest.privacy.minimum_group > 1)
    {
        return unsupported(
            "the contract asks for differential privacy in an oblivious run or beside a smallest group, which this engine does not have: nothing was run",
        );
    }
    Ok(())
}

fn open(
    engine: &EngineKey,
    manifest: &Manifest,
    input: &Input,
    folder: &Folder,
    run: &Run,
    released_for: (Hex<32>, Option<Hex<32>>),
) -> Result<Data, EngineError> {
    let Folder { path, snapshot, keys } = folder;
    let owner = manifest.signers.iter().find(|signer| signer.party == input.party);
    let signed = owner.is_some_and(|owner| keys.is_signed_by(&owner.signing));
    let about = (&input.party, &input.name, input.version);
    if !signed || (&keys.party, &keys.name, keys.version) != about {
        return Err(EngineError::OtherKeys(path.clone()));
    }
    let kek = released(engine, input, run, released_for)?;
    let mut parts = Vec::new();
    for file in &snapshot.files {
        let unusable = |error| EngineError::Keys(path.clone(), error);
        let mut columns = BTreeMap::new();
        for column in keys.columns_of(&file.name) {
            let key = keys.column(&kek, &file.name, column).map_err(unusable)?;
            columns.insert(column.clone(), key);
        }
        let aad = welkin_seal::aad_prefix(&snapshot.party, &snapshot.name, snapshot.version, &file.name);
        let at = path.join(&file.name);
        parts.push(
            open_part(&at, file, &columns, &aad).map_err(|error| EngineError::File(at.clone(), error))?,
        );
    }
    let (party, name, version) = (input.party.clone(), input.name.clone(), input.version);
    Ok(Data { party, name, version, parts })
}

/// A key that was released for this contract, and for this group: whoever did so judged every engine of it.
fn released(
    engine: &EngineKey,
    input: &Input,
    run: &Run,
    (contract, group): (Hex<32>, Option<Hex<32>>),
) -> Result<Kek, EngineError> {
    let about = |party: &Name, name: &Name, version| {
        (party, name, version) == (&input.party, &input.name, input.version)
    };
    let of_input = run.released.iter().filter(|key| about(&key.party, &key.name, key.version));
    of_input
        .filter(|key| key.contract == contract && key.group == group)
        .find_map(|key| key.open(engine))
        .ok_or_else(|| EngineError::NoKey(input.party.clone(), input.name.clone(), input.version))
}

impl Folder {
    fn read(path: &Path) -> Result<Self, EngineError> {
        let unread = |error| EngineError::Folder(path.to_owned(), error);
        let read = |name: &str| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path.join(name))?.take(MOST_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let snapshot = Snapshot::read(&read("snapshot.json").map_err(unread)?)
            .map_err(|error| EngineError::Snapshot(path.to_owned(), error))?;
        let keys = DataKeys::read(&read("keys.json").map_err(unread)?)
            .map_err(|error| EngineError::Keys(path.to_owned(), error))?;
        Ok(Self { path: path.to_owned(), snapshot, keys })
    }
}
