use super::{
    Bounds, Code, CodeKind, Contract, Engine, Input, Manifest, ManifestError, Noise, Privacy, Recipient,
    Refusal, Revocation, SignError, Situation,
};
use crate::data::{Snapshot, SnapshotFile};
use crate::evidence::Kind;
use crate::hex::{Hex, HexBytes};
use crate::keys::Root;
use crate::name::Name;
use ring::rand::SystemRandom;
use std::collections::{BTreeMap, BTreeSet};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn root(party: &str) -> Root {
    Root::draw(name(party), &SystemRandom::new()).unwrap()
}

fn manifest(a: &Root, b: &Root) -> Manifest {
    let input = |party: &str, name: &str| Input {
        party: party.parse().unwrap(),
        name: name.parse().unwrap(),
        version: 1,
        snapshot: Hex([party.as_bytes()[0]; 32]),
    };
    let manifest = Manifest {
        inputs: vec![input("b", "patients"), input("a", "patients")],
        code: Code { kind: CodeKind::Sql, digest: Hex([5; 32]) },
        engines: vec![Engine {
            kind: Kind::SevSnp,
            measurements: BTreeMap::from([("measurement".to_owned(), HexBytes(vec![1; 48]))]),
        }],
        recipients: vec![Recipient { party: name("a"), sealing: a.identity().sealing }],
        signers: Vec::new(),
        privacy: Privacy { minimum_group: 5, epsilon_milli: None, noise: None },
        oblivious: false,
        together: 1,
        not_before: 100,
        expires: 200,
        runs: 1,
        nonce: Hex([9; 32]),
    };
    manifest.checked(&[a.identity().clone(), b.identity().clone()]).unwrap()
}

/// Both sign, and everything fits.
fn agreed() -> (Contract, Situation, Root, Root) {
    let (a, b) = (root("a"), root("b"));
    let mut contract = Contract::new(manifest(&a, &b));
    contract.sign(&a).unwrap();
    contract.sign(&b).unwrap();
    let parties = [&a, &b].map(|root| (root.identity().party.clone(), root.identity().clone()));
    let snapshot = |party: &str| ((name(party), name("patients"), 1), Hex([party.as_bytes()[0]; 32]));
    let situation = Situation {
        now: 150,
        parties: BTreeMap::from(parties),
        code: Some(Hex([5; 32])),
        snapshots: BTreeMap::from([snapshot("a"), snapshot("b")]),
        ..Situation::default()
    };
    (contract, situation, a, b)
}

#[test]
fn a_contract_that_all_owners_signed_holds() {
    let (contract, situation, ..) = agreed();
    let read = Contract::read(&contract.write()).unwrap();
    assert_eq!(read, contract);
    assert_eq!(read.verify(&situation).unwrap().digest, contract.digest());
}

