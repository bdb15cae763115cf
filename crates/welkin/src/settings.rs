//! Settings: flags before environment before `config.toml` before defaults.

mod file;
mod login;
mod oidc;
mod private;
mod stores;

#[cfg(test)]
pub(crate) use file::ConfigFile;
pub(crate) use login::Login;
pub(crate) use oidc::OidcConfig;

use crate::cli::{ColorChoice, Global, Output};
use crate::output::Format;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;
use welkin_gateway::{Token, TokenError};
use welkin_sky::{Config, Folders, PeerSettings, SkyOptions, Variables};
use welkin_stores::StoreSettings;
use welkin_units::{Bytes, Span};

/// What all commands go by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where state, configuration and the catalog lie. May not exist yet.
    pub(crate) folders: Folders,
    pub(crate) output: Format,
    /// Whether a graph is asked for in place of a table.
    pub(crate) graph: bool,
    pub(crate) color: ColorChoice,
    /// How much to tell besides the result.
    pub(crate) verbose: u8,
    /// Providers to plan over; empty means every provider of the catalog.
    pub(crate) providers: Vec<String>,
    /// Stores with names of their own.
    pub(crate) stores: BTreeMap<String, StoreSettings>,
    /// Gateways and relays with names of their own.
    pub(crate) peers: BTreeMap<String, PeerSettings>,
    /// How `ssh` is called, with the arguments that come before those of a host.
    pub(crate) ssh_command: String,
    /// Whether commands drive their runs themselves, as scripts may want it.
    pub(crate) foreground: bool,
    /// After how long without work a broker that a command started ends; zero is never.
    pub(crate) broker_idle: Option<Duration>,
    /// Most bytes of output that are kept of a step on a node.
    pub(crate) log_keep: Option<Bytes>,
    /// By which identity provider people log in to a broker that serves a team.
    pub(crate) oidc: OidcConfig,
    /// Where traces of runs are sent; a mistake in that is told by whoever would send them.
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Result<Option<welkin_otlp::Options>, welkin_otlp::OptionsError>,
    /// The broker of a team that is asked in place of one here.
    pub(crate) login: Option<Login>,
    /// The token to show to it in place of a key of this machine; a mistake in it is told when it is needed.
    token: Option<Result<Token, TokenError>>,
    /// Public keys of providers, whose agreements count.
    pub(crate) trusted_keys: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// Merges all sources. Reads one small file or two, if they exist; `own` says that it does not matter who is logged in.
    pub(crate) fn resolve(global: &Global, own: bool) -> anyhow::Result<Self> {
        let folders = Folders::below(home(|name| env::var_os(name))?);
        private::close(folders.home());
        let file = file::read(&folders.config_file())?;
        let output = match global.output {
            Some(Output::Json) => Some(Format::Json),
            Some(Output::Table | Output::Dot) => Some(Format::Table),
            None => choice("WELKIN_OUTPUT")?.or(file.output),
        };
        let color = match global.color {
            Some(color) => Some(color),
            None => choice("WELKIN_COLOR")?.or(file.color),
        };
        let providers = match text("WELKIN_PROVIDERS") {
            Some(list) => list.split(',').map(|name| name.trim().to_lowercase()).collect(),
            None => file.providers,
        };
        Ok(Self {
            login: if own { None } else { Login::read(&folders.login())? },
            folders,
            output: output.unwrap_or_default(),
            graph: global.output == Some(Output::Dot),
            color: color.unwrap_or_default(),
            verbose: global.verbose,
            ssh_command: text("WELKIN_SSH").or(file.ssh_command).unwrap_or_else(|| "ssh".to_owned()),
            foreground: switch("WELKIN_FOREGROUND")?.unwrap_or(file.foreground),
            broker_idle: idle(text("WELKIN_BROKER_IDLE").or(file.broker_idle))?,
            log_keep: keep(text("WELKIN_LOG_KEEP").or(file.log_keep))?,
            peers: file.peers,
            oidc: file.oidc,
            trusted_keys: file.trusted_keys,
            #[cfg(feature = "otlp")]
            otlp: welkin_otlp::Options::of(text),
            stores: stores::with_environment(file.stores, text)?,
            token: text("WELKIN_TOKEN").map(|text| text.parse()),
            providers: providers.into_iter().filter(|name| !name.is_empty()).collect(),
        })
    }

    /// The token that the environment holds, for the broker of a team.
    pub(crate) fn token(&self) -> anyhow::Result<Option<&Token>> {
        let wrong = |_| {
            Fault::new(Code::Config, "WELKIN_TOKEN does not hold a token of Welkin")
                .hint("it is `wlk_` and 72 digits, as `welkin serve token add` printed it")
        };
        Ok(self.token.as_ref().map(Result::as_ref).transpose().map_err(wrong)?)
    }

    /// The same for the library, which knows no environment.
    pub(crate) fn sky_options(&self) -> SkyOptions {
        SkyOptions {
            user: env::home_dir(),
            variables: Variables::new(|name| env::var_os(name)),
            config: Config {
                providers: self.providers.clone(),
                stores: self.stores.clone(),
                peers: self.peers.clone(),
                ssh_command: self.ssh_command.clone(),
                log_keep: self.log_keep,
            },
            program: env::current_exe().ok(),
            // Randomness from the operating system, by way of the standard library's hash keys.
            seed: RandomState::new().build_hasher().finish(),
            ..SkyOptions::new(self.folders.home())
        }
    }
}

