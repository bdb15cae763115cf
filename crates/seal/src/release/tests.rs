//! Evidence, policy, contract, release: everything fits, or no key leaves.

use super::{Admitted, Attested, Challenge, EngineKey, Peer, ReleaseError, Released};
use crate::binding::Binding;
use crate::contract::{Code, CodeKind, Contract, Engine, Input, Manifest, Privacy, Recipient, Situation};
use crate::data::{DataKeys, FOOTER};
use crate::evidence::{Evidence, Kind};
use crate::group::{Group, GroupError};
use crate::hex::{Hex, HexBytes};
use crate::keys::Root;
use crate::policy::Policy;
use crate::receipt::Receipt;
use crate::secret::Secret;
use ring::rand::SystemRandom;
use std::collections::BTreeMap;

const MEASUREMENT: Hex<48> = Hex([3; 48]);

struct Story {
    owner: Root,
    contract: Contract,
    situation: Situation,
    keys: DataKeys,
    engine: EngineKey,
    policy: Policy,
}

fn story() -> Story {
    let random = SystemRandom::new();
    let owner = Root::draw("a".parse().unwrap(), &random).unwrap();
    let identity = owner.identity().clone();
    let columns = BTreeMap::from([(FOOTER.to_owned(), Secret::new([1; 32]))]);
    let columns = BTreeMap::from([("0.parquet".to_owned(), columns)]);
    let keys = DataKeys::new(&owner, ("patients".parse().unwrap(), 1), &columns, &[], &random).unwrap();
    let input =
        Input { party: identity.party.clone(), name: keys.name.clone(), version: 1, snapshot: Hex([2; 32]) };
    let measurements = BTreeMap::from([("measurement".to_owned(), HexBytes(MEASUREMENT.0.to_vec()))]);
    let manifest = Manifest {
        inputs: vec![input],
        code: Code { kind: CodeKind::Sql, digest: Hex([5; 32]) },
        engines: vec![Engine { kind: Kind::Simulated, measurements }],
        recipients: vec![Recipient { party: identity.party.clone(), sealing: identity.sealing }],
        signers: Vec::new(),
        privacy: Privacy { minimum_group: 1, epsilon_milli: None, noise: None },
        oblivious: false,
        together: 1,
        not_before: 0,
        expires: 100,
        runs: 1,
        nonce: Hex([9; 32]),
    };
    let mut contract = Contract::new(manifest.checked(std::slice::from_ref(&identity)).unwrap());
    contract.sign(&owner).unwrap();
    let parties = BTreeMap::from([(identity.party.clone(), identity)]);
    let situation = Situation { now: 50, parties, ..Situation::default() };
    let text = format!(
        "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{MEASUREMENT}']"
    );
    let policy = Policy::read(&text).unwrap();
    Story { owner, contract, situation, keys, engine: EngineKey::draw(&random).unwrap(), policy }
}

impl Story {
    fn binding(&self) -> Binding {
        Binding {
            nonce: Hex([7; 32]),
            key: self.engine.identity().sealing,
            signing: self.engine.identity().signing,
            contract: self.contract.digest(),
            place: None,
        }
    }
}

fn evidence(measurement: Hex<48>, binding: Binding) -> Evidence {
    Evidence::simulate(measurement, binding.report_data(), &SystemRandom::new()).unwrap()
}

#[test]
fn keys_go_to_the_engine_that_evidence_binds_and_open_the_columns_there() {
    let story = story();
    let agreed = story.contract.verify(&story.situation).unwrap();
    let evidence = evidence(MEASUREMENT, story.binding());
    let admitted = Admitted::judge(&agreed, &evidence, &story.policy, story.binding(), 50).unwrap();
    assert_eq!(admitted.claims.root, "SIMULATED");
    let kek = story.keys.unlock(&story.owner).unwrap();
    let released = admitted.release(&story.keys, &kek, &SystemRandom::new()).unwrap().remove(0);
    let inside = released.open(&story.engine).unwrap();
    assert_eq!(story.keys.column(&inside, "0.parquet", FOOTER).unwrap().expose(), &[1; 32]);
    assert!(released.open(&EngineKey::draw(&SystemRandom::new()).unwrap()).is_none());
    let mut other = released.clone();
    other.contract = Hex([0; 32]);
    assert!(other.open(&story.engine).is_none(), "a released key is for one contract");
}

