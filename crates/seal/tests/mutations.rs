//! The fuzz targets' properties on mutations of sound examples, on any toolchain.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use ring::rand::SystemRandom;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use welkin_mutate::{mutations, seed};
use welkin_seal::{
    Admitted, Attested, Binding, Challenge, Code, CodeKind, Column, Contract, DataKeys, Engine, EngineKey,
    Entry, Event, Evidence, Frame, Group, Hex, HexBytes, Input, KeyFile, Kind, Manifest, Message, Noise,
    Peer, Policy, Privacy, Ran, Receipt, Recipient, Revocation, Root, Run, Secret, Situation, Snapshot,
    SnapshotFile,
};

type Check = fn(&[u8]);

const MEASUREMENT: Hex<48> = Hex([3; 48]);

/// A party with data, a contract, and an engine that ran it: every file and message of it.
static SOUND: LazyLock<Vec<(Check, Vec<u8>)>> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let root = Root::draw("a".parse().unwrap(), &random).unwrap();
    let (party, name) = (root.identity().party.clone(), "patients".parse::<welkin_seal::Name>().unwrap());
    let columns = vec![Column { name: "id".to_owned(), kind: "Int64".to_owned(), nullable: true }];
    let file = SnapshotFile { name: "0.parquet".to_owned(), bytes: 9, rows: 1, sha256: Hex([1; 32]) };
    let snapshot = Snapshot::new(&root, (name.clone(), 1), 7, columns, vec![file]).unwrap();
    let secrets = BTreeMap::from([(String::new(), Secret::new([1; 32]))]);
    let secrets = BTreeMap::from([("0.parquet".to_owned(), secrets)]);
    let keys = DataKeys::new(&root, (name.clone(), 1), &secrets, &[], &random).unwrap();
    let measured = HexBytes(MEASUREMENT.0.to_vec());
    let manifest = Manifest {
        inputs: vec![Input { party: party.clone(), name, version: 1, snapshot: snapshot.digest() }],
        code: Code { kind: CodeKind::Sql, digest: Hex([5; 32]) },
        engines: vec![Engine {
            kind: Kind::Simulated,
            measurements: [("measurement".to_owned(), measured)].into(),
        }],
        recipients: vec![Recipient::from(root.identity())],
        signers: Vec::new(),
        privacy: Privacy { minimum_group: 1, epsilon_milli: Some(5), noise: Some(Noise::default()) },
        oblivious: false,
        together: 1,
        not_before: 0,
        expires: 100,
        runs: 1,
        nonce: Hex([9; 32]),
    };
    let mut contract = Contract::new(manifest.checked(&[root.identity().clone()]).unwrap());
    contract.sign(&root).unwrap();
    let parties = BTreeMap::from([(party.clone(), root.identity().clone())]);
    let agreed = contract.verify(&Situation { now: 50, parties, ..Situation::default() }).unwrap();
    let challenge = Challenge::draw(agreed.digest, &random).unwrap();
    let engine = EngineKey::draw(&random).unwrap();
    let binding = Binding::to(engine.identity(), challenge);
    let evidence = Evidence::simulate(MEASUREMENT, binding.report_data(), &random).unwrap();
    let policy = format!(
        "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{MEASUREMENT}']\n"
    );
    let admitted = Admitted::judge(&agreed, &evidence, &Policy::read(&policy).unwrap(), binding, 50).unwrap();
    let released = admitted.release(&keys, &keys.unlock(&root).unwrap(), &random).unwrap().remove(0);
    let attested =
        Attested { engine: engine.identity().clone(), evidence: evidence.clone(), peers: Vec::new() };
    let receipt = Receipt { contract: contract.clone(), nonce: challenge.nonce, attested: attested.clone() };
    let run = Run {
        contract: String::from_utf8(contract.write()).unwrap(),
        query: "SELECT 1".to_owned(),
        inputs: vec!["a".into()],
        released: vec![released.clone()],
        nonce: challenge.nonce,
        output: "b".into(),
        memory: 1,
        threads: 1,
        spill: None,
        gathered: None,
    };
    let entry = Entry { index: 0, at: 7, contract: agreed.digest, event: Event::Signed { party } };
    let (together, frame) = together(&random, agreed.digest);
    let ran = Ran { contract: agreed.digest, result: Hex([4; 32]), rows: 3 };
    let messages = [
        Message::Challenge(challenge),
        Message::Attested(Box::new(attested)),
        Message::Released { keys: vec![released] },
        Message::Run(Box::new(run)),
        Message::Ran(ran),
        Message::Introduced(Box::new(engine.identity().clone())),
        Message::Join { members: vec![engine.identity().clone(); 2], folder: "c".into() },
        Message::Attested(Box::new(together)),
    ];
    let key_file = KeyFile::new(&root, None, &random).unwrap().write().to_vec();
    let mut sound: Vec<(Check, Vec<u8>)> = vec![
        (properties::agreed, contract.write()),
        (properties::agreed, receipt.write()),
        (properties::agreed, Revocation::new(agreed.digest, &root, 8).write()),
        (properties::evidence, evidence.write()),
        (properties::evidence, policy.into_bytes()),
        (properties::evidence, table()),
        (properties::evidence, quote()),
        (properties::evidence, module_answer()),
        (properties::machine, conversation()),
        (properties::files, snapshot.write()),
        (properties::files, keys.write()),
        (properties::files, root.identity().write()),
        (properties::files, key_file),
        (properties::files, format!("{}\n", entry.line()).into_bytes()),
    ];
    sound.push((properties::frame, frame));
    sound.extend(messages.iter().map(|message| (properties::message as Check, message.line())));
    sound
});

