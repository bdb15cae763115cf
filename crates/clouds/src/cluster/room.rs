//! Which machines of a cluster give a part: a pure function of what others have of it.

use super::record::Slot;
use std::collections::BTreeMap;
use welkin_provider::MachineSpec;

/// Most parts of one machine: an agent runs 64 steps at once, one of which is the holder's.
const MAX_PARTS: u32 = 60;

/// Thousandths of a device.
const WHOLE: u32 = 1_000;

/// What is free of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    vcpus_milli: u64,
    memory: u64,
    /// Of each device how many thousandths.
    devices: Vec<u32>,
    parts: u32,
}

impl Room {
    /// A whole machine. What it does not say has no limit.
    fn whole(machine: &MachineSpec) -> Self {
        let devices = machine.accelerator.as_ref().map_or(0, welkin_provider::Accelerators::devices);
        Self {
            vcpus_milli: unless_zero(machine.vcpus_milli.into()),
            memory: unless_zero(machine.memory.get()),
            devices: vec![WHOLE; usize::try_from(devices).unwrap_or_default()],
            parts: MAX_PARTS,
        }
    }

    fn take(&mut self, machine: &MachineSpec, slot: &Slot) {
        self.vcpus_milli = self.vcpus_milli.saturating_sub(machine.vcpus_milli.into());
        self.memory = self.memory.saturating_sub(machine.memory.get());
        self.parts = self.parts.saturating_sub(1);
        for (device, milli) in &slot.devices {
            if let Some(free) = usize::try_from(*device).ok().and_then(|at| self.devices.get_mut(at)) {
                *free = free.saturating_sub(*milli);
            }
        }
    }

    /// The devices that a part would have; none where there is no room.
    fn fits(&self, machine: &MachineSpec) -> Option<Vec<(u32, u32)>> {
        let enough = self.parts > 0
            && self.vcpus_milli >= machine.vcpus_milli.into()
            && self.memory >= machine.memory.get();
        if !enough {
            return None;
        }
        let wanted = machine.accelerator.as_ref().map_or(0, |accelerator| accelerator.count_milli);
        let numbered = || (0_u32..).zip(&self.devices);
        if wanted > 0 && wanted < WHOLE {
            // The fullest that will do, so that whole ones stay whole.
            let least =
                numbered().filter(|(_, free)| **free >= wanted).min_by_key(|(at, free)| (**free, *at));
            return least.map(|(at, _)| vec![(at, wanted)]);
        }
        let count = usize::try_from(wanted.div_ceil(WHOLE)).unwrap_or(usize::MAX);
        let free = numbered().filter(|(_, free)| **free == WHOLE).map(|(at, _)| (at, WHOLE));
        let taken: Vec<(u32, u32)> = free.take(count).collect();
        (taken.len() == count).then_some(taken)
    }
}

fn unless_zero(amount: u64) -> u64 {
    if amount == 0 { u64::MAX } else { amount }
}

/// What is free of each machine, by rank, when others have these slots of them.
pub(super) fn rooms<'a>(
    machine: &MachineSpec,
    nodes: u32,
    taken: impl IntoIterator<Item = (&'a MachineSpec, &'a Slot)>,
) -> Vec<Room> {
    let mut rooms: BTreeMap<u32, Room> = (0..nodes).map(|node| (node, Room::whole(machine))).collect();
    for (of, slot) in taken {
        if let Some(room) = rooms.get_mut(&slot.node) {
            room.take(of, slot);
        }
    }
    rooms.into_values().collect()
}

/// Slots for a gang, by rank, each on a machine of its own: the emptiest first, so that work spreads.
pub(super) fn choose(rooms: &[Room], machine: &MachineSpec, nodes: u32) -> Option<Vec<Slot>> {
    let mut able: Vec<(&Room, Slot)> = (0_u32..)
        .zip(rooms)
        .filter_map(|(node, room)| Some((room, Slot { node, devices: room.fits(machine)? })))
        .collect();
    able.sort_by_key(|(room, slot)| (std::cmp::Reverse(room.vcpus_milli), slot.node));
    let wanted = usize::try_from(nodes).ok()?;
    let slots: Vec<Slot> = able.into_iter().take(wanted).map(|(_, slot)| slot).collect();
    (slots.len() == wanted).then_some(slots)
}