#[test]
fn each_refusal_has_its_code() {
    let (contract, situation, a, _) = agreed();
    let code = |contract: &Contract, situation: &Situation| contract.verify(situation).unwrap_err().code();
    let with = |change: &dyn Fn(&mut Situation)| {
        let mut changed = situation.clone();
        change(&mut changed);
        changed
    };
    let digest = contract.digest();
    type Change<'a> = &'a dyn Fn(&mut Situation);
    let cases: [(&str, Change<'_>); 8] = [
        ("unknown-party", &|situation| drop(situation.parties.remove(&name("b")))),
        ("other-key", &|situation| drop(situation.parties.insert(name("b"), root("b").identity().clone()))),
        ("not-yet", &|situation| situation.now = 99),
        ("expired", &|situation| situation.now = 200),
        ("revoked", &|situation| situation.revoked = BTreeSet::from([digest])),
        ("replay", &|situation| situation.runs = BTreeMap::from([(digest, 1)])),
        ("changed-code", &|situation| situation.code = Some(Hex([6; 32]))),
        ("missing-input", &|situation| drop(situation.snapshots.pop_first())),
    ];
    for (expected, change) in cases {
        assert_eq!(code(&contract, &with(change)), expected);
    }
    let rolled_back = with(&|situation| {
        situation.snapshots.insert((name("a"), name("patients"), 1), Hex([0; 32]));
    });
    assert_eq!(code(&contract, &rolled_back), "changed-input");
    let mut unsigned = contract.clone();
    unsigned.signatures.remove(&name("b"));
    assert_eq!(code(&unsigned, &situation), "missing-signature");
    let mut changed = contract.clone();
    changed.manifest.runs = 2;
    assert_eq!(code(&changed, &situation), "bad-signature");
    let mut other = contract.clone();
    other.signatures.insert(name("c"), a.sign(b"x"));
    assert_eq!(other.verify(&situation), Err(Refusal::BadSignature(name("c"))));
}

#[test]
fn a_contract_says_that_it_is_oblivious_or_nothing_of_it() {
    let (contract, situation, a, b) = agreed();
    let text = String::from_utf8(contract.write()).unwrap();
    assert!(!text.contains("oblivious"), "older contracts are spelled as they were, and keep their digests");
    let mut other = Contract::new(Manifest { oblivious: true, ..contract.manifest.clone() });
    other.signatures = contract.signatures.clone();
    assert_ne!(other.digest(), contract.digest());
    assert_eq!(other.verify(&situation).unwrap_err().code(), "bad-signature");
    other.signatures.clear();
    other.sign(&a).unwrap();
    other.sign(&b).unwrap();
    let read = Contract::read(&other.write()).unwrap();
    assert!(read.verify(&situation).unwrap().manifest.oblivious);
}

#[test]
fn a_contract_says_what_noise_hides_or_nothing_of_it() {
    let (contract, ..) = agreed();
    let text = String::from_utf8(contract.write()).unwrap();
    assert!(!text.contains("noise"), "older contracts are spelled as they were, and keep their digests");
    let (a, b) = (root("a"), root("b"));
    let good = manifest(&a, &b);
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut changed = good.clone();
        changed.privacy.epsilon_milli = Some(1000);
        changed.privacy.noise = Some(Noise::default());
        assert_eq!(changed.check(), Ok(()));
        change(&mut changed);
        matches!(changed.check(), Err(ManifestError::Noise(_)))
    };
    fn noise(manifest: &mut Manifest) -> &mut Noise {
        manifest.privacy.noise.as_mut().unwrap()
    }
    let bounds = |low, high, digits| Bounds { low, high, digits };
    assert!(refused(&|manifest| manifest.privacy.epsilon_milli = None));
    assert!(refused(&|manifest| manifest.privacy.epsilon_milli = Some(0)));
    assert!(refused(&|manifest| manifest.runs = 1001), "less than a thousandth a run");
    assert!(refused(&|manifest| noise(manifest).per_person = 0));
    assert!(refused(&|manifest| noise(manifest).per_person = 2), "of nobody");
    for wrong in [bounds(1, 0, 0), bounds(0, 1, 19)] {
        assert!(refused(&|manifest| {
            noise(manifest).bounds.insert("x".to_owned(), wrong);
        }));
    }
    for wrong in [&[][..], &["b", "a"], &["a", "a"]] {
        let wrong: Vec<String> = wrong.iter().map(|group| (*group).to_owned()).collect();
        assert!(refused(&|manifest| drop(noise(manifest).groups.insert("x".to_owned(), wrong.clone()))));
    }
    let many: Vec<String> = (0..4097).map(|group| format!("{group:04}")).collect();
    assert!(refused(&|manifest| drop(noise(manifest).groups.insert("x".to_owned(), many.clone()))));
}

#[test]
fn a_run_takes_its_part_of_a_budget_and_never_more_than_is_left() {
    let (a, b) = (root("a"), root("b"));
    let file = SnapshotFile { name: "0".to_owned(), bytes: 1, rows: 1, sha256: Hex([1; 32]) };
    let plain = Snapshot::new(&a, (name("patients"), 1), 7, Vec::new(), vec![file]).unwrap();
    let budgeted = plain.clone().with_budget(&a, 1000);
    let open = Contract::new(manifest(&a, &b));
    let mut noisy = manifest(&a, &b);
    (noisy.privacy.epsilon_milli, noisy.runs) = (Some(1000), 3);
    let noisy = Contract::new(noisy);
    let code = |refused: Result<_, Refusal>| refused.unwrap_err().code();
    assert_eq!(open.spends(&plain, 0), Ok(None));
    assert_eq!(code(open.spends(&budgeted, 0)), "no-noise");
    assert_eq!(code(noisy.spends(&plain, 0)), "no-budget");
    // 333 of 1000: three runs, and one that is left.
    assert_eq!(noisy.spends(&budgeted, 0), Ok(Some(333)));
    assert_eq!(noisy.spends(&budgeted, 667), Ok(Some(333)));
    let short = noisy.spends(&budgeted, 668);
    assert!(matches!(short, Err(Refusal::Budget { asked: 333, left: 332, .. })), "{short:?}");
    assert_eq!(code(noisy.spends(&budgeted, u64::MAX)), "budget");
}

