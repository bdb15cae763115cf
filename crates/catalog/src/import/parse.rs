//! From the fields of a line to a parsed offer.

use super::dialect::Dialect;
use super::fields::Fields;
use super::gpu_memory::per_device_mib;
use super::header::{Header, column};
use super::offers::{Key, Offers, Parsed, TypeFacts};
use super::quarantine::{Complaint, Quarantine, Reason};
use crate::lines::{Malformed, split};
use crate::tables::{Resolved, Tables};
use crate::{Arch, Kind, RowDevice};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Largest hardware that is believed of one offer: a TPU v5p pod has 1,500 hosts of 208 vCPUs and
/// 448 GiB.
const MAX_VCPUS: f64 = 1e6;
const MAX_MEMORY_GIB: f64 = 1e6;
const MAX_ACCELERATORS: f64 = 1e4;
const MAX_NETWORK_GBPS: f64 = 1e5;
/// Most regions and most kinds of accelerator of one file: fifty times the largest real list, and
/// sixteen such files still fit the 16-bit indices of one catalog.
const MAX_PLACES: usize = 4_000;
const MAX_DEVICES: usize = 4_000;

/// The accelerator's columns of the latest row, and what they meant: the rows of one machine stand together.
#[derive(Debug, Default)]
struct Latest {
    name: String,
    count: String,
    info: String,
    meant: Option<(Kind, u32, u32)>,
}

impl Latest {
    fn find(&self, [name, count, info]: [&str; 3]) -> Option<(Kind, u32, u32)> {
        self.meant.filter(|_| self.name == name && self.count == count && self.info == info)
    }

    fn keep(&mut self, [name, count, info]: [&str; 3], meant: (Kind, u32, u32)) {
        for (known, text) in [(&mut self.name, name), (&mut self.count, count), (&mut self.info, info)] {
            known.clear();
            known.push_str(text);
        }
        self.meant = Some(meant);
    }
}

