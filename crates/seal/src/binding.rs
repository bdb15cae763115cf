//! What a workload puts into its evidence so that the evidence is about it, now, and for one contract.

use crate::evidence::Kind;
use crate::group::Place;
use crate::hex::Hex;
use crate::keys::Identity;
use crate::release::Challenge;
use ring::digest;

/// What evidence has to be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Drawn by whoever asks, for this one question: evidence that was recorded does not have it.
    pub nonce: Hex<32>,
    /// The X25519 key that was made inside, and that keys of data are released to.
    pub key: Hex<32>,
    /// The Ed25519 key that was made inside, and that the result is signed with.
    pub signing: Hex<32>,
    /// The contract that the workload is there for.
    pub contract: Hex<32>,
    /// Which of several engines it is, where several run the contract together.
    pub place: Option<Place>,
}

impl Binding {
    /// What an engine with these keys has to be bound to.
    #[must_use]
    pub fn to(engine: &Identity, Challenge { nonce, contract }: Challenge) -> Self {
        Self { nonce, key: engine.sealing, signing: engine.signing, contract, place: None }
    }

    /// The same for one of several engines.
    #[must_use]
    pub fn within(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The report data as evidence of this kind has it: as much of it as there is room for.
    #[must_use]
    pub fn report_data_of(&self, kind: Kind) -> Vec<u8> {
        self.report_data().0[..kind.room()].to_vec()
    }

    /// The 64 bytes of report data: SHA-512 over a name and the four parts, which have fixed lengths. For one of several engines it is another
    /// name, and two parts more.
    #[must_use]
    pub fn report_data(&self) -> Hex<64> {
        let mut context = digest::Context::new(&digest::SHA512);
        context.update(if self.place.is_some() {
            b"welkin report data/3\0"
        } else {
            b"welkin report data/2\0"
        });
        for part in [self.nonce, self.key, self.signing, self.contract] {
            context.update(&part.0);
        }
        if let Some(Place { group, rank }) = self.place {
            context.update(&group.0);
            context.update(&rank.to_be_bytes());
        }
        let mut data = [0; 64];
        data.copy_from_slice(context.finish().as_ref());
        Hex(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let binding = Binding {
            nonce: Hex([1; 32]),
            key: Hex([2; 32]),
            signing: Hex([4; 32]),
            contract: Hex([3; 32]),
            place: None,
        };
        let place = |group, rank| binding.within(Place { group: Hex([group; 32]), rank });
        let others = [
            place(1, 0),
            Binding { nonce: Hex([9; 32]), ..binding },
            Binding { key: Hex([9; 32]), ..binding },
            Binding { signing: Hex([9; 32]), ..binding },
            Binding { contract: Hex([9; 32]), ..binding },
            Binding { nonce: binding.key, key: binding.nonce, ..binding },
        ];
        assert!(others.iter().all(|other| other.report_data() != binding.report_data()));
        assert_ne!(place(1, 0).report_data(), place(2, 0).report_data());
        assert_ne!(place(1, 0).report_data(), place(1, 1).report_data());
    }
}
