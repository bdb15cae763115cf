use super::*;
use proptest::prelude::*;

fn file(path: &str) -> Entry {
    Entry::File { path: path.to_owned(), size: 1, blake3: "0".repeat(64), executable: false, mode: None }
}

fn link(path: &str, target: &str) -> Entry {
    Entry::Link { path: path.to_owned(), target: target.to_owned() }
}

fn verdict(entries: Vec<Entry>) -> Result<Manifest, String> {
    Manifest::decode(&Manifest::new(Root::Dir, None, entries).encode().0, Links::Inside)
}

#[test]
fn an_ordinary_tree_survives_the_round_trip() {
    let entries = vec![
        file("b"),
        file("a/x"),
        file("a-b"),
        link("a/l", "../b"),
        link("a/m", "x"),
        Entry::Dir { path: "empty".into(), mode: None },
    ];
    let manifest = Manifest::new(Root::Dir, None, entries);
    assert_eq!(Manifest::decode(&manifest.encode().0, Links::Inside), Ok(manifest));
}

#[test]
fn hostile_paths_are_refused() {
    for path in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a/.", "a\0b"] {
        assert!(verdict(vec![file(path)]).is_err(), "{path:?}");
        assert!(verdict(vec![Entry::Dir { path: path.into(), mode: None }]).is_err(), "{path:?}");
    }
    assert!(verdict(vec![file(&"a".repeat(5000))]).is_err());
}

#[test]
fn links_out_of_the_tree_are_refused() {
    for (path, target) in
        [("l", "/etc"), ("l", ".."), ("l", "../x"), ("a/l", "../../x"), ("a/l", "m/.."), ("l", "")]
    {
        assert!(verdict(vec![link(path, target)]).is_err(), "{path} -> {target}");
    }
}

#[test]
fn links_may_lead_anywhere_where_the_reader_allows_it_and_nothing_else_may() {
    let read =
        |entries| Manifest::decode(&Manifest::new(Root::Dir, None, entries).encode().0, Links::Anywhere);
    assert!(read(vec![link("python", "/usr/bin/python3"), link("up", "../x")]).is_ok());
    assert!(read(vec![link("l", "")]).is_err());
    assert!(read(vec![link("l", "/etc"), file("l/passwd")]).is_err());
}

#[test]
fn a_folder_with_permissions_of_its_own_may_hold_files_and_rights_of_others_are_refused() {
    let dir = |mode| Entry::Dir { path: "a".into(), mode: Some(mode) };
    assert!(verdict(vec![dir(0o700), file("a/b")]).is_ok());
    assert!(verdict(vec![dir(0o4755)]).is_err());
}

#[test]
fn nothing_lies_below_a_file_or_a_link() {
    assert!(verdict(vec![file("a"), file("a/b")]).is_err());
    assert!(verdict(vec![file("a"), file("a-b"), file("a/b")]).is_err());
    assert!(verdict(vec![link("a", "c"), file("a/b"), file("c/d")]).is_err());
}

#[test]
fn doubled_and_unsorted_entries_are_refused() {
    assert!(verdict(vec![file("a"), file("a")]).is_err());
    let unsorted =
        Manifest { schema: SCHEMA, root: Root::Dir, mode: None, entries: vec![file("b"), file("a")] };
    assert!(Manifest::decode(&unsorted.encode().0, Links::Inside).is_err());
}

#[test]
fn another_version_an_unknown_field_and_a_sum_beyond_64_bits_are_refused() {
    assert!(Manifest::decode(br#"{"schema":2,"root":"dir","entries":[]}"#, Links::Inside).is_err());
    assert!(Manifest::decode(br#"{"schema":1,"root":"dir","entries":[],"more":1}"#, Links::Inside).is_err());
    let huge = |path: &str| Entry::File {
        path: path.into(),
        size: u64::MAX,
        blake3: "0".repeat(64),
        executable: false,
        mode: None,
    };
    assert!(verdict(vec![huge("a"), huge("b")]).is_err());
}

#[test]
fn a_tree_that_is_a_file_has_exactly_that_file() {
    let single =
        |entries| Manifest::decode(&Manifest::new(Root::File, None, entries).encode().0, Links::Inside);
    assert!(single(vec![file(SINGLE_FILE)]).is_ok());
    assert!(single(vec![file("other")]).is_err());
    assert!(single(vec![]).is_err());
    assert!(single(vec![link(SINGLE_FILE, "x")]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::decode(&bytes, Links::Anywhere);
    }

    /// Resolving an accepted link part by part never leaves the tree.
    #[test]
    fn an_accepted_link_stays_inside(depth in 0_usize..4, parts in prop::collection::vec("(\\.\\.|\\.|a)", 0..6)) {
        let path = format!("{}l", "d/".repeat(depth));
        let target = parts.join("/");
        if check_link(&path, &target).is_ok() {
            let mut level = depth as i64;
            for part in &parts {
                match part.as_str() { ".." => level -= 1, "." => {}, _ => level += 1 }
                prop_assert!(level >= 0);
            }
        }
    }
}
