//! A key in a token, which seals and opens what it is given.

use crate::address::Address;
use crate::error::{TokenError, answer, call};
use crate::library;
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::{AuthPin, Ulong};
use ring::rand::{SecureRandom, SystemRandom};
use std::ffi::c_ulong;
use std::fmt;
use welkin_seal::{Keeper, KeeperError, NoRandomness};
use zeroize::Zeroizing;

/// A key in a token: AES-256 in Galois counter mode, which the token does itself.
#[derive(Clone)]
pub struct Token {
    address: Address,
    pin: Zeroizing<String>,
    /// A person typed the PIN, who sees what became of it.
    typed: bool,
}

const NONCE_BYTES: usize = 12;
const TAG_BITS: c_ulong = 128;
const KEY_BYTES: c_ulong = 32;

impl Token {
    /// The key at an address, with a PIN that a person typed or that was in a file. Nothing is asked of the token yet.
    #[must_use]
    pub fn new(address: Address, pin: String, typed: bool) -> Self {
        Self { address, pin: Zeroizing::new(pin), typed }
    }

    /// Sees to it that the key is there; `true` where it was made now.
    ///
    /// # Errors
    /// Where it is not and cannot be.
    pub fn prepare(&self) -> Result<bool, TokenError> {
        self.logged_in(true, |session| match self.key(session) {
            Ok(_) => Ok(false),
            Err(TokenError::NoKey(_)) => {
                let made = session.generate_key(&Mechanism::AesKeyGen, &self.template());
                made.map_err(call("make an AES key"))?;
                // What it made is judged as what was there before.
                self.key(session).map(|_| true)
            }
            Err(error) => Err(error),
        })
    }

    fn template(&self) -> [Attribute; 10] {
        [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(Ulong::from(KEY_BYTES)),
            Attribute::Label(self.address.object.clone().into_bytes()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ]
    }

    fn encrypt(&self, about: &[u8], message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| NoRandomness)?;
        let sealed = self.logged_in(false, |session| {
            let key = self.key(session)?;
            let how = GcmParams::new(&mut nonce, about, TAG_BITS.into())
                .map_err(call("take what is sealed about"))?;
            session.encrypt(&Mechanism::AesGcm(how), key, message).map_err(call("seal with AES-GCM"))
        })?;
        // A token that draws nonces itself has put its own in the place of ours.
        Ok([&nonce, &sealed[..]].concat())
    }

    fn decrypt(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let closed = |source| TokenError::Closed { key: self.address.title(), source };
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| closed(None))?;
        let mut nonce = *nonce;
        self.logged_in(false, |session| {
            let key = self.key(session)?;
            let how = GcmParams::new(&mut nonce, about, TAG_BITS.into())
                .map_err(call("take what was sealed about"))?;
            let opened = session.decrypt(&Mechanism::AesGcm(how), key, sealed);
            opened.map(Zeroizing::new).map_err(|source| match answer(&source) {
                // What tokens say of a tag that does not fit; some have no better word than the last.
                Some(
                    RvError::EncryptedDataInvalid
                    | RvError::EncryptedDataLenRange
                    | RvError::GeneralError
                    | RvError::FunctionFailed,
                ) => closed(Some(source)),
                _ => call("open with AES-GCM")(source),
            })
        })
    }

    /// Does it in a session that is logged in, and out again.
    fn logged_in<T>(
        &self,
        to_write: bool,
        what: impl FnOnce(&Session) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        library::ask(&self.address.module, |module| {
            let slot = self.slot(module)?;
            let name = || self.address.token_name().to_owned();
            let about = module.get_token_info(slot).map_err(call("say what it is"))?;
            if about.user_pin_locked() {
                return Err(TokenError::Locked(name()));
            }
            // A file that has the wrong PIN would be tried again and again.
            if about.user_pin_final_try() && !self.typed {
                return Err(TokenError::LastTry(name()));
            }
            let session = if to_write { module.open_rw_session(slot) } else { module.open_ro_session(slot) };
            let session = session.map_err(call("open a session"))?;
            let pin = AuthPin::from(self.pin.as_str());
            session.login(UserType::User, Some(&pin)).map_err(|source| match answer(&source) {
                Some(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange) => {
                    TokenError::WrongPin(name())
                }
                Some(RvError::PinLocked) => TokenError::Locked(name()),
                _ => call("log in")(source),
            })?;
            what(&session)
        })
    }

    /// The one token of this name.
    fn slot(&self, module: &Pkcs11) -> Result<Slot, TokenError> {
        let wanted = |text: &Option<String>, found: &str| text.as_ref().is_none_or(|text| text == found);
        let (mut found, mut there) = (None, Vec::new());
        for slot in module.get_slots_with_initialized_token().map_err(call("list tokens"))? {
            let about = module.get_token_info(slot).map_err(call("say what it is"))?;
            if wanted(&self.address.token, about.label())
                && wanted(&self.address.serial, about.serial_number())
            {
                if found.replace(slot).is_some() {
                    return Err(TokenError::SeveralTokens(self.address.token_name().to_owned()));
                }
            } else {
                there.push(about.label().to_owned());
            }
        }
        found.ok_or_else(|| TokenError::NoToken { wanted: self.address.token_name().to_owned(), there })
    }

    /// The one key of this name, which does not leave the token.
    fn key(&self, session: &Session) -> Result<ObjectHandle, TokenError> {
        let title = || self.address.title();
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(self.address.object.clone().into_bytes()),
        ];
        let found = session.find_objects(&template).map_err(call("look for keys"))?;
        let key = match found[..] {
            [] => return Err(TokenError::NoKey(title())),
            [key] => key,
            _ => return Err(TokenError::SeveralKeys(title())),
        };
        let kept = [AttributeType::Sensitive, AttributeType::Extractable];
        let kept = session.get_attributes(key, &kept).map_err(call("say how it keeps the key"))?;
        if kept.contains(&Attribute::Sensitive(true)) && kept.contains(&Attribute::Extractable(false)) {
            Ok(key)
        } else {
            Err(TokenError::Loose(title()))
        }
    }
}

impl Keeper for Token {
    fn place(&self) -> &str {
        self.address.as_str()
    }

    fn seal(&self, about: &[u8], message: &[u8]) -> Result<Vec<u8>, KeeperError> {
        Ok(self.encrypt(about, message)?)
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeeperError> {
        Ok(self.decrypt(about, sealed)?)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.address.as_str()).finish()
    }
}