#[test]
fn no_byte_of_a_contract_can_be_changed() {
    let (contract, situation, ..) = agreed();
    let bytes = contract.write();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let holds = Contract::read(&changed).is_ok_and(|contract| contract.verify(&situation).is_ok());
        assert!(!holds, "{at}");
    }
}

#[test]
fn only_owners_sign_and_with_the_key_that_is_named() {
    let (a, b) = (root("a"), root("b"));
    let mut contract = Contract::new(manifest(&a, &b));
    assert_eq!(contract.sign(&root("c")), Err(SignError::NoSigner(name("c"))));
    assert_eq!(contract.sign(&root("a")), Err(SignError::OtherKey(name("a"))));
}

#[test]
fn a_manifest_that_could_never_hold_is_none() {
    let (a, b) = (root("a"), root("b"));
    let good = manifest(&a, &b);
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed.check().unwrap_err()
    };
    assert_eq!(refused(&|manifest| manifest.inputs.clear()), ManifestError::None("inputs"));
    assert_eq!(refused(&|manifest| manifest.inputs.reverse()), ManifestError::Order("inputs"));
    assert_eq!(refused(&|manifest| drop(manifest.signers.pop())), ManifestError::Signers);
    assert_eq!(refused(&|manifest| manifest.expires = 100), ManifestError::Never);
    assert_eq!(refused(&|manifest| manifest.runs = 0), ManifestError::Never);
    assert_eq!(
        refused(&|manifest| manifest.engines[0].measurements.clear()),
        ManifestError::Engine(Kind::SevSnp)
    );
}

#[test]
fn a_revocation_is_of_who_signed_it() {
    let (a, b) = (root("a"), root("b"));
    let revocation = Revocation::new(Hex([1; 32]), &a, 7);
    let read = Revocation::read(&revocation.write()).unwrap();
    assert!(read.is_of(a.identity()) && !read.is_of(b.identity()) && !read.is_of(root("a").identity()));
    let bytes = revocation.write();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!Revocation::read(&changed).is_ok_and(|read| read.is_of(a.identity())), "{at}");
    }
}

#[cfg(feature = "simulated")]
#[test]
fn an_engine_is_asked_for_simulated_evidence_only_where_the_contract_names_no_other() {
    let (a, b) = (root("a"), root("b"));
    let of = |kinds: &[Kind]| {
        let mut manifest = manifest(&a, &b);
        let engine = |kind: &Kind| Engine { kind: *kind, ..manifest.engines[0].clone() };
        manifest.engines = kinds.iter().map(engine).collect();
        manifest.kinds()
    };
    assert_eq!(of(&[Kind::Simulated, Kind::Simulated]), [Kind::Simulated]);
    assert_eq!(of(&[Kind::Simulated, Kind::Tdx, Kind::SevSnp, Kind::Tdx]), [Kind::SevSnp, Kind::Tdx]);
    assert_eq!(of(&[Kind::Nitro]), [Kind::Nitro]);
}

#[test]
fn a_contract_says_how_many_engines_run_it_or_nothing_of_it() {
    let (contract, situation, a, b) = agreed();
    let text = String::from_utf8(contract.write()).unwrap();
    assert!(!text.contains("together"), "older contracts are spelled as they were, and keep their digests");
    let spelled = text.replace("\"runs\"", "\"together\": 1,\n    \"runs\"");
    assert!(Contract::read(spelled.as_bytes()).is_err(), "one has one spelling");
    let mut manifest = Manifest { together: 3, ..contract.manifest.clone() };
    manifest.privacy.minimum_group = 1;
    let mut three = Contract::new(manifest.clone());
    assert_ne!(three.digest(), Contract::new(Manifest { together: 2, ..manifest.clone() }).digest());
    three.sign(&a).unwrap();
    three.sign(&b).unwrap();
    let read = Contract::read(&three.write()).unwrap();
    assert_eq!(read.verify(&situation).unwrap().manifest.together, 3);
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut changed = manifest.clone();
        assert_eq!(changed.check(), Ok(()));
        change(&mut changed);
        matches!(changed.check(), Err(ManifestError::Together(_)))
    };
    assert!(refused(&|manifest| manifest.together = 0));
    assert!(refused(&|manifest| manifest.together = 17));
    assert!(refused(&|manifest| manifest.code.kind = CodeKind::Boost));
    assert!(refused(&|manifest| manifest.code.kind = CodeKind::Program));
    assert!(refused(&|manifest| manifest.oblivious = true));
    assert!(refused(&|manifest| manifest.privacy.minimum_group = 2));
    assert!(refused(&|manifest| {
        (manifest.privacy.epsilon_milli, manifest.privacy.noise) = (Some(1000), Some(Noise::default()));
    }));
}
