//! What parties would tell a coordinator if they wore no masks, and how to find it among bytes.

use std::collections::HashSet;
use welkin_boost::federated::{Asks, Bare, Party, Plan, Schema, Seat, Shape, combine, coordinate};
use welkin_boost::{Alone, CsvOptions, Data, Format, Lost, read_csv};

/// Everything that parties answer in a training, each for itself.
pub(super) struct Answers {
    /// Answer after answer, of each party.
    pub(super) of: Vec<Vec<u8>>,
    /// The bins of all their histograms.
    pub(super) bins: Bins,
    pub(super) model: Vec<u8>,
}

/// Bins of histograms: the sums of gradients and of second derivatives beside each other.
#[derive(Default)]
pub(super) struct Bins(HashSet<Vec<u8>>);

impl Bins {
    /// Bytes of numbers, which 1200 rows and fewer need; random ones are equal to a given bin once in 2^80 tries.
    const WIDTHS: std::ops::RangeInclusive<usize> = 5..=6;

    /// Takes those that rows are in.
    fn add(&mut self, width: usize, numbers: &[u8]) {
        let bins = numbers.chunks_exact(2 * width);
        // Second derivatives are positive, so that zeros are no rows.
        let full = bins.filter(|bin| bin[width..].iter().any(|byte| *byte > 0));
        self.0.extend(full.map(<[u8]>::to_vec));
    }

    /// How many places hold one of them.
    pub(super) fn found(&self, bytes: &[u8]) -> usize {
        let places = |width| bytes.windows(2 * width).filter(|window| self.0.contains(*window)).count();
        Self::WIDTHS.map(places).sum()
    }
}

struct Room<'a> {
    parties: Vec<Party<'a>>,
    asked: u64,
    answers: Answers,
}

impl Asks for Room<'_> {
    fn ask(&mut self, question: &[u8], shape: &Shape) -> Result<Vec<u8>, Lost> {
        self.asked += 1;
        let mut sum = vec![0; shape.bytes()];
        for (at, party) in self.parties.iter_mut().enumerate() {
            let answer = party.answer(self.asked, question, &Bare).unwrap();
            let mut start = 0;
            for run in shape.runs() {
                let own = start..start + run.bytes();
                combine(run.width, &mut sum[own.clone()], &answer[own.clone()], true);
                if Bins::WIDTHS.contains(&run.width) {
                    self.answers.bins.add(run.width, &answer[own.clone()]);
                }
                start = own.end;
            }
            self.answers.of[at].extend(answer);
        }
        Ok(sum)
    }
}

impl Answers {
    /// The same training as of the command line, in one process.
    pub(super) fn of(tables: &[String], settings: &[(&str, &str)], rounds: u32) -> Self {
        let options = CsvOptions {
            label: Some("y".to_owned()),
            categories: [String::from("r")].into(),
            ..CsvOptions::default()
        };
        let data: Vec<Data> =
            tables.iter().map(|table| read_csv(table.as_bytes(), &options).unwrap()).collect();
        let plan = Plan {
            params: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            rounds,
            patience: None,
            masked: true,
            valid: false,
            score_training: false,
            parties: (0..data.len()).map(|party| party.to_string()).collect(),
            schema: Schema::of(&data[0]),
        };
        let seats: Vec<Seat<'_>> =
            data.iter().map(|data| Seat::new(&plan, data, None, &Alone).unwrap()).collect();
        let answers = Self { of: vec![Vec::new(); seats.len()], bins: Bins::default(), model: Vec::new() };
        let mut room = Room { parties: seats.iter().map(Seat::party).collect(), asked: 0, answers };
        let trained = coordinate(&plan, &[], &Alone, &mut room, &mut |_| true).unwrap();
        Self { model: trained.model.write(Format::Json), ..room.answers }
    }
}
