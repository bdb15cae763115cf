//! `welkin seal keygen`.

use super::{keyring, token};
use crate::app::App;
use crate::cli::KeygenArgs;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use ring::rand::SystemRandom;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use welkin_seal::{Hex, KeyError, KeyFile, Name, Protection, Root};

#[derive(Serialize)]
struct Wire<'a> {
    party: &'a Name,
    fingerprint: Hex<16>,
    protection: Protection,
    file: PathBuf,
}

pub(super) fn run(args: &KeygenArgs, app: &mut App) -> anyhow::Result<Exit> {
    // Before anything is drawn, or known: nobody has what would be drawn in vain.
    keyring::none_yet(app, &args.party)?;
    let random = SystemRandom::new();
    let failed = |error: KeyError| {
        let fault = Fault::new(Code::SealKey, "no keys were made");
        let fault = match token::hint(&error) {
            Some(hint) => fault.hint(hint),
            None => fault,
        };
        anyhow::Error::new(error).context(fault)
    };
    let root = Root::draw(args.party.clone(), &random).map_err(|error| failed(error.into()))?;
    let file = match token::new(args, &root, app)? {
        Some(kept) => kept.map_err(failed)?,
        None => {
            let protect = args.passphrase || args.passphrase_file.is_some();
            let passphrase = protect
                .then(|| keyring::new_passphrase(args.passphrase_file.as_deref(), &args.party))
                .transpose()?;
            let passphrase = passphrase.as_deref().map(str::as_bytes);
            KeyFile::new(&root, passphrase, &random).map_err(failed)?
        }
    };
    // A party that is known by the name already is somebody else.
    keyring::know(app, root.identity())?;
    let path = keyring::keep(app, &file)?;
    let fingerprint = root.identity().fingerprint();
    if app.settings.output == Format::Json {
        let wire = Wire { party: &args.party, fingerprint, protection: file.protection, file: path };
        write_json(&mut app.out, "welkin.keys/1", &wire)?;
        return Ok(Exit::Success);
    }
    writeln!(app.out, "{}: {fingerprint}", args.party)?;
    app.out.flush()?;
    let copy = match file.protection {
        Protection::Token => "They open with nothing but the token's key: keep a copy of both.",
        Protection::FileMode | Protection::Passphrase => "Nothing replaces them: keep a copy.",
    };
    app.note(&format!("The keys are in {}. {copy}", path.display()));
    Ok(Exit::Success)
}
