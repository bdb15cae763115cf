//! What a broker goes by and cannot change while it runs.

use crate::app::App;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// A digest over the program, the configuration, the hosts and the providers of the catalog. A broker whose digest is
/// another than that of a command would do something else than the command says.
pub(super) fn digest(app: &App) -> anyhow::Result<String> {
    let settings = &app.settings;
    let mut hash = blake3::Hasher::new();
    let mut add = |what: &[u8]| {
        hash.update(&(what.len() as u64).to_le_bytes());
        hash.update(what);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    // Another file at the same path is another program: users put new versions over old ones.
    if let Ok(about) = std::env::current_exe().and_then(fs::metadata) {
        let nanos = about.mtime_nsec().unsigned_abs();
        let stamp = [about.dev(), about.ino(), about.size(), about.mtime().unsigned_abs(), nanos];
        stamp.iter().for_each(|part| add(&part.to_le_bytes()));
    }
    let [first, second] = app.sky.hosts().files();
    for file in [settings.folders.config_file(), first, second] {
        add(&fs::read(file).unwrap_or_default());
    }
    add(settings.ssh_command.as_bytes());
    add(settings.log_keep.map(|keep| keep.to_string()).unwrap_or_default().as_bytes());
    let names: BTreeSet<&str> = app.catalog()?.places().map(|(_, place)| place.provider).collect();
    names.iter().for_each(|name| add(name.as_bytes()));
    Ok(hash.finalize().to_hex().to_string())
}
