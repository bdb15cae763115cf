//! How scores went from round to round: as lines of text, or as a drawing.
//!
//! A model does not know that; what `train` and `federate` write with `--output json` does.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{shown, shown_lines};
use crate::report::{Code, Fault};
use serde::Deserialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What is read of the document.
#[derive(Deserialize)]
struct Document {
    schema: String,
    history: Vec<Vec<(String, f64)>>,
}

/// The scores of one metric of some rows.
struct Curve {
    name: String,
    values: Vec<f64>,
}

pub(super) fn run(path: &Path, svg: bool, app: &mut App) -> anyhow::Result<Exit> {
    let curves = curves(&super::super::read(path)?, path)?;
    let text = if svg { drawing(&curves) } else { lines(&curves) };
    app.out.write_all(shown_lines(&text).as_bytes())?;
    app.out.flush()?;
    Ok(Exit::Success)
}

/// The curves of the last line that has some: a coordinator writes another line before it.
fn curves(bytes: &[u8], path: &Path) -> anyhow::Result<Vec<Curve>> {
    let fault = || {
        let fault = Fault::new(Code::BoostData, format!("{} has no history of a training", path.display()));
        fault.hint("it is what `welkin boost train --output json` writes, of a training with --valid or --score-training")
    };
    let text = String::from_utf8_lossy(bytes);
    let document = |line: &str| serde_json::from_str::<Document>(line).ok();
    // In one line, or over several.
    let found = text.lines().rev().find_map(document).or_else(|| document(&text));
    let found =
        found.filter(|found| ["welkin.trained/1", "welkin.federated/1"].contains(&found.schema.as_str()));
    let history = found.map(|found| found.history).unwrap_or_default();
    let names = history.first().cloned().unwrap_or_default();
    if names.is_empty() {
        return Err(fault().into());
    }
    let of = |(at, (name, _)): (usize, &(String, f64))| {
        let values = history.iter().filter_map(|scores| scores.get(at)).map(|(_, value)| *value).collect();
        Curve { name: name.clone(), values }
    };
    Ok(names.iter().enumerate().map(of).collect())
}

impl Curve {
    /// The least and the largest value that is finite.
    fn range(&self) -> (f64, f64) {
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }

    /// Where a value is between the least and the largest: from 0 to 1.
    fn height(&self, value: f64) -> f64 {
        let (low, high) = self.range();
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Values that are spread over so many places: the last of those that share one.
    fn spread(&self, places: usize) -> Vec<f64> {
        let count = self.values.len();
        if count <= places {
            return self.values.clone();
        }
        (1..=places).map(|place| self.values[place * count / places - 1]).collect()
    }
}

/// Columns that a line of bars takes.
const COLUMNS: usize = 60;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line for each curve: bars, the first value and the last, and the range.
fn lines(curves: &[Curve]) -> String {
    let mut text = String::new();
    for curve in curves {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let bar = |value: &f64| BARS[(curve.height(*value) * 7.0).round() as usize];
        let bars: String = curve.spread(COLUMNS).iter().map(bar).collect();
        let (low, high) = curve.range();
        let ends = (curve.values.first().copied(), curve.values.last().copied());
        let (first, last) = (ends.0.unwrap_or(f64::NAN), ends.1.unwrap_or(f64::NAN));
        let rounds = curve.values.len();
        let _ = writeln!(text, "{}  {bars}", shown(&curve.name));
        let _ =
            writeln!(text, "  {first:.5} to {last:.5} in {rounds} rounds, between {low:.5} and {high:.5}");
    }
    text
}

/// Size of a drawing, and its margins, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 40.0;

/// A panel for each curve, one below the other: metrics have no scale in common.
fn drawing(curves: &[Curve]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "there are few curves, and few rounds")]
    let number = |count: usize| count as f64;
    let height = HEIGHT * number(curves.len());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    let _ = writeln!(svg, "<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>");
    for (panel, curve) in curves.iter().enumerate() {
        let top = HEIGHT * number(panel) + MARGIN;
        let (inner_width, inner_height) = (WIDTH - 3.0 * MARGIN, HEIGHT - 2.0 * MARGIN);
        let (low, high) = curve.range();
        let last = number(curve.values.len().saturating_sub(1)).max(1.0);
        let point = |(round, value): (usize, &f64)| {
            let x = 2.0 * MARGIN + inner_width * number(round) / last;
            format!("{x:.1},{:.1}", top + inner_height * (1.0 - curve.height(*value)))
        };
        let finite = curve.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let points: Vec<String> = finite.map(point).collect();
        let (left, bottom, right) = (2.0 * MARGIN, top + inner_height, 2.0 * MARGIN + inner_width);
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">{}</text>", top - 8.0, escaped(&curve.name));
        let _ = writeln!(svg, "<text x=\"4\" y=\"{}\">{high:.5}</text>", top + 4.0);
        let _ = writeln!(svg, "<text x=\"4\" y=\"{}\">{low:.5}</text>", bottom + 4.0);
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">0</text>", bottom + 16.0);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">round {last}</text>",
            right,
            bottom + 16.0
        );
        let _ = writeln!(svg, "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>");
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>",
            points.join(" ")
        );
    }
    svg + "</svg>\n"
}

/// A name, which others may have chosen, as XML has it.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<Curve>> {
        curves(text.as_bytes(), Path::new("history.json"))
    }

    const DOCUMENT: &str = "{\"schema\": \"welkin.coordinator/1\", \"address\": \"x\"}\n\
        {\"schema\": \"welkin.federated/1\", \"history\": [[[\"valid-<a>\", 3.0]], [[\"valid-<a>\", 1.0]], [[\"valid-<a>\", 2.0]]]}\n";

    #[test]
    fn a_history_is_a_line_of_bars_or_a_drawing() {
        let curves = read(DOCUMENT).unwrap();
        assert_eq!(
            lines(&curves),
            "valid-<a>  █▁▅\n  3.00000 to 2.00000 in 3 rounds, between 1.00000 and 3.00000\n"
        );
        let svg = drawing(&curves);
        assert!(svg.contains("valid-&lt;a&gt;</text>") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("points=\"80.0,40.0 380.0,180.0 680.0,110.0\""), "{svg}");
    }

    #[test]
    fn long_histories_are_spread_and_flat_ones_are_flat() {
        let long = Curve { name: "a".to_owned(), values: (0..1000).map(f64::from).collect() };
        assert_eq!(long.spread(COLUMNS).len(), COLUMNS);
        assert_eq!(long.spread(COLUMNS).last(), Some(&999.0));
        let flat = Curve { name: "b".to_owned(), values: vec![2.0, 2.0] };
        assert!(lines(&[flat]).starts_with("b  ▅▅\n"));
    }

    #[test]
    fn what_has_no_history_is_refused() {
        for text in ["", "{}", "{\"learner\": {}}", "{\"schema\": \"welkin.trained/1\", \"history\": [[]]}"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("{\"schema\": \"other/1\", \"history\": [[[\"a\", 1.0]]]}").is_err());
    }
}
