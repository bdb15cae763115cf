//! Those who say what nobody should.

use crate::scene::{Scene, alone, rows, runtime};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use welkin_boost::federated::Schema;
use welkin_boost::{Alone, Format};
use welkin_federate::{Meanwhile, Notes, TakingPart, take_part};
use welkin_gateway::{Identity, Meeting};

const HELLO: u8 = 1;
pub(crate) const KEYS: u8 = 3;
pub(crate) const ASK: u8 = 4;
pub(crate) const ANSWER: u8 = 5;
const PAUSE: u8 = 6;
pub(crate) const OVER: u8 = 7;

pub(crate) fn message(kind: u8, number: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&[kind], &number.to_le_bytes()[..], &length.to_le_bytes(), payload].concat()
}

/// Bytes behind their length.
pub(crate) fn list(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

/// A connection of a party that knows how to behave so far.
async fn come(scene: &Scene, party: usize, address: SocketAddr) -> Meeting {
    let identity = &scene.identities[party];
    let mut meeting =
        Meeting::call(&address.to_string(), scene.coordinator.fingerprint(), identity).await.unwrap();
    let schema = Schema::of(&rows(party, scene.identities.len())).write();
    let hello = [&[party as u8; 32][..], &list(&schema)].concat();
    meeting.output.write_all(&message(HELLO, 0, &hello)).await.unwrap();
    meeting.output.flush().await.unwrap();
    meeting
}

pub(crate) async fn hear(meeting: &mut Meeting) -> std::io::Result<(u8, u64, Vec<u8>)> {
    let mut head = [0; 13];
    meeting.input.read_exact(&mut head).await?;
    let number = u64::from_le_bytes(head[1..9].try_into().unwrap());
    let mut payload = vec![0; u32::from_le_bytes(head[9..].try_into().unwrap()) as usize];
    meeting.input.read_exact(&mut payload).await?;
    Ok((head[0], number, payload))
}

/// One of the parties misbehaves once it has heard the plan: it is hung up on, and comes back as it should.
fn goes_on_without(misbehave: impl AsyncFnOnce(&Scene, &mut Meeting, &[u8])) {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |_| false);
    let others = scene.others(&[0], running.address);
    runtime().block_on(async {
        let mut meeting = come(&scene, 0, running.address).await;
        let (_, _, plan) = hear(&mut meeting).await.unwrap();
        misbehave(&scene, &mut meeting, &plan).await;
        // Hung up on, or told that others have hung up.
        while hear(&mut meeting).await.is_ok() {}
    });
    let back = Scene::part(scene.taking_part(0, running.address), rows(0, 2), None);
    back.join().unwrap().unwrap().unwrap();
    others.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(said.iter().any(|said| said.starts_with("Went(\"p00\"")), "{said:?}");
}

pub(crate) async fn say(meeting: &mut Meeting, bytes: &[u8]) {
    meeting.output.write_all(bytes).await.unwrap();
    meeting.output.flush().await.unwrap();
}

/// What is said where keys are asked for, and the coordinator hears that it is nonsense.
fn answers_keys_with(bytes: &[u8]) {
    goes_on_without(async |_, meeting, _| say(meeting, bytes).await);
}

#[test]
fn garbage_in_place_of_keys_harms_nobody_else() {
    answers_keys_with(&[0xff; 40]);
    answers_keys_with(&message(ANSWER, 1, &[1; 8]));
    answers_keys_with(&[&[KEYS][..], &[0; 8], &[0xff; 4]].concat());
}

#[test]
fn strangers_and_noise_do_not_come_in() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |_| false);
    let stranger = TakingPart {
        identity: Arc::new(Identity::generate().unwrap()),
        ..scene.taking_part(0, running.address)
    };
    let error = Scene::part(stranger, rows(0, 2), None).join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("`p00` has the fingerprint"), "{error}");
    runtime().block_on(async {
        let other = Identity::generate().unwrap();
        let called =
            Meeting::call(&running.address.to_string(), scene.coordinator.fingerprint(), &other).await;
        // In TLS 1.3 the caller hears that it was refused with the first bytes that it reads.
        if let Ok(mut meeting) = called {
            assert!(hear(&mut meeting).await.is_err());
        }
    });
    let mut noise = std::net::TcpStream::connect(running.address).unwrap();
    noise.write_all(&[0x16; 4000]).unwrap();
    let others = scene.others(&[], running.address);
    others.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(said.iter().filter(|said| said.starts_with("Refused")).count() >= 2, "{said:?}");
}

#[test]
fn a_party_that_comes_twice_is_told_so_and_the_first_stays() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |_| false);
    runtime().block_on(async {
        let first = come(&scene, 0, running.address).await;
        let mut second = come(&scene, 0, running.address).await;
        // Which of both is seated first is nobody's business: one is told that it is not the first.
        let mut first = first;
        let (kind, _, words) = tokio::select! {
            heard = hear(&mut first) => heard.unwrap(),
            heard = hear(&mut second) => heard.unwrap(),
        };
        assert_eq!(kind, PAUSE);
        assert!(String::from_utf8(words).unwrap().contains("`p00` is here already"));
    });
    let others = scene.others(&[], running.address);
    others.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(running.end().0.unwrap() == alone());
}

