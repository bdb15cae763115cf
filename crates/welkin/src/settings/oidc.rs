//! The identity provider by which people log in to a broker that serves a team.

use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use welkin_oidc::{Options, Provider, Secret};
use welkin_records::{DEFAULT_PROJECT, is_project_name};
use welkin_server::{Role, Rules};
use welkin_units::Span;

/// How long a login is good where nothing is said: a working day.
const USUAL_LIFE: Span = Span::from_secs(12 * 3600);

/// The longest: so long what was taken from somebody at the provider may last here.
const MOST_LIFE: Span = Span::from_secs(30 * 24 * 3600);

/// The longest file of a secret or of authorities, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What `[oidc]` may say. Options of `welkin serve` come before it, one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct OidcConfig {
    pub(crate) issuer: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) name_claim: Option<String>,
    pub(crate) groups_claim: Option<String>,
    pub(crate) lifetime: Option<String>,
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) projects: BTreeMap<String, BTreeMap<String, String>>,
}

impl OidcConfig {
    /// The provider, and what its groups are here; none where nobody logs in by one.
    pub(crate) fn provider(&self) -> anyhow::Result<Option<(Provider, Rules)>> {
        if *self == Self::default() {
            return Ok(None);
        }
        let missing = |what: &str, option: &str| {
            Fault::new(Code::Config, format!("logins of an identity provider need {what}"))
                .hint(format!("`{option}` says it, and so does `[oidc]` in config.toml"))
        };
        let issuer = self.issuer.clone().ok_or_else(|| missing("its issuer", "--oidc-issuer URL"))?;
        let client_id = self.client_id.clone();
        let client_id = client_id.ok_or_else(|| missing("a client id", "--oidc-client-id ID"))?;
        let rules = self.rules()?;
        if rules.roles.is_empty() && rules.projects.is_empty() {
            return Err(missing("a group that has a role", "--oidc-role GROUP=ROLE").into());
        }
        let secret = self.client_secret_file.as_deref().map(secret).transpose()?;
        let authorities = self.authorities.as_deref().map(bytes).transpose()?;
        let text = |said: &Option<String>, usual: &str| said.clone().unwrap_or_else(|| usual.to_owned());
        let scopes = ["email", "profile"].map(str::to_owned).to_vec();
        let options = Options {
            issuer,
            client_id,
            secret,
            scopes: self.scopes.clone().unwrap_or(scopes),
            name_claim: text(&self.name_claim, "email"),
            groups_claim: text(&self.groups_claim, "groups"),
            authorities,
        };
        let provider = Provider::new(options).map_err(|error| {
            let words = error.to_string();
            anyhow::Error::new(error).context(Fault::new(Code::Config, words))
        })?;
        Ok(Some((provider, rules)))
    }

    fn rules(&self) -> anyhow::Result<Rules> {
        let mut projects = BTreeMap::new();
        for (project, groups) in &self.projects {
            if project == DEFAULT_PROJECT || !is_project_name(project) {
                let fault = Fault::new(Code::Config, format!("no group can have a role in `{project}`"));
                let hint = match project == DEFAULT_PROJECT {
                    true => "a role on the broker, `[oidc.roles]`, holds in the default project",
                    false => "a project is named by a to z, 0 to 9 and `-` within, at most 40",
                };
                return Err(fault.hint(hint).into());
            }
            projects.insert(project.clone(), roles(groups)?);
        }
        Ok(Rules { roles: roles(&self.roles)?, projects, life: self.life()? })
    }

    fn life(&self) -> anyhow::Result<Span> {
        let Some(text) = &self.lifetime else { return Ok(USUAL_LIFE) };
        let span: Option<Span> = text.parse().ok();
        let fits = |span: &Span| *span > Span::ZERO && *span <= MOST_LIFE;
        span.filter(fits).ok_or_else(|| {
            let fault = Fault::new(Code::Config, format!("`{text}` is not how long a login can be good"));
            fault.hint("write a time such as 12h, at most 30d").into()
        })
    }
}

fn roles(groups: &BTreeMap<String, String>) -> anyhow::Result<BTreeMap<String, Role>> {
    let role = |(group, role): (&String, &String)| {
        let role = role.parse().map_err(|error: welkin_server::MembersError| {
            Fault::new(Code::Config, format!("group `{group}`: {error}"))
        })?;
        Ok((group.clone(), role))
    };
    groups.iter().map(role).collect()
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = || Fault::new(Code::Config, format!("cannot read {}", path.display()));
    let about = fs::metadata(path).with_context(failed)?;
    if !about.is_file() || about.len() > MAX_FILE_BYTES {
        return Err(failed().hint("it has to be a file of at most 1 MiB").into());
    }
    fs::read(path).with_context(failed)
}

/// The secret in a file, but for a line's end.
fn secret(path: &Path) -> anyhow::Result<Secret> {
    let failed = || Fault::new(Code::Config, format!("there is no secret in {}", path.display()));
    let text = String::from_utf8(bytes(path)?).map_err(|_| failed())?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(failed().into()) } else { Ok(Secret::new(text)) }
}