/// Whether an empty cluster would hold it.
pub(super) fn ever(machine: &MachineSpec, nodes: u32, wanted: &MachineSpec, count: u32) -> bool {
    let named = |spec: &MachineSpec| spec.accelerator.as_ref().map(|accelerator| accelerator.name.clone());
    let known = named(wanted).is_none() || named(wanted) == named(machine);
    known && choose(&rooms(machine, nodes, []), wanted, count).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::Accelerators;
    use welkin_units::Bytes;

    fn machine(vcpus: u32, gib: u64, gpus_milli: u32) -> MachineSpec {
        let accelerator =
            (gpus_milli > 0).then(|| Accelerators { name: "T4".into(), count_milli: gpus_milli });
        MachineSpec {
            vcpus_milli: vcpus * 1_000,
            memory: Bytes::from_gib(gib),
            accelerator,
            ..MachineSpec::default()
        }
    }

    /// Fills a cluster with one part after the other and tells where each went.
    fn fill(cluster: &MachineSpec, nodes: u32, wanted: &[MachineSpec]) -> Vec<Option<Slot>> {
        let mut taken: Vec<(MachineSpec, Slot)> = Vec::new();
        let mut told = Vec::new();
        for machine in wanted {
            let free = rooms(cluster, nodes, taken.iter().map(|(machine, slot)| (machine, slot)));
            let slot = choose(&free, machine, 1).map(|mut slots| slots.remove(0));
            taken.extend(slot.clone().map(|slot| (machine.clone(), slot)));
            told.push(slot);
        }
        told
    }

    fn nodes(told: &[Option<Slot>]) -> Vec<Option<u32>> {
        told.iter().map(|slot| slot.as_ref().map(|slot| slot.node)).collect()
    }

    #[test]
    fn work_spreads_and_nothing_is_given_twice() {
        let wanted = vec![machine(2, 1, 0); 5];
        assert_eq!(nodes(&fill(&machine(4, 8, 0), 2, &wanted)), [Some(0), Some(1), Some(0), Some(1), None]);
        let large = vec![machine(1, 8, 0), machine(1, 1, 0), machine(1, 8, 0)];
        assert_eq!(nodes(&fill(&machine(4, 8, 0), 1, &large)), [Some(0), None, None], "memory counts too");
    }

    #[test]
    fn fractions_of_a_device_share_it_and_whole_ones_stay_whole() {
        let wanted = [500, 1_000, 500, 250, 1_000].map(|milli| machine(0, 0, milli));
        let devices = |slot: &Option<Slot>| slot.as_ref().map(|slot| slot.devices.clone());
        let told: Vec<_> = fill(&machine(8, 8, 3_000), 1, &wanted).iter().map(devices).collect();
        assert_eq!(
            told,
            [Some(vec![(0, 500)]), Some(vec![(1, 1_000)]), Some(vec![(0, 500)]), Some(vec![(2, 250)]), None]
        );
    }

    #[test]
    fn a_gang_has_a_machine_for_each_node_or_nothing() {
        let cluster = machine(4, 8, 0);
        let one = machine(3, 1, 0);
        let slot = Slot { node: 1, devices: Vec::new() };
        let free = rooms(&cluster, 3, [(&one, &slot)]);
        let ranks = |slots: Option<Vec<Slot>>| slots.map(|s| s.iter().map(|s| s.node).collect::<Vec<_>>());
        assert_eq!(ranks(choose(&free, &machine(2, 1, 0), 2)), Some(vec![0, 2]));
        assert_eq!(ranks(choose(&free, &machine(2, 1, 0), 3)), None);
        assert_eq!(ranks(choose(&free, &machine(1, 1, 0), 3)), Some(vec![0, 2, 1]));
        assert!(ever(&cluster, 3, &machine(2, 1, 0), 3) && !ever(&cluster, 3, &machine(2, 1, 0), 4));
        assert!(!ever(&cluster, 3, &machine(5, 1, 0), 1));
        assert!(!ever(&machine(4, 8, 1_000), 1, &machine(1, 1, 2_000), 1));
    }

    #[test]
    fn what_a_machine_does_not_say_has_no_limit_but_that_of_its_agent() {
        let told = fill(&MachineSpec::default(), 1, &vec![machine(64, 64, 0); 61]);
        assert_eq!(told.iter().flatten().count(), 60);
    }
}
