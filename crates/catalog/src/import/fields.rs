//! The fields of a line as values, or as complaints about them.

use super::header::{Header, column};
use super::number::{Price, price, quantity};
use super::quarantine::{Complaint, Reason};
use std::borrow::Cow;
use welkin_units::Usd;

/// Longest name of anything: the longest real one (a marketplace's region) has 40 bytes.
const MAX_NAME: usize = 200;

/// The fields of one line.
pub(super) struct Fields<'a> {
    pub(super) line: u32,
    pub(super) fields: &'a [Cow<'a, str>],
}

impl Fields<'_> {
    /// A field; empty when the file has no such column.
    pub(super) fn get(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", |field| field)
    }

    /// What the row is about, for messages.
    pub(super) fn subject(&self, header: &Header) -> String {
        let name = match self.get(header.instance_type) {
            "" => self.get(header.accelerator_name),
            name => name,
        };
        format!("{name} in {}", self.get(header.region))
    }

    pub(super) fn whole(&self) -> String {
        self.fields.join(",")
    }

    pub(super) fn missing(&self, column: &'static str) -> Complaint {
        let message = format!("`{column}` is empty");
        Complaint::row(self.line, Reason::MissingField, &self.whole(), message).in_column(column)
    }

    pub(super) fn name(&self, index: usize, column: &'static str) -> Result<&str, Complaint> {
        let text = self.get(index).trim();
        if text.len() <= MAX_NAME && !text.contains(char::is_control) {
            return Ok(text);
        }
        let message = format!("a name has at most {MAX_NAME} bytes and no control characters");
        Err(Complaint::row(self.line, Reason::OutOfRange, text, message).in_column(column))
    }

    pub(super) fn quantity(
        &self,
        index: usize,
        column: &'static str,
        per_unit: f64,
        most: f64,
    ) -> Result<u32, Complaint> {
        let text = self.get(index);
        quantity(text, per_unit, most)
            .map_err(|(reason, message)| Complaint::row(self.line, reason, text, message).in_column(column))
    }

    pub(super) fn on_demand(&self, header: &Header) -> Result<Option<Usd>, Complaint> {
        let text = self.get(header.price);
        let complain = |reason, message: &str| {
            let message = format!("{}: {message}", self.subject(header));
            Complaint::row(self.line, reason, text, message).in_column(column::PRICE)
        };
        match price(text) {
            Ok(Price::Absent) => Ok(None),
            Ok(Price::Hourly(price)) => Ok(Some(price)),
            Ok(Price::Zero) => Err(complain(Reason::ZeroPrice, "nothing is free")),
            Err((reason, message)) => Err(complain(reason, message)),
        }
    }

    /// A bad spot price costs the row its spot price only.
    pub(super) fn spot(&self, header: &Header) -> Result<Option<Usd>, Complaint> {
        let text = self.get(header.spot_price);
        let complain = |reason, message: &str| {
            let message = format!("{}: {message}", self.subject(header));
            Complaint::row(self.line, reason, text, message).in_column(column::SPOT_PRICE).value_only()
        };
        match price(text) {
            Ok(Price::Absent) => Ok(None),
            Ok(Price::Hourly(price)) => Ok(Some(price)),
            Ok(Price::Zero) => Err(complain(Reason::ZeroSpot, "nothing is free: read as not offered")),
            Err((reason, message)) => Err(complain(reason, message)),
        }
    }
}
