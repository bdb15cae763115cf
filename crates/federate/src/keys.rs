//! Secrets of pairs of parties, and the masks that are drawn from them.
//!
//! Each time that all parties have come together, each makes a new key for each other one (X25519), signs them with its
//! identity, together with the plan and a number that is new, and has the coordinator pass them on. Two parties have a
//! secret then that nobody else has; a coordinator that made up keys of its own would have to sign them with identities
//! that it has not. From the secret and all that was asked and noted so far, word by word, comes a key of AES-128-GCM for each
//! question, and its keystream is the mask: what it encrypts is zeros. A longer key would be no stronger than the X25519 that it
//! comes from, and masks are most of what a training costs beyond that of one machine.
//!
//! *Guarantee:* no keystream is used twice, whoever asks what again: nonces are numbers of questions, which a party answers once,
//! and a break brings new keys of this party, so that a coordinator that says old keys of others again, or an old number, gets
//! secrets that nobody had before. And a coordinator that asks one party for its sums and all others for something whose sum it knows hears
//! noise: masks of parties that were asked different things, now or before, do not cancel. *Rejected:* secrets out of the
//! identities themselves, which would outlive the training.

use crate::notes::Digest;
use crate::roster::Roster;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use welkin_boost::federated::Pads;
use welkin_gateway::{Fingerprint, Identity, is_signed};

/// What signatures are for.
const SIGNED: &str = "welkin federated keys 1";

/// What secrets are for.
const MASK: &str = "welkin federated mask 1";

/// Bytes of a public key, of a secret, and of a signature.
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// Bytes of a key of the cipher.
const CIPHER_BYTES: usize = 16;

/// Why there are no secrets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeysError {
    /// The system gives no randomness.
    #[error("the system has no random numbers to give")]
    Random,
    /// The identity cannot sign.
    #[error("the identity cannot sign")]
    Sign,
    /// A key was not signed by whom it should be of.
    #[error("the keys of `{0}` were not signed by `{0}`: somebody between has changed them")]
    Forged(String),
    /// Too few or too many keys.
    #[error("there is not one list of keys for each party")]
    Count,
}

/// What all parties agree about before they make keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) plan: &'a [u8],
    /// New each time.
    pub(crate) number: &'a [u8],
}

impl Occasion<'_> {
    /// What one party signs.
    fn words(&self, by: Fingerprint, keys: &[u8]) -> Vec<u8> {
        let mut words = Vec::new();
        words.extend(blake3::hash(self.plan).as_bytes());
        words.extend(blake3::hash(self.number).as_bytes());
        words.extend(by.to_string().as_bytes());
        words.extend(keys);
        words
    }

    /// The public keys of a party, if it has signed them and others can agree with each upon a secret.
    fn opened<'b>(&self, by: Fingerprint, shown: &'b [u8]) -> Option<&'b [u8]> {
        let (keys, rest) = shown.split_at_checked(self.roster.parties().len() * KEY_BYTES)?;
        let (signature, certificate) = rest.split_at_checked(SIGNATURE_BYTES)?;
        let place = self.roster.parties().iter().position(|(_, fingerprint)| *fingerprint == by);
        let usable = |(at, key): (usize, &[u8; KEY_BYTES])| Some(at) == place || !is_of_small_order(key);
        (keys.as_chunks().0.iter().enumerate().all(usable)
            && is_signed(by, certificate, SIGNED, &self.words(by, keys), signature))
        .then_some(keys)
    }

    /// Whether others can use what a party shows.
    pub(crate) fn is_shown_by(&self, by: Fingerprint, shown: &[u8]) -> bool {
        self.opened(by, shown).is_some()
    }
}

/// Whether a public key gives the same secret with every other one: nobody makes such a key but to end the trainings of others,
/// who would refuse the secret. These are all points of the curve and its twist whose order divides 8 (RFC 7748, section 6.1), also
/// where they are written as p or p + 1.
fn is_of_small_order(key: &[u8; KEY_BYTES]) -> bool {
    const EIGHT: [&str; 2] = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let mut key = *key;
    // The highest bit is nobody's.
    key[KEY_BYTES - 1] &= 0x7f;
    let zero_or_one = key[0] <= 1 && key[1..].iter().all(|byte| *byte == 0);
    let around_p = (0xec..=0xee).contains(&key[0])
        && key[1..KEY_BYTES - 1].iter().all(|byte| *byte == 0xff)
        && key[KEY_BYTES - 1] == 0x7f;
    zero_or_one || around_p || EIGHT.contains(&blake3::Hash::from_bytes(key).to_hex().as_str())
}

