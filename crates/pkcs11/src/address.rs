//! Where a key is: `pkcs11:token=LABEL;object=KEY?module-path=/…/module.so&pin-source=/…/pin`, as RFC 7512 spells it.
//!
//! What is not understood is refused: a word that narrows down the token and is passed over would lead to another one.

use percent_encoding::percent_decode_str;
use std::path::{Path, PathBuf};

/// A key of a token. Its text is kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    /// The token's name.
    pub(crate) token: Option<String>,
    pub(crate) serial: Option<String>,
    /// The key's name.
    pub(crate) object: String,
    pub(crate) module: PathBuf,
    pin_source: Option<PathBuf>,
}

/// Why a text is not the address of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another kind of text.
    #[error("it does not begin with `pkcs11:`")]
    Scheme,
    /// Longer than such an address is.
    #[error("it is longer than {MOST_BYTES} bytes")]
    Long,
    /// A part that is no `NAME=VALUE`, or whose value cannot be read.
    #[error("`{0}` is not NAME=VALUE with a value in UTF-8")]
    Part(String),
    /// A part that is not understood.
    #[error(
        "`{0}` is not supported here: token, serial, object and type are, after `?` module-path and pin-source"
    )]
    Unknown(String),
    /// A part that comes twice.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// A part that is needed.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A PIN where it would be kept and seen.
    #[error("`pin-value` would be kept in files and seen in lists of processes")]
    Pin,
    /// A path that depends on where one stands, or a program.
    #[error("`{0}` has to be the whole path of a file")]
    Path(&'static str),
    /// Something else than a secret key.
    #[error("the key has to be of type secret-key, not `{0}`")]
    Type(String),
}

/// Two paths and three names, spelt out.
const MOST_BYTES: usize = 2 << 10;

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// Where it is none, or names no token, no key or no module.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MOST_BYTES {
            return Err(AddressError::Long);
        }
        let rest = text.strip_prefix("pkcs11:").ok_or(AddressError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut serial, mut object) = (None, None, None);
        let (mut kind, mut module, mut pin_source) = (None, None, None);
        for part in path.split(';').filter(|part| !part.is_empty()) {
            match read(part)? {
                ("token", value) => once("token", &mut token, value)?,
                ("serial", value) => once("serial", &mut serial, value)?,
                ("object", value) => once("object", &mut object, value)?,
                ("type", value) => once("type", &mut kind, value)?,
                (name, _) => return Err(AddressError::Unknown(name.to_owned())),
            }
        }
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match read(part)? {
                ("module-path", value) => once("module-path", &mut module, value)?,
                ("pin-source", value) => once("pin-source", &mut pin_source, value)?,
                ("pin-value", _) => return Err(AddressError::Pin),
                (name, _) => return Err(AddressError::Unknown(name.to_owned())),
            }
        }
        if let Some(kind) = kind.filter(|kind| kind != "secret-key") {
            return Err(AddressError::Type(kind));
        }
        if token.is_none() && serial.is_none() {
            return Err(AddressError::Missing("token"));
        }
        let object = object.filter(|object| !object.is_empty()).ok_or(AddressError::Missing("object"))?;
        let module = whole("module-path", &module.ok_or(AddressError::Missing("module-path"))?)?;
        let pin_source = pin_source.map(|source| {
            whole(
                "pin-source",
                source.strip_prefix("file://").or(source.strip_prefix("file:")).unwrap_or(&source),
            )
        });
        Ok(Self { text: text.to_owned(), token, serial, object, module, pin_source: pin_source.transpose()? })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The file that has the PIN, if the address names one.
    #[must_use]
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// The key and its token for people.
    #[must_use]
    pub fn title(&self) -> String {
        format!("`{}` in the token `{}`", self.object, self.token_name())
    }

    pub(crate) fn token_name(&self) -> &str {
        self.token.as_deref().or(self.serial.as_deref()).unwrap_or_default()
    }
}

fn read(part: &str) -> Result<(&str, String), AddressError> {
    let wrong = || AddressError::Part(part.to_owned());
    let (name, value) = part.split_once('=').ok_or_else(wrong)?;
    // Half of a sequence, and a name's end that a module takes for the end of all, are nobody's intention.
    let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong())?.into_owned();
    if value.contains('\0') { Err(wrong()) } else { Ok((name, value)) }
}

fn once(name: &'static str, slot: &mut Option<String>, value: String) -> Result<(), AddressError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(AddressError::Twice(name)),
    }
}

fn whole(name: &'static str, path: &str) -> Result<PathBuf, AddressError> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(AddressError::Path(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_token_a_key_and_a_module() {
        let text = "pkcs11:token=The%20token;object=welkin;type=secret-key?module-path=/lib/m.so&pin-source=file:/etc/pin";
        let address = Address::parse(text).unwrap();
        assert_eq!(address.as_str(), text);
        assert_eq!((address.token.as_deref(), address.serial.as_deref()), (Some("The token"), None));
        assert_eq!((address.object.as_str(), &*address.module), ("welkin", Path::new("/lib/m.so")));
        assert_eq!(address.pin_source(), Some(Path::new("/etc/pin")));
        let by_serial = Address::parse("pkcs11:serial=0a1b;object=k?module-path=/m.so").unwrap();
        assert_eq!((by_serial.token_name(), by_serial.pin_source()), ("0a1b", None));
        let url =
            Address::parse("pkcs11:token=t;object=k?pin-source=file:///etc/pin&module-path=/m.so").unwrap();
        assert_eq!(url.pin_source(), Some(Path::new("/etc/pin")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let module = "module-path=/m.so";
        for (text, error) in [
            ("token=t;object=k", AddressError::Scheme),
            ("pkcs11:object=k?module-path=/m.so", AddressError::Missing("token")),
            ("pkcs11:token=t?module-path=/m.so", AddressError::Missing("object")),
            ("pkcs11:token=t;object=?module-path=/m.so", AddressError::Missing("object")),
            ("pkcs11:token=t;object=k", AddressError::Missing("module-path")),
            ("pkcs11:token=t;object=k?module-path=m.so", AddressError::Path("module-path")),
            ("pkcs11:token=t;token=u;object=k?module-path=/m.so", AddressError::Twice("token")),
            ("pkcs11:token=t;slot-id=1;object=k?module-path=/m.so", AddressError::Unknown("slot-id".into())),
            (
                "pkcs11:token=t;object=k?module-path=/m.so&module-name=m",
                AddressError::Unknown("module-name".into()),
            ),
            ("pkcs11:token=t;object=k?module-path=/m.so&pin-value=1", AddressError::Pin),
            ("pkcs11:token=t;object=k?module-path=/m.so&pin-source=%7Cask", AddressError::Path("pin-source")),
            ("pkcs11:token=t;object=k;type=private?module-path=/m.so", AddressError::Type("private".into())),
            ("pkcs11:token=t;object?module-path=/m.so", AddressError::Part("object".into())),
            ("pkcs11:token=%ff;object=k?module-path=/m.so", AddressError::Part("token=%ff".into())),
            ("pkcs11:token=t%00u;object=k?module-path=/m.so", AddressError::Part("token=t%00u".into())),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
        let long = format!("pkcs11:token=t;object={}?{module}", "k".repeat(MOST_BYTES));
        assert_eq!(Address::parse(&long), Err(AddressError::Long));
    }
}
