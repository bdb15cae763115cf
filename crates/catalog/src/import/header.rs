//! Columns by name.

use super::file::FileError;
use std::borrow::Cow;

/// Names of the columns that are read; any other is ignored.
pub(super) mod column {
    pub(in crate::import) const INSTANCE_TYPE: &str = "InstanceType";
    pub(in crate::import) const ACCELERATOR_NAME: &str = "AcceleratorName";
    pub(in crate::import) const ACCELERATOR_COUNT: &str = "AcceleratorCount";
    pub(in crate::import) const VCPUS: &str = "vCPUs";
    pub(in crate::import) const MEMORY: &str = "MemoryGiB";
    pub(in crate::import) const GPU_INFO: &str = "GpuInfo";
    pub(in crate::import) const PRICE: &str = "Price";
    pub(in crate::import) const SPOT_PRICE: &str = "SpotPrice";
    pub(in crate::import) const REGION: &str = "Region";
    pub(in crate::import) const ZONE: &str = "AvailabilityZone";
    pub(in crate::import) const ARCH: &str = "Arch";
    pub(in crate::import) const NETWORK: &str = "NetworkGbps";
    pub(in crate::import) const ENCLAVE: &str = "EnclaveSupport";
    /// A list that some files write without quotes.
    pub(in crate::import) const GENERATION: &str = "Generation";
}

/// Where the columns of one file are. An absent column has the index `ABSENT`, which no row has.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: usize,
    /// Whether the last column is a list that may lack its quotes.
    pub(super) open_ended: bool,
    pub(super) instance_type: usize,
    pub(super) accelerator_name: usize,
    pub(super) accelerator_count: usize,
    pub(super) vcpus: usize,
    pub(super) memory: usize,
    pub(super) gpu_info: usize,
    pub(super) price: usize,
    pub(super) spot_price: usize,
    pub(super) region: usize,
    pub(super) zone: usize,
    pub(super) arch: usize,
    pub(super) network: usize,
    pub(super) enclave: usize,
}

const ABSENT: usize = usize::MAX;

impl Header {
    /// Finds the columns. Machine type, region and price must be there.
    pub(super) fn new(fields: &[Cow<'_, str>]) -> Result<Self, FileError> {
        let find = |name: &'static str| {
            let mut found = fields.iter().enumerate().filter(|(_, field)| field.trim() == name);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(FileError::RepeatedColumn { column: name }),
                (Some((index, _)), None) => Ok(index),
                (None, _) => Ok(ABSENT),
            }
        };
        let need = |name: &'static str| match find(name)? {
            ABSENT => Err(FileError::MissingColumn { column: name }),
            index => Ok(index),
        };
        Ok(Self {
            width: fields.len(),
            open_ended: fields.last().is_some_and(|last| last.trim() == column::GENERATION),
            instance_type: need(column::INSTANCE_TYPE)?,
            region: need(column::REGION)?,
            price: need(column::PRICE)?,
            accelerator_name: find(column::ACCELERATOR_NAME)?,
            accelerator_count: find(column::ACCELERATOR_COUNT)?,
            vcpus: find(column::VCPUS)?,
            memory: find(column::MEMORY)?,
            gpu_info: find(column::GPU_INFO)?,
            spot_price: find(column::SPOT_PRICE)?,
            zone: find(column::ZONE)?,
            arch: find(column::ARCH)?,
            network: find(column::NETWORK)?,
            enclave: find(column::ENCLAVE)?,
        })
    }
}
