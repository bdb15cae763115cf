//! The sections of a file, bounds-checked.

use super::columns::Columns;
use super::layout::Section;
use super::open::OpenError;
use super::strings::Strings;
use bytemuck::AnyBitPattern;

/// The bytes of a file and their sections.
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> File<'a> {
    pub(super) fn u32_at(&self, at: usize) -> Result<u32, OpenError> {
        let bytes = self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or(OpenError::NotACatalog)
    }

    pub(super) fn u64_at(&self, at: usize) -> Result<u64, OpenError> {
        let bytes = self.bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u64::from_le_bytes).ok_or(OpenError::NotACatalog)
    }

    fn section(&self, section: Section, what: &'static str) -> Result<&'a [u8], OpenError> {
        let bad = || OpenError::Inconsistent { what };
        let offset = usize::try_from(self.u64_at(section.entry_at())?).map_err(|_| bad())?;
        let len = usize::try_from(self.u64_at(section.entry_at() + 8)?).map_err(|_| bad())?;
        let end = offset.checked_add(len).ok_or_else(bad)?;
        self.bytes.get(offset..end).ok_or_else(bad)
    }

    fn slice<T: AnyBitPattern>(&self, section: Section, what: &'static str) -> Result<&'a [T], OpenError> {
        bytemuck::try_cast_slice(self.section(section, what)?).map_err(|_| OpenError::Inconsistent { what })
    }

    pub(super) fn records<const N: usize>(
        &self,
        section: Section,
        what: &'static str,
    ) -> Result<&'a [[u32; N]], OpenError> {
        let (records, rest) = self.slice::<u32>(section, what)?.as_chunks();
        if rest.is_empty() { Ok(records) } else { Err(OpenError::Inconsistent { what }) }
    }

    pub(super) fn strings(
        &self,
        offsets: Section,
        bytes: Section,
        what: &'static str,
    ) -> Result<Strings<'a>, OpenError> {
        Strings::new(self.slice(offsets, what)?, self.section(bytes, what)?)
            .ok_or(OpenError::Inconsistent { what })
    }

    pub(super) fn columns(&self, rows: usize) -> Result<Columns<'a>, OpenError> {
        Ok(Columns {
            place: self.column(Section::Place, rows)?,
            zone: self.column(Section::Zone, rows)?,
            instance_type: self.column(Section::InstanceType, rows)?,
            vcpus_milli: self.column(Section::Vcpus, rows)?,
            memory_mib: self.column(Section::Memory, rows)?,
            accelerator: self.column(Section::Accelerator, rows)?,
            accelerator_count_milli: self.column(Section::AcceleratorCount, rows)?,
            arch: self.column(Section::Arch, rows)?,
            tee: self.column(Section::Tee, rows)?,
            flags: self.column(Section::Flags, rows)?,
            on_demand_nanos: self.column(Section::OnDemand, rows)?,
            spot_nanos: self.column(Section::Spot, rows)?,
            network_mbps: self.column(Section::Network, rows)?,
            min_billed_s: self.column(Section::MinBilled, rows)?,
            source: self.column(Section::Source, rows)?,
        })
    }

    fn column<T: AnyBitPattern>(&self, section: Section, rows: usize) -> Result<&'a [T], OpenError> {
        let values = self.slice(section, "column")?;
        if values.len() == rows {
            Ok(values)
        } else {
            Err(OpenError::Inconsistent { what: "length of a column" })
        }
    }
}
