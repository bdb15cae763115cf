//! `welkin seal data`, `open` and `rotate`: data sets in folders.
//!
//! A folder has `snapshot.json`, `keys.json` and the encrypted files. Tables are read and written by `welkin-enclave`, which has no
//! keys of parties; keys of columns pass between the two through pipes.

mod folder;
mod whole;

use super::{enclave, keyring, now, thousandths};
use crate::app::App;
use crate::cli::{SealDataArgs, SealOpenArgs, SealRotateArgs, TableForm};
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use enclave::{SealedFile, seal_table, write_tables};
pub(super) use folder::Folder;
use ring::rand::SystemRandom;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use welkin_seal::{
    DataKeys, DataKeysError, Hex, Name, Recipient, Secret, Snapshot, SnapshotFile, aad_prefix,
};

#[derive(Serialize)]
struct Wire<'a> {
    folder: &'a Path,
    snapshot: Hex<32>,
    files: usize,
    rows: u64,
    generation: u64,
}

fn refused(folder: &Path, what: &str) -> Fault {
    Fault::new(Code::SealData, format!("{} {what}", folder.display()))
}

pub(super) fn seal(args: &SealDataArgs, app: &mut App) -> anyhow::Result<Exit> {
    let root = keyring::unlock(app, &args.party, args.passphrase_file.as_deref())?;
    let recipients = recipients_of(&args.recipients, app)?;
    if args.folder.exists() {
        let fault = refused(&args.folder, "is there already")
            .hint("a version of data is written once: take another folder");
        return Err(fault.into());
    }
    let parent =
        args.folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritten = |error| keyring::unwritten(error, &args.folder);
    std::fs::create_dir_all(parent).map_err(unwritten)?;
    let making = tempfile::Builder::new().prefix(".sealing-").tempdir_in(parent).map_err(unwritten)?;
    let (mut files, mut keys, mut columns) = (Vec::new(), BTreeMap::new(), None);
    for (number, input) in args.files.iter().enumerate() {
        let name = format!("part-{number:05}.parquet");
        let aad = aad_prefix(&args.party, &args.name, args.data_version, &name);
        let sealed = seal_table(input, args.form, &making.path().join(&name), &aad)?;
        let first = columns.get_or_insert_with(|| sealed.columns.clone());
        if *first != sealed.columns {
            let what = format!("{} has other columns than {}", input.display(), args.files[0].display());
            return Err(Fault::new(Code::SealData, what).into());
        }
        let drawn = sealed.keys.into_iter().map(|(column, key)| (column, Secret::new(key.0)));
        keys.insert(name.clone(), drawn.collect());
        files.push(SnapshotFile { name, bytes: sealed.bytes, rows: sealed.rows, sha256: sealed.sha256 });
    }
    let rows = files.iter().map(|file| file.rows).sum();
    let about = || (args.name.clone(), args.data_version);
    let failed = || refused(&args.folder, "was not written");
    let snapshot = Snapshot::new(&root, about(), now(), columns.unwrap_or_default(), files)
        .map_err(|error| anyhow::Error::new(error).context(failed()))?;
    let snapshot = match args.epsilon {
        Some(milli) => snapshot.with_budget(&root, milli),
        None => snapshot,
    };
    let keys = DataKeys::new(&root, about(), &keys, &recipients, &SystemRandom::new())
        .map_err(|error| anyhow::Error::new(error).context(failed()))?;
    Folder { path: making.path().to_owned(), snapshot: snapshot.clone(), keys: keys.clone() }.write()?;
    // Complete, or not there.
    std::fs::rename(making.keep(), &args.folder).map_err(unwritten)?;
    told(app, &args.folder, &snapshot, &keys, rows)
}

fn told(
    app: &mut App,
    folder: &Path,
    snapshot: &Snapshot,
    keys: &DataKeys,
    rows: u64,
) -> anyhow::Result<Exit> {
    let (files, generation) = (snapshot.files.len(), keys.generation);
    if app.settings.output == Format::Json {
        let wire = Wire { folder, snapshot: snapshot.digest(), files, rows, generation };
        write_json(&mut app.out, "welkin.sealed-data/1", &wire)?;
        return Ok(Exit::Success);
    }
    let rows = counted(usize::try_from(rows).unwrap_or(usize::MAX), "row");
    let about = format!("{}/{}, version {}", snapshot.party, snapshot.name, snapshot.version);
    writeln!(app.out, "{about}: {rows} in {}", counted(files, "file"))?;
    writeln!(app.out, "snapshot: {}", snapshot.digest())?;
    if let Some(milli) = snapshot.epsilon_milli {
        writeln!(app.out, "budget: epsilon {}", thousandths(milli))?;
    }
    let may: Vec<&str> = keys.recipients().map(Name::as_str).collect();
    writeln!(app.out, "keys: generation {generation}, for {}", may.join(", "))?;
    app.out.flush()?;
    Ok(Exit::Success)
}

