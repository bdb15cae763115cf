//! Imports a folder of price lists (`FOLDER/PROVIDER/vms.csv`) and prints what each step costs.
//!
//! `cargo run --release -p welkin-catalog --example import_bench -- FOLDER`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use welkin_catalog::import::{Origin, import};
use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AcceleratorFilter, AlignedBytes, Amount, Catalog, CatalogBuilder, Filter, Market, Selection, starter,
};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: import_bench FOLDER");
        return ExitCode::FAILURE;
    };
    match run(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let tables = timed("tables", Tables::embedded);
    let starter = timed("starter catalog, rows and build", starter::catalog_bytes);
    println!("    {} bytes", starter.len());
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let provider = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(bytes) = std::fs::read(path.join("vms.csv")) else { continue };
        let file = format!("{provider}/vms.csv");
        let origin = Origin { provider: &provider, file: &file, as_of: "2026-05-20" };
        let imported = timed(&format!("import {file}"), || import(&bytes, &origin, tables))?;
        println!(
            "    {} read, {} offers, {} repaired, {} composed, {:?}",
            imported.read,
            imported.rows.len(),
            imported.repaired,
            imported.composed,
            imported.counts
        );
        rows.extend(imported.rows);
    }
    let bytes = timed("build", || {
        let mut builder = CatalogBuilder::new();
        rows.iter().try_for_each(|row| builder.push(row)).map(|()| builder.finish())
    })?;
    let aligned = AlignedBytes::copy_from(&bytes);
    timed("blake3 of the file", || blake3::hash(&bytes));
    let catalog = timed("open", || Catalog::open(aligned.as_bytes()))?;
    let catalog = timed("open again", || Catalog::open(aligned.as_bytes())).unwrap_or(catalog);
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let each = bytes.len() as f64 / catalog.len() as f64;
    println!("{} offers, {} bytes, {each:.1} bytes an offer", catalog.len(), bytes.len());
    let accelerator = |name: &str, count| {
        Some(AcceleratorFilter { name: name.to_owned(), count: Some(Amount::exactly(count)) })
    };
    for (name, filter) in [
        ("everything", Filter::default()),
        ("A100:8", Filter { accelerator: accelerator("A100", 8000), ..Filter::default() }),
        (
            "cpus 8+, memory 32+, spot, eu",
            Filter {
                cpus: Some(Amount::at_least(8000)),
                memory_gib: Some(Amount::at_least(32_000)),
                market: Market::Spot,
                jurisdictions: vec!["eu".to_owned()],
                ..Filter::default()
            },
        ),
        (
            "H100:8 in *-east*",
            Filter {
                region: Some("*-east*".to_owned()),
                accelerator: accelerator("h100", 8000),
                ..Filter::default()
            },
        ),
    ] {
        let Selection { ids, removed } = timed(&format!("select {name}"), || catalog.select(&filter));
        println!("    {} of {}, removed {removed:?}", ids.len(), catalog.len());
    }
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("{:>9.3} ms  {what}", start.elapsed().as_secs_f64() * 1e3);
    done
}
