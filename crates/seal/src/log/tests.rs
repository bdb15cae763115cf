use super::{Consistency, Entry, Event, Head, Inclusion, Tree, read_log};
use crate::hex::{Hex, to_hex};
use crate::keys::Root;
use ring::rand::SystemRandom;

fn root() -> Root {
    Root::draw("a".parse().unwrap(), &SystemRandom::new()).unwrap()
}

fn tree(count: usize) -> Tree {
    let mut tree = Tree::default();
    (0..count).for_each(|index| tree.push(format!("line {index}").as_bytes()));
    tree
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    // The empty tree, and the leaf without a byte, as RFC 9162's hashes give them.
    assert_eq!(to_hex(&Tree::default().root(0).unwrap().0)[..16], *"e3b0c44298fc1c14");
    let mut empty = Tree::default();
    empty.push(b"");
    assert_eq!(to_hex(&empty.root(1).unwrap().0)[..16], *"6e340b9cffb37a98");
}

#[test]
fn every_line_of_every_log_is_proven_and_no_other() {
    let root = root();
    for size in 1..20 {
        let tree = tree(size);
        let head = Head::new(&tree, &root, 0);
        for index in 0..size as u64 {
            let path = tree.inclusion(index, size as u64).unwrap();
            let proof = Inclusion { index, line: format!("line {index}"), size: size as u64, path };
            assert!(proof.holds(&head), "{index} of {size}");
            assert!(!Inclusion { line: "line".to_owned(), ..proof.clone() }.holds(&head));
            assert!(!Inclusion { index: (index + 1) % (size as u64 + 1), ..proof.clone() }.holds(&head));
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at].0[at % 32] ^= 1;
                assert!(!changed.holds(&head));
                changed.path.truncate(at);
                assert!(!changed.holds(&head));
            }
            let mut longer = proof.clone();
            longer.path.push(Hex([0; 32]));
            assert!(!longer.holds(&head));
        }
    }
}

#[test]
fn every_log_is_proven_to_begin_every_longer_one_and_no_other() {
    let root = root();
    for new in 1..20_u64 {
        let longer = tree(new as usize);
        let head = Head::new(&longer, &root, 0);
        for old in 1..=new {
            let before = Head::new(&tree(old as usize), &root, 0);
            let proof = Consistency { old, new, path: longer.consistency(old, new).unwrap() };
            assert!(proof.holds(&before, &head), "{old} of {new}");
            let mut other = Tree::default();
            (0..old).for_each(|index| other.push(format!("other {index}").as_bytes()));
            assert!(!proof.holds(&Head::new(&other, &root, 0), &head), "{old} of {new}");
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at].0[at % 32] ^= 1;
                assert!(!changed.holds(&before, &head));
            }
        }
    }
}

#[test]
fn no_byte_of_a_log_or_head_can_be_changed() {
    let root = root();
    let party: crate::Name = "a".parse().unwrap();
    let events = [
        Event::Signed { party: party.clone() },
        Event::Refused { code: "expired".to_owned() },
        Event::Ran { result: Hex([7; 32]) },
    ];
    let lines: Vec<String> = (0..)
        .zip(events)
        .map(|(index, event)| Entry { index, at: 5, contract: Hex([1; 32]), event }.line() + "\n")
        .collect();
    let bytes = lines.concat().into_bytes();
    let (entries, tree) = read_log(&bytes).unwrap();
    assert_eq!((entries.len(), tree.size()), (3, 3));
    let head = Head::new(&tree, &root, 6);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let same = read_log(&changed).is_ok_and(|(_, tree)| tree.root(3) == Some(head.root));
        assert!(!same, "{at}");
        let cut = read_log(&bytes[..at]).is_ok_and(|(_, tree)| tree.root(3).is_some());
        assert!(!cut, "cut at {at}");
    }
    let swapped = [&lines[1][..], &lines[0], &lines[2]].concat();
    assert!(read_log(swapped.as_bytes()).is_err());
    let written = head.write();
    for at in 0..written.len() {
        let mut changed = written.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(Head::read(&changed, |name| (*name == party).then_some(root.identity())).is_err(), "{at}");
    }
    assert!(Head::read(&written, |_| Some(root.identity())).is_ok());
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let root = root();
    let (short, long) = (tree(5), tree(11));
    let (old, new) = (Head::new(&short, &root, 0), Head::new(&long, &root, 0));
    let line =
        Inclusion { index: 3, line: "line 3".to_owned(), size: 11, path: long.inclusion(3, 11).unwrap() };
    let grown = Consistency { old: 5, new: 11, path: long.consistency(5, 11).unwrap() };
    let in_log = |bytes: &[u8]| Inclusion::read(bytes).is_ok_and(|proof| proof.holds(&new));
    let grew = |bytes: &[u8]| Consistency::read(bytes).is_ok_and(|proof| proof.holds(&old, &new));
    for (bytes, holds) in [(line.write(), &in_log as &dyn Fn(&[u8]) -> bool), (grown.write(), &grew)] {
        assert!(holds(&bytes));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!holds(&changed), "{at}");
        }
    }
}