fn recipients_of(names: &[Name], app: &App) -> anyhow::Result<Vec<Recipient>> {
    names.iter().map(|name| Ok(Recipient::from(&keyring::party(app, name)?))).collect()
}

pub(super) fn open(args: &SealOpenArgs, app: &mut App) -> anyhow::Result<Exit> {
    let folder = Folder::read(&args.folder, app, Some((&args.party, args.policy.as_deref())))?;
    let root = keyring::unlock(app, &args.party, args.passphrase_file.as_deref())?;
    let closed = |error| {
        let what = format!("does not open for `{}`", args.party);
        anyhow::Error::new(error).context(refused(&args.folder, &what))
    };
    if folder.snapshot.columns.is_empty() {
        if args.form.is_some() {
            return Err(Fault::new(Code::Usage, "it is no table, and has no --form").into());
        }
        let bytes = whole::open(&folder, &folder.keys.unlock(&root).map_err(closed)?)?;
        return delivered(args, app, |app, out| match out {
            Some(mut file) => Ok(file.write_all(&bytes)?),
            None => Ok(app.out.write_all(&bytes).and_then(|()| app.out.flush())?),
        });
    }
    let files = opening(&folder, &root).map_err(closed)?;
    let form = args.form.unwrap_or(TableForm::Csv);
    delivered(args, app, |_, out| write_tables(files, form, out))
}

/// Writes to the file that was named, or to standard output.
fn delivered(
    args: &SealOpenArgs,
    app: &mut App,
    write: impl FnOnce(&mut App, Option<File>) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    app.out.flush()?;
    let Some(path) = &args.to else {
        write(app, None)?;
        return Ok(Exit::Success);
    };
    let unwritten = |error| keyring::unwritten(error, path);
    if path.symlink_metadata().is_ok() {
        return Err(unwritten(io::ErrorKind::AlreadyExists.into()));
    }
    // For this user alone, and under its name when it is whole: half of it would be taken for all of it.
    let folder = super::folder_of(path);
    let draft = tempfile::Builder::new().prefix(".opening-").tempfile_in(folder).map_err(unwritten)?;
    write(app, Some(draft.as_file().try_clone().map_err(unwritten)?))?;
    draft.as_file().sync_all().map_err(unwritten)?;
    draft.persist_noclobber(path).map_err(|error| unwritten(error.error))?;
    Ok(Exit::Success)
}

/// Whose data a folder has, by its own word.
pub(in crate::commands) fn owner_of(folder: &Path) -> anyhow::Result<Name> {
    let snapshot = Snapshot::read(&super::read(&folder.join("snapshot.json"))?);
    let snapshot = snapshot
        .map_err(|error| anyhow::Error::new(error).context(refused(folder, "is not a sealed data set")))?;
    Ok(snapshot.party)
}

/// Every file of a data set with its keys.
fn opening(folder: &Folder, root: &welkin_seal::Root) -> Result<Vec<SealedFile>, DataKeysError> {
    let (snapshot, keys) = (&folder.snapshot, &folder.keys);
    let kek = keys.unlock(root)?;
    let opened = |file: &SnapshotFile| {
        let mut opened = BTreeMap::new();
        for column in keys.columns_of(&file.name) {
            opened.insert(column.clone(), Hex(*keys.column(&kek, &file.name, column)?.expose()));
        }
        let aad = aad_prefix(&snapshot.party, &snapshot.name, snapshot.version, &file.name);
        Ok(SealedFile::new(folder.path.join(&file.name), aad, file.sha256, opened))
    };
    snapshot.files.iter().map(opened).collect()
}

pub(super) fn rotate(args: &SealRotateArgs, app: &mut App) -> anyhow::Result<Exit> {
    Folder::read(&args.folder, app, None)?;
    let root = keyring::unlock(app, &args.party, args.passphrase_file.as_deref())?;
    // Of two at once the second goes on from what the first left.
    let _alone = super::alone(&args.folder.join("keys.json"))?;
    let mut folder = Folder::read(&args.folder, app, None)?;
    let recipients = recipients_of(&args.recipients, app)?;
    folder.keys.rotate(&root, &recipients, &SystemRandom::new()).map_err(|error| {
        anyhow::Error::new(error).context(refused(&args.folder, "keeps the keys that it had"))
    })?;
    let path: PathBuf = folder.path.join("keys.json");
    super::replace(&path, &folder.keys.write())?;
    let rows = folder.snapshot.files.iter().map(|file| file.rows).sum();
    told(app, &args.folder, &folder.snapshot, &folder.keys, rows)
}
