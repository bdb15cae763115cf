//! `welkin gateway`: this program as the far end, or the middle, of a transfer.

use clap::{Args, Subcommand};

/// Receive, send and pass on data for transfers of other machines
#[derive(Debug, Args)]
#[command(after_help = GATEWAY)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: GatewayCommand,
}

const GATEWAY: &str = "\
Examples:
  welkin gateway id
  welkin gateway serve /data --listen 0.0.0.0:7400 --allow w1:3f…
  welkin gateway serve --listen 0.0.0.0:7400 --allow w1:3f… --relay-to store.example:7400
  welkin cp ./tree welkin://w1:9c…@store.example:7400/tree --via w1:77…@relay.example:7400

Both ends know each other by fingerprints, as with SSH keys. A machine has two: one that it calls with, and one
that it serves and relays with. What goes through a relay is sealed for the gateway behind it: a relay sees
sizes, kinds and order of frames and nothing else, and keeps nothing.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Print the fingerprint of this machine, for `--allow` at others
    Id(IdArgs),
    /// Serve a folder or a bucket, or relay
    Serve(ServeArgs),
}

/// Which fingerprint.
#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// The one it serves and relays with, for `--allow-relay` at others, instead of the one it calls with
    #[arg(long)]
    pub(crate) serving: bool,
}

const SERVE: &str = "\
Examples:
  welkin gateway serve /data --listen 0.0.0.0:7400 --allow w1:3f…
  welkin gateway serve s3://bucket --listen 0.0.0.0:7400 --allow w1:3f… --allow-relay w1:77…
  welkin gateway serve --listen 0.0.0.0:7400 --allow w1:3f… --relay-to store.example:7400
  welkin gateway serve /data --listen 0.0.0.0:7400 --keys ./keys
  welkin gateway serve ./tree --plain

A file of keys has a line for each fingerprint, and is read again on SIGHUP:
  client w1:3f… rights=read,list folder=incoming until=2027-01-01
  relay w1:77…
Rights are read, write, delete, list and through (to others, where this is a relay); all where none are named.";

/// What a gateway serves, and to whom.
#[derive(Debug, Args)]
#[command(after_help = SERVE)]
pub(crate) struct ServeArgs {
    /// What is behind it: a folder or a bucket; a relay when absent
    #[arg(value_name = "PLACE")]
    pub(crate) place: Option<String>,
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// Who may call it or go through it; may be repeated
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) allow: Vec<String>,
    /// Relays that may bring the sealed connections of those; may be repeated
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) allow_relay: Vec<String>,
    /// File with fingerprints and what each may do; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<std::path::PathBuf>,
    /// Pass connections on to this address, or to every port of a host (`HOST:*`); may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) relay_to: Vec<String>,
    /// Pass connections on to any public address that they ask for
    #[arg(long)]
    pub(crate) relay_anywhere: bool,
    /// Neither encrypt nor ask who calls: for this machine, or networks that are encrypted otherwise
    #[arg(long, conflicts_with_all = ["allow", "allow_relay", "keys"])]
    pub(crate) plain: bool,
    /// Let `--plain` listen where other machines can reach it: every one of them may do everything
    #[arg(long, requires = "plain")]
    pub(crate) expose_plain: bool,
    /// Memory that one client may take
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    pub(crate) client_memory: welkin_units::Bytes,
    /// Speak over standard input and output instead of listening
    #[arg(long, requires = "place", conflicts_with_all = ["listen", "plain"])]
    pub(crate) stdio: bool,
    /// Congestion control of its connections, such as cubic; the system's when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) congestion: Option<String>,
}
