//! Rows made from a seed.

use welkin_boost::{CsvOptions, Data, read_csv};

/// Numbers drawn one after the other.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 up to, and without, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About a normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A table of features `x0`, `x1`, … and a last column `y`.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) features: usize,
    pub(crate) cells: Vec<Vec<f32>>,
}

/// What the label is.
#[derive(Clone, Copy)]
pub(crate) enum Label {
    Real,
    Binary,
    Positive,
    Count,
    Class,
}

impl Rows {
    /// Rows whose label depends on the first features; one value in ten is missing.
    pub(crate) fn new(seed: u64, rows: usize, features: usize, label: Label) -> Self {
        let mut draw = Draw::new(seed);
        let cells = (0..rows).map(|_| {
            let mut row: Vec<f32> = (0..features).map(|_| draw.normal() as f32).collect();
            row[2] = (row[2] * 2.0).round();
            row.iter_mut().filter(|_| draw.unit() < 0.1).for_each(|cell| *cell = f32::NAN);
            let x = |at: usize| if row[at].is_nan() { 0.0 } else { f64::from(row[at]) };
            let z = x(0) + x(1) * x(2) + (2.0 * x(3)).sin() + draw.normal() * 0.5;
            row.push(match label {
                Label::Real => z as f32,
                Label::Binary => f32::from(u8::from(z > 0.3)),
                Label::Positive => (z / 3.0).exp() as f32,
                Label::Count => (z.exp().min(20.0)).floor() as f32,
                Label::Class => ((z + 4.0) / 2.0).floor().clamp(0.0, 3.0) as f32,
            });
            row
        });
        Self { features, cells: cells.collect() }
    }

    /// As new, with few different values, so that every value has a bin of its own here and there.
    pub(crate) fn coarse(seed: u64, rows: usize, features: usize, label: Label) -> Self {
        let mut coarse = Self::new(seed, rows, features, label);
        for row in &mut coarse.cells {
            row[..features].iter_mut().for_each(|cell| *cell = (*cell * 8.0).round() / 8.0);
        }
        coarse
    }

    pub(crate) fn csv(&self) -> String {
        let mut text: Vec<String> = (0..self.features).map(|at| format!("x{at}")).collect();
        text.push("y\n".to_owned());
        let mut text = text.join(",");
        for row in &self.cells {
            let cell = |cell: &f32| if cell.is_nan() { String::new() } else { cell.to_string() };
            text.push_str(&row.iter().map(cell).collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        text
    }

    pub(crate) fn data(&self) -> Data {
        data(&self.csv(), &[])
    }
}

/// Rows of a text, whose label is `y`.
pub(crate) fn data(csv: &str, categories: &[&str]) -> Data {
    let options = CsvOptions {
        label: Some("y".to_owned()),
        categories: categories.iter().map(|name| (*name).to_owned()).collect(),
        ..CsvOptions::default()
    };
    read_csv(csv.as_bytes(), &options).unwrap()
}