/// The file of the key that seals secrets at rest; `None` where the user has no folder of their own.
pub(crate) fn seal_key_file() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("welkin/seal.key"))
}

/// The database of the broker, for messages about it.
pub(crate) fn records() -> PathBuf {
    Folders::below(home(|name| env::var_os(name)).unwrap_or_default()).records()
}

/// Where Welkin keeps what it knows, given a way to look variables up.
fn home(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let found = set("WELKIN_HOME")
        .or_else(|| set("XDG_STATE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("welkin")))
        .or_else(|| set("HOME").map(|path| path.join(".local/state/welkin")));
    let home = found.ok_or_else(|| {
        Fault::new(Code::Home, "neither WELKIN_HOME nor XDG_STATE_HOME nor HOME is set")
            .hint("set WELKIN_HOME to a folder of your own")
    })?;
    // Agents and other processes start elsewhere.
    std::path::absolute(&home).with_context(|| format!("resolving {}", Path::display(&home)))
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that says yes or no.
fn switch(name: &str) -> anyhow::Result<Option<bool>> {
    match text(name).as_deref() {
        None => Ok(None),
        Some("1" | "true" | "yes") => Ok(Some(true)),
        Some("0" | "false" | "no") => Ok(Some(false)),
        Some(text) => Err(Fault::new(Code::Config, format!("{name} is `{text}`, expected 1 or 0")).into()),
    }
}

fn idle(text: Option<String>) -> anyhow::Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let span: Result<Span, _> = text.parse();
    span.map(|span| Some(span.duration())).map_err(|error| {
        let fault = Fault::new(Code::Config, format!("`{text}` is not a time after which a broker ends"));
        anyhow::Error::new(error).context(fault.hint("write 10m, or 0s for never"))
    })
}

fn keep(text: Option<String>) -> anyhow::Result<Option<Bytes>> {
    let Some(text) = text else { return Ok(None) };
    let bytes: Result<Bytes, _> = text.parse();
    bytes.map(Some).map_err(|error| {
        let fault = Fault::new(Code::Config, format!("`{text}` is not how much of an output is kept"));
        anyhow::Error::new(error).context(fault.hint("write a size, such as 500MB or 10GB"))
    })
}

/// A variable that takes the values of a flag.
fn choice<T: ValueEnum>(name: &str) -> anyhow::Result<Option<T>> {
    let Some(text) = text(name) else { return Ok(None) };
    T::from_str(&text, true).map(Some).map_err(|_| {
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        let message = format!("{name} is `{text}`, expected one of {}", known.join(", "));
        Fault::new(Code::Config, message).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_prefers_the_most_specific_variable() {
        let with = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> =
                set.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
            home(move |name| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        };
        for (set, expected) in [
            (vec![("WELKIN_HOME", "/w"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")], "/w"),
            (vec![("WELKIN_HOME", ""), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")], "/x/welkin"),
            (vec![("XDG_STATE_HOME", "relative"), ("HOME", "/h")], "/h/.local/state/welkin"),
            (vec![("HOME", "/h")], "/h/.local/state/welkin"),
        ] {
            assert_eq!(with(&set).unwrap(), Path::new(expected), "{set:?}");
        }
        assert!(with(&[]).is_err());
    }
}
