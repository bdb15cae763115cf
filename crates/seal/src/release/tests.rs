//! Evidence, policy, contract, release: everything fits, or no key leaves.

use super::{Admitted, Attested, EngineKey, ReleaseError};
use crate::binding::Binding;
use crate::contract::{Code, CodeKind, Contract, Engine, Input, Manifest, Privacy, Recipient, Situation};
use crate::data::{DataKeys, FOOTER};
use crate::evidence::{Evidence, Kind};
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
    let released = admitted.release(&story.keys, &kek, &SystemRandom::new()).unwrap();
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
    let attested =
        Attested { engine: story.engine.identity().clone(), evidence: evidence(MEASUREMENT, binding) };
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
