//! Keys of parties that a PKCS#11 token seals.
//!
//! The file of such keys says where the token's key is. Its PIN comes from `--passphrase-file`, else from the file that the address names
//! as `pin-source`, else from whoever sits at the terminal.

#[cfg(feature = "pkcs11")]
pub(super) use with::{hint, new, unlock};
#[cfg(not(feature = "pkcs11"))]
pub(super) use without::{hint, new, unlock};

#[cfg(feature = "pkcs11")]
mod with {
    use super::super::keyring;
    use crate::app::App;
    use crate::cli::KeygenArgs;
    use crate::report::{Code, Fault};
    use std::fs::File;
    use std::path::Path;
    use welkin_pkcs11::{Address, Token, TokenError};
    use welkin_seal::{KeyError, KeyFile, Name, Root};
    use welkin_sky::make_private;

    /// New keys, in a file that the token of the arguments seals; `None` where they name none.
    pub(in crate::commands::seal) fn new(
        args: &KeygenArgs,
        root: &Root,
        app: &App,
    ) -> anyhow::Result<Option<Result<KeyFile, KeyError>>> {
        let Some(address) = &args.token else { return Ok(None) };
        let token = token(address, args.passphrase_file.as_deref(), &args.party)?;
        let failed =
            |source: TokenError| KeyError::Keeper { party: args.party.clone(), source: source.into() };
        let _turn = turn(app)?;
        match token.prepare() {
            Ok(true) => app.note(&format!("Made the AES key {}.", address.title())),
            Ok(false) => {}
            Err(error) => return Ok(Some(Err(failed(error)))),
        }
        // Before anybody relies on it: a token that seals and does not open would be the end of what is sealed for these keys.
        let kept = KeyFile::kept(root, &token).and_then(|file| file.unlock_by(&token).map(|_| file));
        Ok(Some(kept))
    }

    /// The keys in a file that a token sealed.
    pub(in crate::commands::seal) fn unlock(
        file: &KeyFile,
        pin: Option<&Path>,
        app: &App,
    ) -> anyhow::Result<Result<Root, KeyError>> {
        let party = &file.identity.party;
        let place = file.place.as_deref().unwrap_or_default();
        let address = Address::parse(place).map_err(|error| {
            let what = format!("the key file of `{party}` does not say where its token is: `{place}`");
            anyhow::Error::new(error).context(Fault::new(Code::SealKey, what))
        })?;
        let token = token(&address, pin, party)?;
        let _turn = turn(app)?;
        Ok(file.unlock_by(&token))
    }

    /// One command of a home at a time asks a token: SoftHSM's are out of sight for whoever looks while another process logs in.
    fn turn(app: &App) -> anyhow::Result<File> {
        let folder = app.settings.folders.seal().join("keys");
        let locked = make_private(&folder).and_then(|()| File::open(&folder)).and_then(|folder| {
            folder.lock()?;
            Ok(folder)
        });
        locked.map_err(|error| keyring::unwritten(error, &folder))
    }

    fn token(address: &Address, pin: Option<&Path>, party: &Name) -> anyhow::Result<Token> {
        let (pin, typed) = match (pin, address.pin_source()) {
            (Some(path), _) => (keyring::line(path)?, false),
            (None, Some(path)) => {
                keyring::only_mine(path)?;
                (keyring::line(path)?, false)
            }
            (None, None) => {
                let question = format!("PIN for {}: ", address.title());
                (keyring::ask(&question, "the PIN of a token", party)?, true)
            }
        };
        Ok(Token::new(address.clone(), pin, typed))
    }

    /// What to do where a token refused.
    pub(in crate::commands::seal) fn hint(error: &KeyError) -> Option<&'static str> {
        let KeyError::Keeper { source, .. } = error else { return None };
        match source.downcast_ref::<TokenError>()? {
            TokenError::Load { .. } => Some("module-path has to be a PKCS#11 module that is installed here"),
            TokenError::NoToken { .. } => Some("is it plugged in, and set up for this user?"),
            TokenError::WrongPin(_) => {
                Some("a few wrong PINs lock a token: look at the file with it before trying again")
            }
            TokenError::LastTry(_) => {
                Some("type the right PIN once, without --passphrase-file and pin-source")
            }
            TokenError::Locked(_) => Some("its security officer can set a new PIN"),
            TokenError::Loose(_) => {
                Some("take another name for the key, and one is made that stays in the token")
            }
            _ => None,
        }
    }
}

#[cfg(not(feature = "pkcs11"))]
mod without {
    use crate::app::App;
    use crate::cli::KeygenArgs;
    use crate::report::{Code, Fault};
    use std::path::Path;
    use welkin_seal::{KeyError, KeyFile, Root};

    pub(in crate::commands::seal) fn new(
        _args: &KeygenArgs,
        _root: &Root,
        _app: &App,
    ) -> anyhow::Result<Option<Result<KeyFile, KeyError>>> {
        Ok(None)
    }

    pub(in crate::commands::seal) fn unlock(
        file: &KeyFile,
        _pin: Option<&Path>,
        _app: &App,
    ) -> anyhow::Result<Result<Root, KeyError>> {
        let what = format!("the keys of `{}` are sealed by a PKCS#11 token", file.identity.party);
        let hint = "this build cannot ask one: cargo build --release --features pkcs11";
        Err(Fault::new(Code::SealKey, what).hint(hint).into())
    }

    pub(in crate::commands::seal) fn hint(_error: &KeyError) -> Option<&'static str> {
        None
    }
}
