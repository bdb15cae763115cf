//! `welkin providers`.

use clap::Args;

/// Show what is in reach: providers, hosts, the identity used there, and how to fix what is not
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProvidersArgs {}

const EXAMPLES: &str = "\
Examples:
  welkin providers                 logs in to every host of hosts.yaml
  welkin providers -o json

Hosts of your own are named in hosts.yaml in the folder that holds config.toml, else in
~/.welkin/hosts.yaml. `ssh` must be able to log in to them without a password.";
