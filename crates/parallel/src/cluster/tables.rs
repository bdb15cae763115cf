//! The tables of `data/`, read once for each question: they are short.

use super::device::Device;

const DEVICES: &str = include_str!("../../data/devices.csv");
const MACHINES: &str = include_str!("../../data/machines.csv");

/// A machine type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Machine {
    pub(super) name: &'static str,
    pub(super) device: &'static str,
    pub(super) devices: u64,
    pub(super) network_gbit_s: f64,
}

/// A device by its name or another name of it, whatever the case.
pub(super) fn device(name: &str) -> Option<Device> {
    let row = DEVICES.lines().skip(1).map(cells).find(|cells| {
        let aliases = cells[1].split('|').filter(|alias| !alias.is_empty());
        aliases.chain([cells[0]]).any(|known| known.eq_ignore_ascii_case(name))
    })?;
    let number = |at: usize| row[at].parse::<f64>().expect("the table has numbers: a test reads every row");
    let rates = [number(2), number(3), number(4), number(5)];
    Some(Device::new(row[0], rates, number(6), number(7), number(9)))
}

/// Names of all devices.
pub(super) fn device_names() -> impl Iterator<Item = &'static str> {
    DEVICES.lines().skip(1).filter_map(|line| line.split(',').next())
}

/// All machine types.
pub(super) fn machines() -> impl Iterator<Item = Machine> {
    MACHINES.lines().skip(1).map(|line| {
        let cells = cells(line);
        Machine {
            name: cells[0],
            device: cells[1],
            devices: cells[2].parse().expect("the table has numbers: a test reads every row"),
            network_gbit_s: cells[3].parse().expect("the table has numbers: a test reads every row"),
        }
    })
}

fn cells(line: &'static str) -> Vec<&'static str> {
    line.splitn(11, ',').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_can_be_read() {
        assert!(device_names().all(|name| device(name).is_some_and(|device| device.usable_bytes > 1e9)));
        for machine in machines() {
            assert!(device(machine.device).is_some(), "{}", machine.name);
            assert!(machine.devices > 0 && machine.network_gbit_s > 0.0, "{}", machine.name);
        }
    }
}
