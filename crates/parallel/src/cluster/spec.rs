//! Clusters as users name them: `8xH100`, `2xp4d.24xlarge`, `64xA100@400`.

use super::device::Device;
use super::tables::{device, device_names, machines};
use crate::calibrate::Calibration;
use std::fmt;

/// Devices of one machine where only devices were named, as most machines with fast links have.
const PER_HOST: u64 = 8;

/// The network between machines where nobody knows it: 10 Gbit/s, as small machines have, so that no plan counts on more.
const UNKNOWN_GBIT_S: f64 = 10.0;

/// What machines with eight devices of this kind are mostly sold with, in Gbit/s.
const COMMON: &[(&str, f64)] = &[
    ("H100", 3200.0),
    ("H200", 3200.0),
    ("B200", 3200.0),
    ("A100", 400.0),
    ("A100-80GB", 400.0),
    ("V100", 25.0),
    ("cpu-host", 10.0),
];

/// The most devices: the mesh of the largest training runs that are known has fewer.
pub(crate) const MOST_DEVICES: u64 = 1 << 17;

/// Equal machines with equal devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// As it was asked for.
    pub name: String,
    /// Of every machine.
    pub device: Device,
    /// Machines.
    pub hosts: u64,
    /// Devices of one machine.
    pub per_host: u64,
    /// Network of one machine.
    pub network_gbit_s: f64,
    /// The digest of what its rates come from, where they were measured.
    pub calibration: Option<String>,
}

/// Why there is no such cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It is written otherwise.
    #[error("`{0}` is no cluster: write COUNTxDEVICE or COUNTxMACHINE, such as 8xH100 or 2xp4d.24xlarge")]
    Form(String),
    /// Nobody knows the word.
    #[error("`{name}` is no device or machine type that is known; devices are {known}")]
    Unknown {
        /// What was written.
        name: String,
        /// What can be.
        known: String,
    },
    /// Too many or none.
    #[error("{0} devices; between 1 and {MOST_DEVICES} are allowed")]
    Count(u64),
}

impl Cluster {
    /// The cluster that a user named.
    ///
    /// # Errors
    /// When it is written otherwise, or names nothing that is known.
    pub fn parse(text: &str) -> Result<Self, ClusterError> {
        let form = || ClusterError::Form(text.chars().take(60).collect());
        let (count, name) = match text.split_once(['x', 'X']) {
            Some((count, name)) if count.bytes().all(|byte| byte.is_ascii_digit()) && !count.is_empty() => {
                (count, name)
            }
            _ => ("1", text),
        };
        let count: u64 = count.parse().map_err(|_| form())?;
        let (name, network) = match name.split_once('@') {
            Some((name, rate)) => {
                let rate = rate
                    .parse::<f64>()
                    .ok()
                    .filter(|rate| rate.is_finite() && *rate > 0.0)
                    .ok_or_else(form)?;
                (name, Some(rate))
            }
            None => (name, None),
        };
        if let Some(machine) = machines().find(|machine| machine.name.eq_ignore_ascii_case(name)) {
            let network = network.unwrap_or(machine.network_gbit_s);
            return Self::of(text, machine.device, count, machine.devices, network);
        }
        let common = COMMON.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, rate)| *rate);
        let network = network.or(common).unwrap_or(UNKNOWN_GBIT_S);
        let per_host = if count.is_multiple_of(PER_HOST) { PER_HOST } else { count };
        if count > PER_HOST && per_host != PER_HOST {
            return Self::of(text, name, count, 1, network);
        }
        Self::of(text, name, count.checked_div(per_host).unwrap_or(0), per_host, network)
    }

    /// So many machines of the catalog. The network is in Gbit/s; tables speak where the catalog says nothing.
    ///
    /// # Errors
    /// When nobody knows the device.
    pub fn offered(
        instance_type: &str,
        device: &str,
        hosts: u64,
        per_host: u64,
        network_gbit_s: Option<f64>,
    ) -> Result<Self, ClusterError> {
        let known = machines().find(|machine| machine.name == instance_type && machine.devices == per_host);
        let device = known.map_or(device, |machine| machine.device);
        let network =
            known.map(|machine| machine.network_gbit_s).or(network_gbit_s).unwrap_or(UNKNOWN_GBIT_S);
        Self::of(&format!("{hosts}x{instance_type}"), device, hosts, per_host, network)
    }

    fn of(
        text: &str,
        name: &str,
        hosts: u64,
        per_host: u64,
        network_gbit_s: f64,
    ) -> Result<Self, ClusterError> {
        let unknown = || ClusterError::Unknown {
            name: name.chars().take(60).collect(),
            known: device_names().collect::<Vec<_>>().join(", "),
        };
        let device = device(name).ok_or_else(unknown)?;
        let devices = hosts.saturating_mul(per_host);
        if devices == 0 || devices > MOST_DEVICES {
            return Err(ClusterError::Count(devices));
        }
        Ok(Self { name: text.to_owned(), device, hosts, per_host, network_gbit_s, calibration: None })
    }

    /// With what was measured of its devices in place of what is published; networks between machines stay as they are.
    #[must_use]
    pub fn calibrated(mut self, calibration: &Calibration) -> Self {
        self.device.calibrate(calibration);
        self.calibration = Some(calibration.digest());
        self
    }

    /// All devices.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.hosts * self.per_host
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, hosts, per_host, .. } = self;
        write!(out, "{hosts} × {per_host} {}", device.name)
    }
}
