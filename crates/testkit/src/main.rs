//! `welkin-testkit`: the stand-ins as programs, for benchmarks that count another process's CPU
//! alone, and for the oracles.

use std::io::{self, Write};
use std::net::IpAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use welkin_testkit::s3::{BucketKind, Rule, S3Options, S3Server, Synthetic};
use welkin_testkit::stand_ins;

/// Stand-ins that tests and benchmarks run against.
#[derive(Debug, Parser)]
#[command(name = "welkin-testkit", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves S3 from memory, prints `http://ADDRESS` on the first line, and runs until it is killed
    S3(S3Args),
    /// Starts an S3 server that nobody here wrote, prints its address, access key, secret and folder, a line
    /// each, and runs until standard input ends
    StandIn {
        /// Which
        which: Which,
    },
    /// Starts hosts with an SSH server each, prints the words that log in to them as WELKIN_SSH takes them, and
    /// runs until standard input ends
    Hosts {
        /// How many: `h1` and on
        #[arg(default_value_t = 3)]
        count: u8,
    },
}

#[derive(Debug, Args)]
struct S3Args {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    ip: IpAddr,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Verify signatures with this key; without it nothing is verified
    #[arg(long, requires = "secret_key")]
    access_key: Option<String>,
    /// Its secret
    #[arg(long, requires = "access_key")]
    secret_key: Option<String>,
    /// Buckets that keep their objects
    #[arg(long, value_delimiter = ',')]
    buckets: Vec<String>,
    /// Buckets that keep sizes and checksums and throw bytes away
    #[arg(long, value_delimiter = ',')]
    discard: Vec<String>,
    /// A bucket of objects made on the fly: NAME=OBJECTS,BYTES[,SEED]
    #[arg(long, value_parser = synthetic)]
    synthetic: Vec<(String, Synthetic)>,
    /// What goes wrong, for instance `slow-down:every=7,retry-after=1,op=PutObject`
    #[arg(long)]
    fault: Vec<Rule>,
    /// Threads that serve
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Run until standard input ends
    #[arg(long)]
    leash: bool,
}

/// Servers of others that speak S3.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Rclone,
    Moto,
}

fn main() -> io::Result<()> {
    match Cli::parse().command {
        Command::S3(args) => serve(args),
        Command::StandIn { which } => stand_in(which),
        Command::Hosts { count } => hosts(count),
    }
}

fn hosts(count: u8) -> io::Result<()> {
    let hosts = welkin_testkit::net::Hosts::try_new(count).map_err(io::Error::other)?;
    writeln!(io::stdout(), "{} ssh -F {}", hosts.prefix().join(" "), hosts.config().display())?;
    io::stdout().flush()?;
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}

fn serve(args: S3Args) -> io::Result<()> {
    let mut options = S3Options::default().ip(args.ip).port(args.port).threads(args.threads);
    if let (Some(access), Some(secret)) = (&args.access_key, &args.secret_key) {
        options = options.credentials(access, secret);
    }
    let memory = args.buckets.into_iter().map(|name| (name, BucketKind::Memory));
    let discard = args.discard.into_iter().map(|name| (name, BucketKind::Discard));
    let made = args.synthetic.into_iter().map(|(name, kind)| (name, BucketKind::Synthetic(kind)));
    for (name, kind) in memory.chain(discard).chain(made) {
        options = options.bucket_of(&name, kind);
    }
    let options = args.fault.into_iter().fold(options, S3Options::fault);
    let server = S3Server::start(options)?;
    // Flushed: whoever started this waits for the line.
    writeln!(io::stdout(), "{}", server.url())?;
    io::stdout().flush()?;
    if args.leash {
        return leash();
    }
    loop {
        std::thread::park();
    }
}

fn stand_in(which: Which) -> io::Result<()> {
    let started = match which {
        Which::Rclone => stand_ins::rclone(),
        Which::Moto => stand_ins::moto(),
    };
    let server = started.map_err(io::Error::other)?;
    let (access, secret) = server.credentials().unwrap_or_default();
    writeln!(io::stdout(), "{}\n{access}\n{secret}\n{}", server.url(), server.folder().display())?;
    io::stdout().flush()?;
    leash()
}

/// Waits until standard input ends: then whoever started this is gone, or wants it gone.
fn leash() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}

fn synthetic(text: &str) -> Result<(String, Synthetic), String> {
    let shape = || format!("`{text}` is not NAME=OBJECTS,BYTES[,SEED]");
    let (name, rest) = text.split_once('=').ok_or_else(shape)?;
    let numbers: Result<Vec<u64>, _> = rest.split(',').map(str::parse).collect();
    match numbers.map_err(|_| shape())?[..] {
        [objects, bytes] => Ok((name.to_owned(), Synthetic { objects, bytes, seed: 0 })),
        [objects, bytes, seed] => Ok((name.to_owned(), Synthetic { objects, bytes, seed })),
        _ => Err(shape()),
    }
}
