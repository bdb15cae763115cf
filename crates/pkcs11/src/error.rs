//! Why a token does not do what it is asked for.

use cryptoki::error::{Error, RvError};
use std::path::PathBuf;
use welkin_seal::NoRandomness;

/// Why a token does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no such module, or it is none.
    #[error("the PKCS#11 module {module} cannot be loaded")]
    Load {
        /// Where it should be.
        module: PathBuf,
        /// What the system or the module says.
        #[source]
        source: Error,
    },
    /// No token of this name.
    #[error("there is no token `{wanted}`; {}", list(.there))]
    NoToken {
        /// Its name or number.
        wanted: String,
        /// Those that are there.
        there: Vec<String>,
    },
    /// The name is that of several.
    #[error("several tokens are called `{0}`")]
    SeveralTokens(String),
    /// The key is not there.
    #[error("the token has no AES key {0}")]
    NoKey(String),
    /// The name is that of several.
    #[error("the token has several AES keys {0}")]
    SeveralKeys(String),
    /// A key that is not what it is used for.
    #[error("the key {0} can be taken out of its token")]
    Loose(String),
    /// The PIN is another.
    #[error("the PIN of the token `{0}` is wrong")]
    WrongPin(String),
    /// Nothing is lost yet.
    #[error("the token `{0}` locks itself at the next wrong PIN, and this one is in a file")]
    LastTry(String),
    /// Too many wrong ones.
    #[error("the token `{0}` is locked after too many wrong PINs")]
    Locked(String),
    /// Sealed by another key, or changed.
    #[error("the key {key} is not the one that these were sealed by, or they were changed")]
    Closed {
        /// Which.
        key: String,
        /// What the token says.
        #[source]
        source: Option<Error>,
    },
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Anything else.
    #[error("the token does not {doing}")]
    Call {
        /// What it was asked for.
        doing: &'static str,
        /// What it says.
        #[source]
        source: Error,
    },
}

/// How many names are listed.
const MOST_NAMES: usize = 10;

fn list(there: &[String]) -> String {
    let names: Vec<_> = there.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "the module has none that is set up".to_owned()
    } else {
        format!("there is {}", names.join(", "))
    }
}

/// Makes an error of what a call says.
pub(crate) fn call(doing: &'static str) -> impl Fn(Error) -> TokenError {
    move |source| TokenError::Call { doing, source }
}

/// The answer of a token, where it is an answer.
pub(crate) fn answer(error: &Error) -> Option<RvError> {
    match error {
        Error::Pkcs11(answer, _) => Some(*answer),
        _ => None,
    }
}
