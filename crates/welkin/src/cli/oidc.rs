//! Of `welkin serve`: the identity provider by which people log in.

use crate::settings::OidcConfig;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Each comes before what `[oidc]` in `config.toml` says.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Logins of an identity provider (OpenID Connect); also [oidc] in config.toml")]
pub(crate) struct OidcArgs {
    /// The provider's issuer; people whom it names come in as what their groups are here
    #[arg(long, value_name = "URL")]
    pub(crate) oidc_issuer: Option<String>,
    /// What Welkin is called at the provider
    #[arg(long, value_name = "ID")]
    pub(crate) oidc_client_id: Option<String>,
    /// A file with the client's secret, where the provider wants one
    #[arg(long, value_name = "FILE")]
    pub(crate) oidc_client_secret_file: Option<PathBuf>,
    /// Certificate authorities in PEM for the provider, besides those of the web
    #[arg(long, value_name = "FILE")]
    pub(crate) oidc_authorities: Option<PathBuf>,
    /// What to ask for besides `openid` [default: email profile]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) oidc_scope: Vec<String>,
    /// The claim that names people, which they cannot choose themselves [default: email]
    #[arg(long, value_name = "CLAIM")]
    pub(crate) oidc_name_claim: Option<String>,
    /// The claim that lists their groups [default: groups]
    #[arg(long, value_name = "CLAIM")]
    pub(crate) oidc_groups_claim: Option<String>,
    /// What a group is on the broker; whoever is in no group with a role stays out
    #[arg(long, value_name = "GROUP=ROLE", value_parser = group_role)]
    pub(crate) oidc_role: Vec<(String, String)>,
    /// What a group is in a project
    #[arg(long, value_name = "PROJECT:GROUP=ROLE", value_parser = project_group_role)]
    pub(crate) oidc_project: Vec<(String, String, String)>,
    /// How long a login is good, 30 days at most [default: 12h]
    #[arg(long, value_name = "TIME")]
    pub(crate) oidc_lifetime: Option<String>,
}

impl OidcArgs {
    /// What holds: these, and what the file says where they say nothing.
    pub(crate) fn over(&self, file: &OidcConfig) -> OidcConfig {
        let args = self.clone();
        let mut projects: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (project, group, role) in args.oidc_project {
            projects.entry(project).or_default().insert(group, role);
        }
        let file = file.clone();
        OidcConfig {
            issuer: args.oidc_issuer.or(file.issuer),
            client_id: args.oidc_client_id.or(file.client_id),
            client_secret_file: args.oidc_client_secret_file.or(file.client_secret_file),
            authorities: args.oidc_authorities.or(file.authorities),
            scopes: if args.oidc_scope.is_empty() { file.scopes } else { Some(args.oidc_scope) },
            name_claim: args.oidc_name_claim.or(file.name_claim),
            groups_claim: args.oidc_groups_claim.or(file.groups_claim),
            lifetime: args.oidc_lifetime.or(file.lifetime),
            roles: if args.oidc_role.is_empty() { file.roles } else { args.oidc_role.into_iter().collect() },
            projects: if projects.is_empty() { file.projects } else { projects },
        }
    }
}

/// `GROUP=ROLE`; a group's name may have any character.
fn group_role(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((group, role)) if !group.is_empty() => Ok((group.to_owned(), role.to_owned())),
        _ => Err("expected GROUP=ROLE".to_owned()),
    }
}

fn project_group_role(text: &str) -> Result<(String, String, String), String> {
    let wrong = || "expected PROJECT:GROUP=ROLE".to_owned();
    let (project, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (group, role) = group_role(rest).map_err(|_| wrong())?;
    Ok((project.to_owned(), group, role))
}