/// A connection that broke is often noticed on one side first: on the other one the party is still there.
#[test]
fn a_party_that_is_there_over_a_connection_of_before_waits_until_it_is_not() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |_| false);
    let before = runtime();
    let first = before.block_on(come(&scene, 0, running.address));
    while !running.said.lock().unwrap().contains(&"Came(\"p00\")".to_owned()) {
        std::thread::yield_now();
    }
    let (waits, waited) = std::sync::mpsc::channel();
    let options = scene.taking_part(0, running.address);
    let again = std::thread::spawn(move || {
        let mut tell = |meanwhile: &Meanwhile<'_>| {
            if let Meanwhile::Waits(why) = meanwhile {
                let _ = waits.send(why.clone());
            }
            Ok(())
        };
        let (data, mut notes) = (rows(0, 2), Notes::default());
        let taken = take_part(&options, &data, None, &Alone, &mut notes, &mut tell);
        runtime().block_on(taken).unwrap().write(Format::Json)
    });
    // More than once, and said of it once.
    (0..3).for_each(|_| assert!(waited.recv().unwrap().contains("`p00` is here already")));
    drop((first, before));
    scene.others(&[0], running.address).into_iter().for_each(|thread| thread.join().unwrap());
    assert!(again.join().unwrap() == alone());
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert_eq!(said.iter().filter(|said| said.contains("a second time")).count(), 1, "{said:?}");
}

#[test]
fn keys_that_somebody_else_signed_or_nobody_can_use_are_hung_up_on_and_harm_nobody_else() {
    goes_on_without(async |scene, meeting, _| {
        let certificate = scene.identities[0].certificate();
        let shown = [&[7; 64][..], &[9; 64], certificate].concat();
        say(meeting, &message(KEYS, 0, &shown)).await;
    });
    // Signed, for another plan.
    goes_on_without(async |scene, meeting, plan| {
        let other = [plan, &[1]].concat();
        say(meeting, &message(KEYS, 0, &signed(scene, 0, &other, 9))).await;
    });
    // Signed, and of no order: the other party could agree upon nothing by it, and would end.
    goes_on_without(async |scene, meeting, plan| {
        say(meeting, &message(KEYS, 0, &signed(scene, 0, plan, 0))).await;
    });
}

/// Keys that this party has really signed, for what it is told is to be done.
fn signed(scene: &Scene, party: usize, plan: &[u8], key: u8) -> Vec<u8> {
    let identity = &scene.identities[party];
    let (number, plan) = plan.split_at(32);
    let mut keys = vec![key; 32 * scene.identities.len()];
    keys[32 * party..][..32].fill(0);
    let words = [
        blake3::hash(plan).as_bytes(),
        blake3::hash(number).as_bytes(),
        identity.fingerprint().to_string().as_bytes(),
        &keys,
    ]
    .concat();
    let signature = identity.sign("welkin federated keys 1", &words).unwrap();
    [&keys[..], &signature, identity.certificate()].concat()
}

/// One of the parties behaves until it is asked for how many rows it has, which is answered with 16 bytes.
fn answers_rows_with(answer: impl Fn(u64) -> Vec<u8>) {
    goes_on_without(async |scene, meeting, plan| {
        say(meeting, &message(KEYS, 0, &signed(scene, 0, plan, 9))).await;
        let number = loop {
            let (kind, number, _) = hear(meeting).await.unwrap();
            if kind == ASK {
                break number;
            }
        };
        say(meeting, &answer(number)).await;
    });
}

#[test]
fn answers_that_nobody_asked_for_are_hung_up_on_and_the_training_goes_on_without_them() {
    // Of another question, too short, too long, as long as memory, and of another kind.
    answers_rows_with(|number| message(ANSWER, number + 1, &[1; 16]));
    answers_rows_with(|number| message(ANSWER, number, &[1; 15]));
    answers_rows_with(|number| message(ANSWER, number, &[1; 17]));
    answers_rows_with(|number| [&[ANSWER][..], &number.to_le_bytes(), &[0xff; 4]].concat());
    answers_rows_with(|number| message(OVER, number, b"enough"));
}

#[test]
fn a_coordinator_that_lets_in_and_says_nothing_is_given_up() {
    let scene = Scene::new(2);
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let patience = std::time::Duration::from_millis(200);
        let party = TakingPart { patience, ..scene.taking_part(0, address) };
        let thread = Scene::part(party, rows(0, 2), None);
        let door =
            welkin_gateway::Door::new(&scene.coordinator, [scene.identities[0].fingerprint()]).unwrap();
        // Held, and never answered.
        let _meeting = door.answer(listener.accept().await.unwrap().0).await.unwrap();
        let joined = tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        let error = joined.unwrap().unwrap_err();
        assert!(error.to_string().contains("could not be reached"), "{error}");
    });
}
