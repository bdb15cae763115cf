//! Keys and parties on disk: `seal/keys/NAME.json` are those of this home, for its user alone; `seal/parties/NAME.json` is
//! what is known of all.

use super::read;
use crate::app::App;
use crate::report::{Code, Fault};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use welkin_seal::{Identity, KeyError, KeyFile, Name, Root};
use welkin_sky::make_private;

/// Bits of a file that nobody else may read or write.
const OTHERS: u32 = 0o077;

fn key_path(app: &App, party: &Name) -> PathBuf {
    app.settings.folders.seal().join("keys").join(format!("{party}.json"))
}

fn party_path(app: &App, party: &Name) -> PathBuf {
    app.settings.folders.seal().join("parties").join(format!("{party}.json"))
}

/// Keeps the keys of a party that has none here.
pub(in crate::commands) fn keep(app: &App, file: &KeyFile) -> anyhow::Result<PathBuf> {
    let path = key_path(app, &file.identity.party);
    write_new(&path, &file.write()).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => there_already(&file.identity.party, &path),
        _ => unwritten(error, &path),
    })?;
    Ok(path)
}

/// Refuses where a party has keys here.
pub(in crate::commands) fn none_yet(app: &App, party: &Name) -> anyhow::Result<()> {
    let path = key_path(app, party);
    if path.symlink_metadata().is_ok() { Err(there_already(party, &path)) } else { Ok(()) }
}

fn there_already(party: &Name, path: &Path) -> anyhow::Error {
    let what = format!("there are keys of `{party}` already, in {}", path.display());
    let hint =
        "data that was sealed for them opens with nothing else: take another name, or move the file away";
    anyhow::Error::new(Fault::new(Code::SealKey, what).hint(hint))
}

/// Puts a party among those that are known. One that is known under the name stays; another under it is refused.
pub(in crate::commands) fn know(app: &App, identity: &Identity) -> anyhow::Result<bool> {
    let path = party_path(app, &identity.party);
    match write_new(&path, &identity.write()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if party(app, &identity.party)? == *identity {
                return Ok(false);
            }
            let what = format!("another party is known as `{}`, from {}", identity.party, path.display());
            let hint = "ask both for their fingerprints, and remove the file if it is the wrong one";
            Err(Fault::new(Code::SealParty, what).hint(hint).into())
        }
        Err(error) => Err(unwritten(error, &path)),
    }
}

/// The keys of a party of this home.
pub(in crate::commands) fn unlock(
    app: &App,
    party: &Name,
    passphrase: Option<&Path>,
) -> anyhow::Result<Root> {
    let path = key_path(app, party);
    if !path.exists() {
        let what = format!("there are no keys of `{party}` here ({})", path.display());
        return Err(Fault::new(Code::SealKey, what)
            .hint("`welkin seal keygen --party NAME` makes keys")
            .into());
    }
    only_mine(&path)?;
    let unusable = |error: KeyError| {
        let fault =
            Fault::new(Code::SealKey, format!("the keys of `{party}` cannot be used ({})", path.display()));
        let fault = match super::token::hint(&error) {
            Some(hint) => fault.hint(hint),
            None => fault,
        };
        anyhow::Error::new(error).context(fault)
    };
    let file = KeyFile::read(&read(&path)?).map_err(unusable)?;
    if file.identity.party != *party {
        let what = format!("{} has the keys of `{}`", path.display(), file.identity.party);
        return Err(Fault::new(Code::SealKey, what).into());
    }
    if file.protection == welkin_seal::Protection::Token {
        return super::token::unlock(&file, passphrase, app)?.map_err(unusable);
    }
    let passphrase = match (file.protection, passphrase) {
        (welkin_seal::Protection::Passphrase, path) => Some(self::passphrase(path, party)?),
        (_, Some(path)) => Some(self::passphrase(Some(path), party)?),
        _ => None,
    };
    file.unlock(passphrase.as_deref().map(str::as_bytes)).map_err(unusable)
}

/// A file that nobody but this user can read or write.
pub(in crate::commands) fn only_mine(path: &Path) -> anyhow::Result<()> {
    let about = fs::metadata(path).map_err(|error| unwritten(error, path))?;
    if about.mode() & OTHERS != 0 {
        let what = format!("others may read or write {}", path.display());
        return Err(Fault::new(Code::SealKey, what).hint("chmod 600 the file, if nobody did").into());
    }
    Ok(())
}