/// What two engines answer, and what one says to the other.
fn together(random: &SystemRandom, contract: Hex<32>) -> (Attested, Vec<u8>) {
    let engines = [1, 2].map(|_| EngineKey::draw(random).unwrap());
    let group = Group::new(engines.iter().map(|engine| engine.identity().clone()).collect()).unwrap();
    let [first, second] = engines.each_ref().map(|engine| {
        let challenge = Challenge { nonce: Hex([7; 32]), contract };
        let place = group.place_of(engine.identity()).unwrap();
        let binding = Binding::to(engine.identity(), challenge).within(place);
        let evidence = Evidence::simulate(MEASUREMENT, binding.report_data(), random).unwrap();
        Peer { engine: engine.identity().clone(), evidence }
    });
    let attested = Attested { engine: first.engine, evidence: first.evidence, peers: vec![second] };
    let (mut sealer, _) = engines[0].frames(&group, contract, 1).unwrap();
    (attested, sealer.seal(&Frame::More(b"rows")))
}

/// A host's table of certificates, with one of a chip's key that is none.
fn table() -> Vec<u8> {
    let entry = "63da758de6644564adc5f4b93be8accd3000000002000000";
    [welkin_seal::from_hex(entry).unwrap(), vec![0; 24], vec![0x30, 0]].concat()
}

/// A quote of SGX about sevens, with signatures and certificates that are none.
fn quote() -> Vec<u8> {
    let mut quote = vec![0; 48 + 384];
    quote[..4].copy_from_slice(&[3, 0, 2, 0]);
    quote[12..28].copy_from_slice(&welkin_seal::from_hex("939a7233f79c4ca9940a0db3957f0607").unwrap());
    quote[48 + 320..].fill(7);
    let signatures = [vec![0; 64 + 64 + 384 + 64], vec![0, 0, 5, 0, 1, 0, 0, 0, b'-']].concat();
    quote.extend(u32::try_from(signatures.len()).unwrap().to_le_bytes());
    quote.extend(signatures);
    assert!(Evidence::of_gramine(quote.clone(), &[7; 64]).is_ok());
    quote
}