/// Reads the rows of one file.
pub(super) struct Parser<'a> {
    header: &'a Header,
    dialect: &'a Dialect,
    tables: &'a Tables,
    provider: &'a str,
    offers: Offers,
    latest: Latest,
    accelerators: HashMap<String, Resolved>,
    device_ids: HashMap<Arc<RowDevice>, u32>,
    repaired: u32,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        header: &'a Header,
        dialect: &'a Dialect,
        tables: &'a Tables,
        provider: &'a str,
    ) -> Self {
        Self {
            header,
            dialect,
            tables,
            provider,
            offers: Offers::default(),
            latest: Latest::default(),
            accelerators: HashMap::new(),
            device_ids: HashMap::new(),
            repaired: 0,
        }
    }

    /// The offers, and how many rows were repaired.
    pub(super) fn finish(self) -> (Offers, u32) {
        (self.offers, self.repaired)
    }

    /// Reads one line; what is wrong with it goes into `quarantine`.
    pub(super) fn row<'b>(
        &mut self,
        line: u32,
        bytes: &'b [u8],
        fields: &mut Vec<Cow<'b, str>>,
        quarantine: &mut Quarantine,
    ) {
        let outcome = split(bytes, fields)
            .map_err(|why| malformed(line, bytes, why))
            .and_then(|()| self.widths(line, bytes, fields))
            .and_then(|()| self.parse(line, fields, quarantine));
        match outcome {
            Ok(parsed) => self.keep(parsed),
            Err(complaint) => quarantine.add(complaint),
        }
    }

    /// Holds the row to the header's width; surplus fields belong to a last column whose list was
    /// written without quotes.
    fn widths(&mut self, line: u32, bytes: &[u8], fields: &mut Vec<Cow<'_, str>>) -> Result<(), Complaint> {
        let width = self.header.width;
        if fields.len() > width && self.header.open_ended {
            // The column is not read, so dropping the surplus joins it well enough.
            fields.truncate(width);
            self.repaired += 1;
        }
        if fields.len() == width {
            return Ok(());
        }
        let message = format!("{} fields, the header has {width}", fields.len());
        Err(Complaint::row(line, Reason::WrongFieldCount, &String::from_utf8_lossy(bytes), message))
    }

    fn parse(
        &mut self,
        line: u32,
        fields: &[Cow<'_, str>],
        quarantine: &mut Quarantine,
    ) -> Result<Parsed, Complaint> {
        let header = self.header;
        let row = Fields { line, fields };
        let written_type = row.name(header.instance_type, column::INSTANCE_TYPE)?;
        let region = row.name(header.region, column::REGION)?;
        let zone = row.name(header.zone, column::ZONE)?;
        if region.is_empty() {
            return Err(row.missing(column::REGION));
        }
        for (name, column) in [(region, column::REGION), (zone, column::ZONE)] {
            if name.contains(['/', '\\']) || name.starts_with('.') || name.chars().any(char::is_control) {
                let message = "a place's name must not look like a path";
                return Err(Complaint::row(line, Reason::UnsafeName, name, message).in_column(column));
            }
        }
        let vcpus_milli = row.quantity(header.vcpus, column::VCPUS, 1000.0, MAX_VCPUS)?;
        let memory_mib = row.quantity(header.memory, column::MEMORY, 1024.0, MAX_MEMORY_GIB)?;
        let network_mbps = row.quantity(header.network, column::NETWORK, 1000.0, MAX_NETWORK_GBPS)?;
        let on_demand = row.on_demand(header)?;
        let spot = match row.spot(header) {
            Ok(spot) => spot,
            Err(complaint) => {
                quarantine.add(complaint);
                None
            }
        };
        if on_demand.is_none() && spot.is_none() {
            let message = "neither an on-demand nor a spot price";
            return Err(Complaint::row(line, Reason::MissingPrice, &row.whole(), message));
        }
        let (kind, device, count_milli) = self.accelerator(&row)?;
        let slice = row.get(header.accelerator_name).trim();
        let instance_type = match (kind, written_type) {
            (Kind::Tpu, "" | "TPU-VM") => slice.strip_prefix("tpu-").unwrap_or(slice),
            (Kind::Vm, "") if device == 0 || self.dialect.attach.is_none() => {
                return Err(row.missing(column::INSTANCE_TYPE));
            }
            (_, name) => name,
        };
        let instance_type = self.instance_type(instance_type);
        let facts = &self.offers.type_facts[instance_type as usize];
        if !facts.for_sale {
            let message = "listed, but not to be ordered by itself";
            return Err(Complaint::row(line, Reason::NotForSale, written_type, message));
        }
        let arch = arch(row.get(header.arch)).unwrap_or(facts.arch);
        let vcpus_milli = vcpus_milli.min(facts.most_vcpus_milli);
        let zone = self.offers.zones.id(zone);
        let Some(place) = self.place(region) else {
            let message = format!("the list has more than {MAX_PLACES} regions");
            return Err(Complaint::row(line, Reason::TooMany, region, message).in_column(column::REGION));
        };
        Ok(Parsed {
            key: Key { instance_type, device, count_milli, place, zone },
            line,
            kind,
            vcpus_milli,
            memory_mib,
            arch,
            network_mbps,
            enclaves: row.get(header.enclave).trim() == "supported",
            undersized: false,
            on_demand,
            spot,
        })
    }

    /// Kind of offer, device (number plus one) and count, out of the accelerator's columns.
    fn accelerator(&mut self, row: &Fields<'_>) -> Result<(Kind, u32, u32), Complaint> {
        let header = self.header;
        let written = row.name(header.accelerator_name, column::ACCELERATOR_NAME)?;
        if written.is_empty() {
            return Ok((Kind::Vm, 0, 0));
        }
        let texts = [written, row.get(header.accelerator_count), row.get(header.gpu_info)];
        if let Some(meant) = self.latest.find(texts) {
            return Ok(meant);
        }
        let count =
            row.quantity(header.accelerator_count, column::ACCELERATOR_COUNT, 1000.0, MAX_ACCELERATORS)?;
        if count == 0 {
            let text = row.get(header.accelerator_count);
            if text.trim().is_empty() {
                return Err(row.missing(column::ACCELERATOR_COUNT));
            }
            let message = format!("{}: names an accelerator and has none of it", row.subject(header));
            let complaint = Complaint::row(row.line, Reason::OutOfRange, text, message);
            return Err(complaint.in_column(column::ACCELERATOR_COUNT));
        }
        if !self.accelerators.contains_key(written) {
            self.accelerators.insert(written.to_owned(), self.tables.accelerators.resolve(written));
        }
        let resolved = &self.accelerators[written];
        let count_milli = count.saturating_mul(resolved.devices);
        let memory_mib = per_device_mib(row.get(header.gpu_info), count_milli, resolved.memory_mib);
        let memory_mib = self.tables.accelerators.nominal_mib(memory_mib);
        let tpu = resolved.name.starts_with("tpu-");
        let device = Arc::new(RowDevice { name: resolved.name.clone(), memory_mib });
        let next = u32::try_from(self.offers.devices.len()).unwrap_or(u32::MAX);
        let id = match self.device_ids.entry(device) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if self.offers.devices.len() >= MAX_DEVICES => {
                let message = format!("the list has more than {MAX_DEVICES} kinds of accelerator");
                let complaint = Complaint::row(row.line, Reason::TooMany, written, message);
                return Err(complaint.in_column(column::ACCELERATOR_NAME));
            }
            Entry::Vacant(new) => {
                self.offers.devices.push(new.key().clone());
                *new.insert(next)
            }
        };
        let meant = (if tpu { Kind::Tpu } else { Kind::Vm }, id + 1, count_milli);
        self.latest.keep(texts, meant);
        Ok(meant)
    }

    fn instance_type(&mut self, name: &str) -> u32 {
        let id = self.offers.types.id(name);
        if self.offers.type_facts.len() < self.offers.types.len() {
            self.offers.type_facts.push(TypeFacts {
                arch: (self.dialect.arch)(name),
                burstable: (self.dialect.burstable)(name),
                for_sale: !(self.dialect.not_for_sale)(name),
                most_vcpus_milli: (self.dialect.constrained)(name)
                    .map_or(u32::MAX, |vcpus| vcpus.saturating_mul(1000)),
                tee_rules: self.tables.tee.for_type(self.provider, name),
            });
        }
        id
    }

    /// Number of a region; `None` when it is one too many.
    fn place(&mut self, region: &str) -> Option<u32> {
        if let Some(id) = self.offers.regions.find(region) {
            return Some(id);
        }
        if self.offers.places.len() >= MAX_PLACES {
            return None;
        }
        self.offers.places.push(self.tables.regions.place(self.provider, region));
        Some(self.offers.regions.id(region))
    }

    fn keep(&mut self, parsed: Parsed) {
        let tee_rules = &self.offers.type_facts[parsed.key.instance_type as usize].tee_rules;
        if !tee_rules.is_empty() {
            let place = &self.offers.places[parsed.key.place as usize];
            let rules = &self.tables.tee;
            self.offers
                .tee
                .entry((parsed.key.instance_type, parsed.key.place))
                .or_insert_with(|| rules.tee_in(tee_rules, &place.region));
        }
        self.offers.rows.push(parsed);
    }
}

fn malformed(line: u32, bytes: &[u8], why: Malformed) -> Complaint {
    let (reason, message) = match why {
        Malformed::NotUtf8 => (Reason::BadUtf8, "not UTF-8"),
        Malformed::LineTooLong => (Reason::MalformedRow, "the line is too long"),
        Malformed::TooManyFields => (Reason::WrongFieldCount, "too many fields"),
        Malformed::UnterminatedQuote => (Reason::MalformedRow, "a quote is not closed on its line"),
        Malformed::TextAfterQuote => (Reason::MalformedRow, "text between a closing quote and the comma"),
    };
    // The excerpt is cut again; this keeps a line of gigabytes from being converted first.
    let excerpt = &bytes[..bytes.len().min(512)];
    Complaint::row(line, reason, &String::from_utf8_lossy(excerpt), message)
}

/// The architecture that a column states.
fn arch(text: &str) -> Option<Arch> {
    match text.trim() {
        "arm64" | "aarch64" => Some(Arch::Arm64),
        "" => None,
        other => other.contains("x86_64").then_some(Arch::X86_64),
    }
}