/// Whether the keys of a party are in this home.
pub(in crate::commands) fn has_keys(app: &App, party: &Name) -> bool {
    key_path(app, party).exists()
}

fn ask_path(app: &App, party: &Name) -> PathBuf {
    app.settings.folders.seal().join("ask").join(party.to_string())
}

/// Keeps the command by which a party elsewhere is asked for its keys; the latest counts.
pub(in crate::commands) fn ask_by(app: &App, party: &Name, command: &str) -> anyhow::Result<()> {
    let path = ask_path(app, party);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error, &path)),
        _ => {}
    }
    write_new(&path, command.as_bytes()).map_err(|error| unwritten(error, &path))
}

/// The command by which a party elsewhere is asked for its keys, if one is kept.
pub(in crate::commands) fn asked_by(app: &App, party: &Name) -> anyhow::Result<Option<String>> {
    let path = ask_path(app, party);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        command => command.map(Some).map_err(|error| unwritten(error, &path)),
    }
}

/// A party that is known.
pub(in crate::commands) fn party(app: &App, party: &Name) -> anyhow::Result<Identity> {
    let path = party_path(app, party);
    if !path.exists() {
        let what = format!("no party is known as `{party}`");
        let hint =
            "`welkin seal party add FILE` adds one from the file that it made with `welkin seal party show`";
        return Err(Fault::new(Code::SealParty, what).hint(hint).into());
    }
    read_party(&path)
}

/// Every party that is known, by its name.
pub(in crate::commands) fn parties(app: &App) -> anyhow::Result<BTreeMap<Name, Identity>> {
    let folder = app.settings.folders.seal().join("parties");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unwritten(error, &folder)),
    };
    let mut parties = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| unwritten(error, &folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let identity = read_party(&path)?;
            parties.insert(identity.party.clone(), identity);
        }
    }
    Ok(parties)
}

/// A party's file, wherever it lies.
pub(in crate::commands) fn read_party(path: &Path) -> anyhow::Result<Identity> {
    let bytes = read(path)?;
    let identity = Identity::read(&bytes).map_err(|error| {
        let fault = Fault::new(Code::SealParty, format!("{} is not the file of a party", path.display()));
        anyhow::Error::new(error).context(fault)
    })?;
    Ok(identity)
}

/// The passphrase of a file, without its line end, or of whoever sits at the terminal.
pub(in crate::commands) fn passphrase(path: Option<&Path>, party: &Name) -> anyhow::Result<String> {
    let Some(path) = path else { return ask(&format!("passphrase of `{party}`: "), "a passphrase", party) };
    line(path)
}

/// What a file has, without its line end.
pub(in crate::commands) fn line(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| Fault::new(Code::SealKey, format!("{} is not UTF-8", path.display())))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Asks twice.
pub(in crate::commands) fn new_passphrase(path: Option<&Path>, party: &Name) -> anyhow::Result<String> {
    let first = passphrase(path, party)?;
    if path.is_none() && first != ask("the same again: ", "a passphrase", party)? {
        return Err(Fault::new(Code::SealKey, "the two passphrases differ").into());
    }
    Ok(first)
}

/// Asks whoever sits at the terminal for what nobody else should see.
pub(in crate::commands) fn ask(question: &str, needed: &str, party: &Name) -> anyhow::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let what = format!("the keys of `{party}` need {needed}, and there is no terminal to ask");
        return Err(Fault::new(Code::SealKey, what).hint("name a file with it: --passphrase-file").into());
    }
    let mut err = io::stderr();
    write!(err, "{question}")?;
    err.flush()?;
    let shown = rustix::termios::tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &shown)?;
    writeln!(err)?;
    read?;
    Ok(line.strip_suffix('\n').unwrap_or(&line).to_owned())
}

/// Writes a file for this user alone that was not there, all of it or nothing.
pub(in crate::commands) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

pub(in crate::commands) fn unwritten(error: io::Error, path: &Path) -> anyhow::Error {
    anyhow::Error::new(error).context(Fault::new(Code::File, format!("cannot use {}", path.display())))
}
