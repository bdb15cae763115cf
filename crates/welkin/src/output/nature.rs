//! What stands behind a provider, in words.

use welkin_provider::Nature;

/// How a nature is shown: loud where something only pretends.
pub(crate) const fn nature_words(nature: Nature) -> &'static str {
    match nature {
        Nature::Real => "real",
        Nature::Emulated => "EMULATED",
        Nature::Local => "this machine",
    }
}
