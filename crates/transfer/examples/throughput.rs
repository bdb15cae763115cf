//! How fast trees move between folders of this machine: one large file, and many small ones.
//! Run with `cargo run --release -p welkin-transfer --example throughput [FOLDER]`; it needs 4 GB there.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use welkin_store::Endpoint;
use welkin_stores::Local;
use welkin_transfer::{copy_tree, fetch_tree, publish_tree, silent, verify_tree};

const LARGE_BYTES: usize = 1 << 30;
const SMALL_FILES: usize = 5_000;
const SMALL_BYTES: usize = 4 << 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(place)?;
    let large = folder.path().join("large");
    let mut file = std::fs::File::create(&large)?;
    let block: Vec<u8> = (0..1_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for _ in 0..LARGE_BYTES / block.len() {
        file.write_all(&block)?;
    }
    measure("one file of 1 GiB", &large, folder.path()).await?;
    let small = folder.path().join("small");
    std::fs::create_dir(&small)?;
    for number in 0..SMALL_FILES {
        std::fs::write(small.join(number.to_string()), &block[..SMALL_BYTES])?;
    }
    measure("5000 files of 4 KiB", &small, folder.path()).await
}

async fn measure(what: &str, tree: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let store = |name: &str| -> Arc<dyn Endpoint> { Local::new(folder.join(name), false) };
    let (first, second) = (store("first"), store("second"));
    let begin = Instant::now();
    let published = publish_tree(tree, &first, "p", &silent).await?;
    let publish = begin.elapsed();
    let begin = Instant::now();
    copy_tree(&first, "p", &second, "p", &published.digest, &silent).await?;
    let copy = begin.elapsed();
    let begin = Instant::now();
    verify_tree(&second, "p", &published.digest, &silent).await?;
    let verify = begin.elapsed();
    let begin = Instant::now();
    fetch_tree(&second, "p", &published.digest, &folder.join("fetched"), &silent).await?;
    let fetch = begin.elapsed();
    report(&format!(
        "{what}: publish {publish:.2?}, copy {copy:.2?}, verify {verify:.2?}, fetch {fetch:.2?}"
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn report(line: &str) {
    println!("{line}");
}