/// Keys that were made and not used yet, one for each other party, in their order.
pub(crate) struct Fresh {
    own: usize,
    keys: Vec<Option<EphemeralPrivateKey>>,
    /// What the others are shown: public keys, a signature, and the certificate to check it with.
    pub(crate) shown: Vec<u8>,
}

impl Fresh {
    pub(crate) fn new(occasion: &Occasion<'_>, own: usize, identity: &Identity) -> Result<Self, KeysError> {
        let random = SystemRandom::new();
        let (mut keys, mut shown) = (Vec::new(), Vec::new());
        for other in 0..occasion.roster.parties().len() {
            if other == own {
                keys.push(None);
                shown.extend([0; KEY_BYTES]);
                continue;
            }
            let key = EphemeralPrivateKey::generate(&X25519, &random).map_err(|_| KeysError::Random)?;
            shown.extend(key.compute_public_key().map_err(|_| KeysError::Random)?.as_ref());
            keys.push(Some(key));
        }
        let words = occasion.words(identity.fingerprint(), &shown);
        shown.extend(identity.sign(SIGNED, &words).map_err(|_| KeysError::Sign)?);
        shown.extend(identity.certificate());
        Ok(Self { own, keys, shown })
    }

    /// The masks, out of what all parties have shown, in their order.
    pub(crate) fn agree(self, occasion: &Occasion<'_>, all: &[&[u8]]) -> Result<Masks, KeysError> {
        let parties = occasion.roster.parties();
        if all.len() != parties.len() {
            return Err(KeysError::Count);
        }
        let mut secrets = Vec::new();
        for (other, ((key, shown), (name, fingerprint))) in
            self.keys.into_iter().zip(all).zip(parties).enumerate()
        {
            let Some(key) = key else { continue };
            let forged = || KeysError::Forged(name.clone());
            let theirs = occasion.opened(*fingerprint, shown).ok_or_else(forged)?;
            let theirs = &theirs[self.own * KEY_BYTES..][..KEY_BYTES];
            let salt = salt(occasion, parties[self.own].1, *fingerprint);
            let derive = |secret: &[u8]| blake3::derive_key(MASK, &[secret, &salt].concat());
            let secret = agree_ephemeral(key, &UnparsedPublicKey::new(&X25519, theirs), derive);
            secrets.push((self.own < other, secret.map_err(|_| forged())?));
        }
        let mut own = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut own).map_err(|_| KeysError::Random)?;
        let mut masks =
            Masks { secrets, own: cipher(&blake3::hash(&own)), asked: blake3::hash(&[]), shared: Vec::new() };
        masks.hear(&[]);
        Ok(masks)
    }
}

/// What else a secret is made of: the occasion and both parties, in one order for both.
fn salt(occasion: &Occasion<'_>, one: Fingerprint, other: Fingerprint) -> Vec<u8> {
    let (first, second) = (one.min(other), one.max(other));
    let keys = format!("{first} {second}");
    occasion.words(first, keys.as_bytes())
}

fn cipher(key: &blake3::Hash) -> LessSafeKey {
    let key = UnboundKey::new(&AES_128_GCM, &key.as_bytes()[..CIPHER_BYTES]);
    LessSafeKey::new(key.expect("a key of AES-128 has 16 bytes"))
}

/// The keystream of a key for one piece of one question.
fn draw(key: &LessSafeKey, question: u64, piece: u32, into: &mut [u8]) {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&question.to_le_bytes());
    nonce[8..].copy_from_slice(&piece.to_le_bytes());
    into.fill(0);
    let nonce = Nonce::assume_unique_for_key(nonce);
    // The tag would say that nobody changed it; nobody is sent it.
    let _ = key.seal_in_place_separate_tag(nonce, Aad::empty(), into).expect("a piece is far below 64 GiB");
}

/// Masks of one party.
pub(crate) struct Masks {
    /// With each other party, whether this one adds, and their secret.
    secrets: Vec<(bool, [u8; KEY_BYTES])>,
    own: LessSafeKey,
    /// A hash of all that was asked and noted so far.
    asked: blake3::Hash,
    /// What is drawn from now, for each secret.
    shared: Vec<LessSafeKey>,
}