#[test]
fn no_key_leaves_where_anything_differs() {
    let story = story();
    let agreed = story.contract.verify(&story.situation).unwrap();
    let binding = story.binding();
    let judge = |evidence: &Evidence, policy: &Policy, binding| {
        Admitted::judge(&agreed, evidence, policy, binding, 50).unwrap_err()
    };
    let good = evidence(MEASUREMENT, binding);
    assert!(
        matches!(judge(&good, &Policy::default(), binding), ReleaseError::Policy(_)),
        "the default policy"
    );
    let asked = Binding { nonce: Hex([8; 32]), ..binding };
    assert!(matches!(judge(&good, &story.policy, asked), ReleaseError::Policy(_)), "an old answer");
    let other_key = Binding { key: Hex([8; 32]), ..binding };
    assert!(
        matches!(judge(&good, &story.policy, other_key), ReleaseError::Policy(_)),
        "a key of somebody else"
    );
    let other_signing = Binding { signing: Hex([8; 32]), ..binding };
    assert!(
        matches!(judge(&good, &story.policy, other_signing), ReleaseError::Policy(_)),
        "a result that somebody else signs"
    );
    let other_contract = Binding { contract: Hex([8; 32]), ..binding };
    assert!(matches!(judge(&good, &story.policy, other_contract), ReleaseError::Contract));
    let other = evidence(Hex([4; 48]), binding);
    assert!(matches!(judge(&other, &story.policy, binding), ReleaseError::Policy(_)), "another program");
    let text = format!(
        "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{}']",
        Hex([4; 48])
    );
    let wider = Policy::read(&text).unwrap();
    assert!(
        matches!(judge(&other, &wider, binding), ReleaseError::Engine),
        "a program that was not agreed on"
    );
    for at in 0..good.body.len() {
        let mut changed = good.clone();
        changed.body[at] ^= 1 << (at % 8);
        assert!(matches!(judge(&changed, &story.policy, binding), ReleaseError::Evidence(_)), "{at}");
    }
}

#[test]
fn only_inputs_of_the_contract_have_their_keys_released() {
    let story = story();
    let agreed = story.contract.verify(&story.situation).unwrap();
    let evidence = evidence(MEASUREMENT, story.binding());
    let admitted = Admitted::judge(&agreed, &evidence, &story.policy, story.binding(), 50).unwrap();
    let kek = story.keys.unlock(&story.owner).unwrap();
    let mut other = story.keys.clone();
    other.version = 2;
    let refused = admitted.release(&other, &kek, &SystemRandom::new());
    assert!(matches!(refused, Err(ReleaseError::Input { .. })));
}

#[test]
fn no_byte_of_a_receipt_can_be_changed() {
    let story = story();
    let binding = story.binding();
    let attested = Attested {
        engine: story.engine.identity().clone(),
        evidence: evidence(MEASUREMENT, binding),
        peers: Vec::new(),
    };
    let receipt = Receipt { contract: story.contract.clone(), nonce: binding.nonce, attested };
    let bytes = receipt.write();
    let proves = |bytes: &[u8]| {
        Receipt::read(bytes)
            .is_ok_and(|receipt| receipt.verify(&story.situation.parties, &story.policy, 50).is_ok())
    };
    assert!(proves(&bytes));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!proves(&changed), "{at}");
    }
}

/// Three engines, and a contract that is run by so many.
struct Several {
    story: Story,
    engines: Vec<EngineKey>,
    group: Group,
}

fn several(together: u32) -> Several {
    let mut story = story();
    story.contract = Contract::new(Manifest { together, ..story.contract.manifest });
    story.contract.sign(&story.owner).unwrap();
    let engines: Vec<_> = (0..3).map(|_| EngineKey::draw(&SystemRandom::new()).unwrap()).collect();
    let group = Group::new(engines.iter().map(|engine| engine.identity().clone()).collect()).unwrap();
    Several { story, engines, group }
}

impl Several {
    fn challenge(&self) -> Challenge {
        Challenge { nonce: Hex([7; 32]), contract: self.story.contract.digest() }
    }

    /// Evidence of each, as the one that it is.
    fn answer(&self) -> Attested {
        answer(&self.engines, &self.group, self.challenge(), |_| MEASUREMENT)
    }

    fn judge(&self, answer: &Attested) -> Result<Vec<Released>, ReleaseError> {
        let agreed = self.story.contract.verify(&self.story.situation).unwrap();
        let admitted = Admitted::judge_answer(&agreed, answer, &self.story.policy, self.challenge(), 50)?;
        let kek = self.story.keys.unlock(&self.story.owner).unwrap();
        admitted.release(&self.story.keys, &kek, &SystemRandom::new())
    }

    fn refused(&self, answer: &Attested) -> ReleaseError {
        self.judge(answer).unwrap_err()
    }
}

fn answer(
    engines: &[EngineKey],
    group: &Group,
    challenge: Challenge,
    measured: impl Fn(usize) -> Hex<48>,
) -> Attested {
    let mut peers = engines.iter().enumerate().map(|(rank, engine)| {
        let place = group.place_of(engine.identity()).unwrap();
        let binding = Binding::to(engine.identity(), challenge).within(place);
        Peer { engine: engine.identity().clone(), evidence: evidence(measured(rank), binding) }
    });
    let Peer { engine, evidence } = peers.next().unwrap();
    Attested { engine, evidence, peers: peers.collect() }
}

#[test]
fn keys_go_to_every_engine_of_a_group_each_sealed_for_it_and_for_that_group() {
    let several = several(3);
    let released = several.judge(&several.answer()).unwrap();
    assert_eq!(released.len(), 3);
    for (rank, released) in released.iter().enumerate() {
        assert_eq!(released.group, Some(several.group.digest()));
        let opened = |engine: &EngineKey| released.open(engine).is_some();
        let opens: Vec<_> = several.engines.iter().map(opened).collect();
        assert_eq!(opens, (0..3).map(|other| other == rank).collect::<Vec<_>>());
        for group in [None, Some(Hex([0; 32]))] {
            let other = Released { group, ..released.clone() };
            assert!(other.open(&several.engines[rank]).is_none(), "it is for this group");
        }
    }
}

