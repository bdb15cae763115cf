//! What opens a file.

use std::collections::BTreeMap;
use welkin_seal::Secret;

/// Keys of a file: of each column by its path, and of the footer under [`welkin_seal::FOOTER`].
pub type Keys = BTreeMap<String, Secret>;