/// A security module's answer about sevens, whose document nobody signed.
fn module_answer() -> Vec<u8> {
    let text = |text: &str| [&[0x60 | text.len() as u8][..], text.as_bytes()].concat();
    let some = |count: u8| [vec![0x58, count], vec![7; count.into()]].concat();
    let payload = [
        vec![0xa7],
        text("module_id"),
        text("i-7"),
        text("digest"),
        text("SHA384"),
        text("timestamp"),
        vec![7],
        text("pcrs"),
        [vec![0xa1, 0], some(48)].concat(),
        text("certificate"),
        some(24),
        text("cabundle"),
        [vec![0x81], some(24)].concat(),
        text("user_data"),
        some(64),
    ]
    .concat();
    let length = u8::try_from(payload.len()).unwrap();
    let head = [&[0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x58, length][..], &payload].concat();
    let document = [head, some(96)].concat();
    let length = u16::try_from(document.len()).unwrap().to_be_bytes();
    let answer = [&[0xa1][..], &text("Attestation"), &[0xa1], &text("document"), &[0x59], &length, &document];
    let answer = answer.concat();
    assert!(Evidence::of_nitro(&answer, &[7; 64]).is_ok());
    answer
}

/// What a TPM of Azure answers, one after the other, up to a signature that is none.
fn conversation() -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let answer = |passwords: bool, parameters: &[u8]| {
        let parts = if passwords {
            let length = u32::try_from(parameters.len()).unwrap().to_be_bytes();
            [&length[..], parameters, &[0, 0, 1, 0, 0]].concat()
        } else {
            parameters.to_vec()
        };
        let length = u32::try_from(10 + parts.len()).unwrap().to_be_bytes();
        sized(&[&[0x80, 1 + u8::from(passwords)][..], &length, &[0; 4], &parts].concat())
    };
    let text = br#"{"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"____"}],"vm-configuration":{"secure-boot":true}}"#;
    let mut envelope = vec![0; 1236];
    envelope[..4].copy_from_slice(b"HCLA");
    (envelope[1224], envelope[1228], envelope[1232]) = (2, 1, u8::try_from(text.len()).unwrap());
    envelope[112..144].copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text).as_ref());
    envelope.extend(text);
    let size = u16::try_from(envelope.len()).unwrap().to_be_bytes();
    let public = [&[0x01, 0x40, 0, 1, 0, 0x0b, 0, 0, 0, 0, 0, 0][..], &size].concat();
    let mut all = answer(false, &[sized(&public), sized(&[0; 34])].concat());
    all.extend(envelope.chunks(512).flat_map(|piece| answer(true, &sized(piece))));
    let sum = ring::digest::digest(&ring::digest::SHA256, &[0; 24 * 32]);
    let bank = [0, 0, 0, 1, 0, 0x0b, 3];
    let message = [
        &[0xff, 0x54, 0x43, 0x47, 0x80, 0x18][..],
        &sized(&[0; 34]),
        &sized(&[7; 48]),
        &[0; 25],
        &bank,
        &[0xff; 3],
        &sized(sum.as_ref()),
    ];
    all.extend(answer(true, &[sized(&message.concat()), vec![0, 0x14, 0, 0x0b], sized(&[1; 256])].concat()));
    for mask in [[0xff, 0, 0], [0, 0xff, 0], [0, 0, 0xff]] {
        let head = [&[0, 0, 0, 9][..], &bank, &mask, &[0, 0, 0, 8]].concat();
        all.extend(answer(false, &[head, sized(&[0; 32]).repeat(8)].concat()));
    }
    let mut rest = &all[..];
    let mut transmit = |_: &[u8]| {
        let (length, behind) = rest.split_first_chunk::<2>().ok_or("the conversation is over")?;
        let (answer, after) = behind.split_at(u16::from_be_bytes(*length).into());
        rest = after;
        Ok(answer.to_vec())
    };
    let said = welkin_seal::Paravisor::ask(&mut transmit, &[7; 64]).unwrap_err();
    assert!(matches!(said, welkin_seal::GuestError::Malformed(Kind::AzureSevSnp, _)), "{said}");
    assert!(rest.is_empty(), "all of it was heard");
    all
}

#[test]
fn sound_examples_hold() {
    for (check, example) in &*SOUND {
        seed(example);
        (0..=example.len()).step_by(1 + example.len() / 200).for_each(|end| check(&example[..end]));
        check(example);
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in &*SOUND {
            check(&mutation.of(example));
        }
    }
}