#[test]
fn no_key_leaves_to_any_engine_where_one_of_them_is_not_good_enough() {
    let three = several(3);
    let good = three.answer();
    let (challenge, group) = (three.challenge(), &three.group);
    // Of another measurement, wherever it stands.
    for wrong in 0..3 {
        let measured = |rank| if rank == wrong { Hex([4; 48]) } else { MEASUREMENT };
        let other = answer(&three.engines, group, challenge, measured);
        assert!(matches!(three.refused(&other), ReleaseError::Policy(_)), "{wrong}");
    }
    // One whose key was exchanged for another's: nobody's evidence is bound to that list.
    let stranger = EngineKey::draw(&SystemRandom::new()).unwrap();
    let mut exchanged = good.clone();
    exchanged.peers[1].engine = stranger.identity().clone();
    assert!(matches!(three.refused(&exchanged), ReleaseError::Policy(_)));
    // One that was told another list than the others.
    let mut members = group.members().to_vec();
    members[2] = stranger.identity().clone();
    let apart = Group::new(members).unwrap();
    let mut other = good.clone();
    other.peers[0] = answer(&three.engines[..2], &apart, challenge, |_| MEASUREMENT).peers.remove(0);
    assert!(matches!(three.refused(&other), ReleaseError::Policy(_)));
    // In another order, and one at two places.
    let mut turned = good.clone();
    turned.peers.swap(0, 1);
    assert!(matches!(three.refused(&turned), ReleaseError::Policy(_)));
    let mut twice = good.clone();
    twice.peers[1] = twice.peers[0].clone();
    assert!(matches!(three.refused(&twice), ReleaseError::Group(GroupError::Twice)));
    // Two of the same rank: evidence that says so of the second too.
    let place = group.place_of(three.engines[1].identity()).unwrap();
    let same = Binding::to(three.engines[2].identity(), challenge).within(place);
    let mut ranks = good.clone();
    ranks.peers[1].evidence = evidence(MEASUREMENT, same);
    assert!(matches!(three.refused(&ranks), ReleaseError::Policy(_)));
    // An old answer, and evidence of an engine that is alone.
    let old = answer(&three.engines, group, Challenge { nonce: Hex([8; 32]), ..challenge }, |_| MEASUREMENT);
    assert!(matches!(three.refused(&old), ReleaseError::Policy(_)));
    let mut alone = good.clone();
    let binding = Binding::to(three.engines[2].identity(), challenge);
    alone.peers[1].evidence = evidence(MEASUREMENT, binding);
    assert!(matches!(three.refused(&alone), ReleaseError::Policy(_)));
    assert!(three.judge(&good).is_ok());
}

#[test]
fn as_many_engines_get_keys_as_the_contract_says() {
    let other = |found| {
        move |error: ReleaseError| {
            assert!(matches!(error, ReleaseError::Group(GroupError::Other { found: so, .. }) if so == found));
        }
    };
    // It says three, and two or one come.
    let three = several(3);
    let mut two = three.answer();
    two.peers.pop();
    other(2)(three.refused(&two));
    two.peers.pop();
    other(1)(three.refused(&two));
    let agreed = three.story.contract.verify(&three.story.situation).unwrap();
    let binding = Binding::to(three.engines[0].identity(), three.challenge());
    let alone = evidence(MEASUREMENT, binding);
    let judged = Admitted::judge(&agreed, &alone, &three.story.policy, binding, 50);
    other(1)(judged.unwrap_err());
    // It says one, and three come.
    let one = several(1);
    other(3)(one.refused(&one.answer()));
    let agreed = one.story.contract.verify(&one.story.situation).unwrap();
    let place = one.group.place_of(one.engines[0].identity()).unwrap();
    let binding = Binding::to(one.engines[0].identity(), one.challenge()).within(place);
    let member = evidence(MEASUREMENT, binding);
    assert!(Admitted::judge(&agreed, &member, &one.story.policy, binding, 50).is_err());
}

#[test]
fn the_receipt_of_a_group_names_and_proves_every_engine() {
    let three = several(3);
    let attested = three.answer();
    let receipt =
        Receipt { contract: three.story.contract.clone(), nonce: three.challenge().nonce, attested };
    let proves = |receipt: &Receipt| {
        let read = Receipt::read(&receipt.write()).unwrap();
        read.verify(&three.story.situation.parties, &three.story.policy, 50).is_ok()
    };
    assert!(proves(&receipt));
    let mut fewer = receipt.clone();
    fewer.attested.peers.pop();
    assert!(!proves(&fewer));
    let mut none = receipt.clone();
    none.attested.peers.clear();
    assert!(!proves(&none));
    let mut turned = receipt;
    turned.attested.peers.swap(0, 1);
    assert!(!proves(&turned));
}
