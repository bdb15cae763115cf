//! A plan as a picture: stages with their meshes, and what a pipeline does when, or what a step is made of.

use super::make::words;
use super::wire::{PlanFile, StageWire};
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 20.0;
const ROW: f64 = 28.0;

impl PlanFile {
    /// The picture, as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let head = 60.0;
        let stages = self.stages.len() as f64;
        let height = head
            + stages * ROW * 2.0
            + if self.timeline.is_empty() { ROW } else { stages * ROW }
            + 4.0 * MARGIN;
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">"
        );
        let title = format!(
            "{} on {} × {} {}: {:.2} ms a step",
            self.model.name,
            self.cluster.hosts,
            self.cluster.per_host,
            self.cluster.device,
            self.step_s * 1e3
        );
        text(&mut svg, MARGIN, 30.0, &title);
        let mut y = head;
        for (number, stage) in self.stages.iter().enumerate() {
            self.stage(&mut svg, y, number, stage);
            y += 2.0 * ROW;
        }
        y += MARGIN;
        if self.timeline.is_empty() {
            self.parts(&mut svg, y)
        } else {
            self.pieces(&mut svg, y)
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn stage(&self, svg: &mut String, y: f64, number: usize, stage: &StageWire) {
        let devices: u64 = stage.mesh.iter().product();
        let all = (self.cluster.hosts * self.cluster.per_host) as f64;
        let (from, width) = (stage.first_device as f64 / all, devices as f64 / all);
        let room = WIDTH - 2.0 * MARGIN;
        rectangle(svg, MARGIN + from * room, y, width * room, ROW, "#cfe3f5");
        let memory = stage.peak_bytes as f64 / self.cluster.usable_bytes as f64;
        rectangle(svg, MARGIN + from * room, y + ROW - 4.0, width * room * memory.min(1.0), 4.0, "#2b6ca3");
        let label = format!("stage {number}: mesh {}, {:.0} % of memory", words(&stage.mesh), 100.0 * memory);
        text(svg, MARGIN + 6.0, y + ROW + 14.0, &label);
    }

    /// What a step is made of, where there is no pipeline.
    fn parts(&self, svg: &mut String, y: f64) {
        let room = WIDTH - 2.0 * MARGIN;
        let Some(stage) = self.stages.first() else { return };
        let said: f64 = stage.collectives.iter().map(|row| row.seconds).sum();
        let step = (self.step_s * self.microbatches as f64).max(f64::MIN_POSITIVE);
        let share = (said / step * self.microbatches as f64).clamp(0.0, 1.0);
        rectangle(svg, MARGIN, y, room * (1.0 - share), ROW, "#8fbf8f");
        rectangle(svg, MARGIN + room * (1.0 - share), y, room * share, ROW, "#e0a070");
        let label = format!("work {:.0} %, collectives {:.0} %", 100.0 * (1.0 - share), 100.0 * share);
        text(svg, MARGIN + 6.0, y + ROW + 14.0, &label);
    }

    fn pieces(&self, svg: &mut String, y: f64) {
        let room = WIDTH - 2.0 * MARGIN;
        let end = self.timeline.iter().map(|piece| piece.to_s).fold(f64::MIN_POSITIVE, f64::max);
        for piece in &self.timeline {
            let (from, to) = (piece.from_s / end * room, piece.to_s / end * room);
            let colour = if piece.backward { "#e0a070" } else { "#8fbf8f" };
            rectangle(svg, MARGIN + from, y + piece.stage as f64 * ROW, to - from, ROW - 4.0, colour);
            if to - from > 16.0 {
                text(
                    svg,
                    MARGIN + from + 3.0,
                    y + piece.stage as f64 * ROW + 16.0,
                    &piece.microbatch.to_string(),
                );
            }
        }
    }
}

fn rectangle(svg: &mut String, x: f64, y: f64, width: f64, height: f64, colour: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" stroke=\"#fff\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, words: &str) {
    let safe = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let safe: String = safe.chars().filter(|c| !c.is_control()).collect();
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{safe}</text>");
}