impl Masks {
    /// Takes what was noted in: masks are for nobody who has noted something else.
    pub(crate) fn note(&mut self, digest: &Digest) {
        self.asked = blake3::keyed_hash(self.asked.as_bytes(), digest);
    }

    /// Takes the next question in: from now on masks are for it.
    pub(crate) fn hear(&mut self, question: &[u8]) {
        self.asked = blake3::Hasher::new().update(self.asked.as_bytes()).update(question).finalize();
        let key = |(_, secret): &(bool, [u8; KEY_BYTES])| {
            cipher(&blake3::keyed_hash(secret, self.asked.as_bytes()))
        };
        self.shared = self.secrets.iter().map(key).collect();
    }
}

impl Pads for Masks {
    fn others(&self) -> usize {
        self.secrets.len()
    }

    fn adds(&self, other: usize) -> bool {
        self.secrets[other].0
    }

    fn shared(&self, other: usize, question: u64, piece: u32, into: &mut [u8]) {
        draw(&self.shared[other], question, piece, into);
    }

    fn own(&self, question: u64, into: &mut [u8]) {
        draw(&self.own, question, 0, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_boost::federated::combine;

    struct Scene {
        identities: Vec<Identity>,
        roster: Roster,
    }

    fn scene(parties: usize) -> Scene {
        let identities: Vec<Identity> = (0..parties).map(|_| Identity::generate().unwrap()).collect();
        let lines = identities
            .iter()
            .enumerate()
            .map(|(at, identity)| format!("p{at:02} {}\n", identity.fingerprint()));
        let coordinator = format!("coordinator {}\n", Identity::generate().unwrap().fingerprint());
        let roster = Roster::read(&(coordinator + &lines.collect::<String>())).unwrap();
        Scene { identities, roster }
    }

    fn all(scene: &Scene, number: &[u8]) -> Vec<Masks> {
        let occasion = Occasion { roster: &scene.roster, plan: b"plan", number };
        let fresh: Vec<Fresh> =
            (0..).zip(&scene.identities).map(|(at, one)| Fresh::new(&occasion, at, one).unwrap()).collect();
        let shown: Vec<Vec<u8>> = fresh.iter().map(|fresh| fresh.shown.clone()).collect();
        let shown: Vec<&[u8]> = shown.iter().map(Vec::as_slice).collect();
        fresh.into_iter().map(|fresh| fresh.agree(&occasion, &shown).unwrap()).collect()
    }

    /// What all of a party's masks add to one answer.
    fn added(masks: &Masks, question: u64) -> Vec<u8> {
        let mut sum = vec![0; 70];
        for other in 0..masks.others() {
            let mut drawn = vec![0; 70];
            masks.shared(other, question, 0, &mut drawn);
            combine(7, &mut sum, &drawn, masks.adds(other));
        }
        sum
    }

    #[test]
    fn masks_cancel_and_are_new_for_each_question_and_occasion() {
        for parties in [2, 3, 8] {
            let scene = scene(parties);
            let masks = all(&scene, b"1");
            let mut sum = vec![0; 70];
            masks.iter().for_each(|masks| combine(7, &mut sum, &added(masks, 5), true));
            assert_eq!(sum, [0; 70]);
            assert_ne!(added(&masks[0], 5), added(&masks[0], 6));
            assert_ne!(added(&masks[0], 5), added(&all(&scene, b"1")[0], 5), "keys are new");
            assert_ne!(added(&masks[0], 5), [0; 70]);
        }
    }

    #[test]
    fn what_parties_are_asked_differently_now_or_before_keeps_its_masks() {
        let scene = scene(3);
        let sum = |questions: [&[&[u8]]; 3]| {
            let mut masks = all(&scene, b"1");
            let mut sum = vec![0; 70];
            for (masks, questions) in masks.iter_mut().zip(questions) {
                questions.iter().for_each(|question| masks.hear(question));
                combine(7, &mut sum, &added(masks, questions.len() as u64), true);
            }
            sum
        };
        let (same, other): (&[&[u8]], &[&[u8]]) = (&[b"a", b"b"], &[b"a", b"c"]);
        assert_eq!(sum([same, same, same]), [0; 70]);
        assert_ne!(sum([same, same, other]), [0; 70]);
        assert_ne!(sum([same, other, other]), [0; 70]);
        let before: &[&[u8]] = &[b"x", b"b"];
        assert_ne!(sum([same, same, before]), [0; 70]);
        let split: &[&[u8]] = &[b"ab", b""];
        assert_ne!(sum([same, same, split]), [0; 70]);
    }

    #[test]
    fn parties_that_have_noted_different_things_keep_their_masks() {
        let scene = scene(3);
        let sum = |noted: [&[u8]; 3]| {
            let mut sum = vec![0; 70];
            for (masks, noted) in all(&scene, b"1").iter_mut().zip(noted) {
                noted.iter().for_each(|digit| masks.note(&[*digit; 32]));
                masks.hear(b"question");
                combine(7, &mut sum, &added(masks, 1), true);
            }
            sum
        };
        assert_eq!(sum([&[1, 2], &[1, 2], &[1, 2]]), [0; 70]);
        assert_ne!(sum([&[1, 2], &[1, 2], &[1, 3]]), [0; 70]);
        assert_ne!(sum([&[1, 2], &[1, 2], &[2, 1]]), [0; 70]);
        assert_ne!(sum([&[1, 2], &[1, 2], &[1]]), [0; 70]);
    }

    #[test]
    fn keys_that_end_the_trainings_of_others_are_none() {
        let hex = |text: &str| *blake3::Hash::from_hex(text).unwrap().as_bytes();
        let (zeros, ones) = ("0".repeat(62), "f".repeat(60));
        let mut small: Vec<[u8; 32]> = ["00", "01"].iter().map(|low| hex(&format!("{low}{zeros}"))).collect();
        small.extend(["ec", "ed", "ee"].iter().map(|low| hex(&format!("{low}{ones}7f"))));
        small.push(hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
        small.push(hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
        for mut key in small {
            for _ in 0..2 {
                assert!(is_of_small_order(&key), "{key:?}");
                let own = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
                let secret =
                    agree_ephemeral(own, &UnparsedPublicKey::new(&X25519, &key), |secret| secret.to_vec());
                assert!(secret.is_err(), "there is a secret with {key:?}");
                key[31] |= 0x80;
            }
        }
        let own = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
        let public: [u8; 32] = own.compute_public_key().unwrap().as_ref().try_into().unwrap();
        assert!(!is_of_small_order(&public) && !is_of_small_order(&[9; 32]));
    }

    #[test]
    fn keys_that_somebody_between_made_are_refused() {
        let scene = scene(3);
        let occasion = Occasion { roster: &scene.roster, plan: b"plan", number: b"1" };
        let fresh =
            |occasion: &Occasion<'_>, at: usize, identity| Fresh::new(occasion, at, identity).unwrap();
        let shown: Vec<Vec<u8>> =
            (0..3).map(|at| fresh(&occasion, at, &scene.identities[at]).shown).collect();
        let agree = |second: &[u8]| {
            let own = fresh(&occasion, 0, &scene.identities[0]);
            let mine = own.shown.clone();
            own.agree(&occasion, &[&mine, second, &shown[2]]).map(drop)
        };
        assert_eq!(agree(&shown[1]), Ok(()));
        let forged = Err(KeysError::Forged("p01".to_owned()));
        let stranger = Identity::generate().unwrap();
        assert_eq!(agree(&fresh(&occasion, 1, &stranger).shown), forged);
        assert_eq!(agree(&shown[2]), forged, "keys of another party");
        assert_eq!(agree(&shown[1][..100]), forged);
        let other_plan = Occasion { plan: b"another plan", ..occasion };
        assert_eq!(agree(&fresh(&other_plan, 1, &scene.identities[1]).shown), forged);
        let before = Occasion { number: b"0", ..occasion };
        assert_eq!(
            agree(&fresh(&before, 1, &scene.identities[1]).shown),
            forged,
            "keys of an earlier occasion"
        );
        let mut changed = shown[1].clone();
        changed[3] ^= 1;
        assert_eq!(agree(&changed), forged);
        let own = fresh(&occasion, 0, &scene.identities[0]);
        assert_eq!(own.agree(&occasion, &[&shown[0]]).map(drop), Err(KeysError::Count));
    }
}
