//! `welkin parallelize profile`: from measurements to a calibration.

use super::show::seconds;
use super::{read, save, unusable};
use crate::app::App;
use crate::cli::ProfileArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, shown};
use std::io::Write;
use welkin_parallel::{Calibration, Fit, MOST_MEASUREMENT_BYTES, Quantity};

pub(super) fn run(args: &ProfileArgs, app: &mut App) -> anyhow::Result<Exit> {
    let path = &args.measurements;
    let fitted = Calibration::fitted(&read(path, MOST_MEASUREMENT_BYTES)?);
    let calibration = fitted.map_err(|error| unusable(path, error))?;
    if let Some(path) = &args.save {
        save(path, &calibration.write())?;
    }
    match app.settings.output {
        // The file says itself what it is.
        Format::Json => app.out.write_all(&calibration.write())?,
        Format::Table => table(&calibration, app)?,
    }
    Ok(Exit::Success)
}

fn table(calibration: &Calibration, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("MEASURED", Align::Left),
        ("GROUP", Align::Right),
        ("START", Align::Right),
        ("RATE", Align::Right),
        ("OFF BY", Align::Right),
        ("SIZES", Align::Right),
    ]);
    for fit in &calibration.fits {
        table.row([
            format!("{} {}", fit.what.name(), fit.kind.as_deref().unwrap_or_default()).trim_end().to_owned(),
            fit.group.map(|group| group.to_string()).unwrap_or_default(),
            with_error(seconds(fit.start_s), fit.start_error_s, fit.start_s),
            with_error(rate(fit), fit.each_error_s, fit.each_s),
            format!("{:.0} %", 100.0 * fit.off),
            fit.sizes.to_string(),
        ]);
    }
    let Calibration { device, devices, made_by, .. } = calibration;
    writeln!(app.out, "{devices} × {}, measured by {}\n", shown(device), shown(made_by))?;
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(())
}

/// `3.10 µs ± 4 %`.
fn with_error(text: String, error: f64, value: f64) -> String {
    if value > 0.0 { format!("{text} ± {:.0} %", 100.0 * error / value) } else { text }
}

fn rate(fit: &Fit) -> String {
    let rate = 1.0 / fit.each_s;
    match fit.what {
        _ if fit.each_s <= 0.0 => "free".to_owned(),
        Quantity::Launch => format!("{} each", seconds(fit.each_s)),
        Quantity::Matmul if rate >= 1e12 => format!("{:.2} TFLOP/s", rate / 1e12),
        Quantity::Matmul => format!("{:.2} GFLOP/s", rate / 1e9),
        _ => format!("{:.2} GB/s", rate / 1e9),
    }
}
