use super::*;
use std::fs::File;
use welkin_store::{Listed, Under};

fn block(content: &[u8], offset: u64, whole: bool) -> Arc<Block> {
    let mut writer = BlockWriter::new(Buffer::detached(content.len()), offset, content.len(), whole);
    writer.extend(content);
    Arc::new(writer.finish().unwrap())
}

async fn all(endpoint: &Arc<Local>, prefix: &str, after: Option<&str>) -> Vec<Listed> {
    let mut lister = Arc::clone(endpoint).list(prefix, after);
    let mut all = Vec::new();
    while let Some(page) = lister.next_page().await.unwrap() {
        all.extend(page);
    }
    all
}

async fn keys(endpoint: &Arc<Local>, prefix: &str, after: Option<&str>) -> Vec<String> {
    all(endpoint, prefix, after).await.into_iter().map(|listed| listed.key).collect()
}

#[tokio::test]
async fn a_walk_is_in_the_order_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let mut expected = Vec::new();
    for key in ["a/b", "a.b", "a-b/c/d", "a", "ab", "a0/x", "ä/é", "z", "a/b.c", "A"].map(str::to_owned) {
        // `a` is a folder here, so it cannot be a file as well.
        if key != "a" {
            endpoint.put(&key, &Metadata::default(), &block(key.as_bytes(), 0, true)).await.unwrap();
            expected.push(key);
        }
    }
    expected.sort();
    assert_eq!(keys(&endpoint, "", None).await, expected);
    for after in &expected {
        let rest: Vec<_> = expected.iter().filter(|key| *key > after).cloned().collect();
        assert_eq!(keys(&endpoint, "", Some(after)).await, rest, "{after}");
    }
    for prefix in ["a", "a/", "a-", "a-b/c", "ä/é", "nothing", "a/b/c"] {
        let rest: Vec<_> = expected.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        assert_eq!(keys(&endpoint, prefix, None).await, rest, "{prefix}");
    }
}

#[tokio::test]
async fn an_object_in_parts_appears_at_the_end_with_its_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), true);
    let content: Vec<u8> = (0..5000_u32).map(|at| (at % 253) as u8).collect();
    let mut metadata = Metadata::default();
    metadata.set_mtime_ns(1_600_000_000_123_000_000);
    metadata.set_mode(0o750);
    let upload = endpoint.begin("d/x", &metadata, 5000, 2048).await.unwrap();
    let mut parts = Vec::new();
    for number in [2, 0, 1] {
        let start = number * 2048;
        let part = block(&content[start..content.len().min(start + 2048)], start as u64, false);
        parts.push(endpoint.part(&upload, number as u32, &part).await.unwrap());
        assert_eq!(keys(&endpoint, "", None).await, Vec::<String>::new());
    }
    assert_eq!(endpoint.dangling("").await.unwrap().len(), 1);
    let version = endpoint.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap();
    assert_eq!(endpoint.dangling("").await.unwrap(), []);
    assert_eq!(std::fs::read(folder.path().join("d/x")).unwrap(), content);
    let found = endpoint.find("d/x").await.unwrap().unwrap();
    assert_eq!(found.listed.version, version);
    assert_eq!((found.metadata.mtime_ns(), found.metadata.mode()), (metadata.mtime_ns(), Some(0o750)));
    let gone = endpoint.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap_err();
    assert_eq!(gone.kind, FailureKind::NotFound);
}

#[tokio::test]
async fn a_part_that_is_repeated_replaces_what_there_was() {
    const PART: usize = 2 << 20;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let upload = endpoint.begin("x", &Metadata::default(), 3 * PART as u64, PART as u64).await.unwrap();
    let part = |number: u32, byte: u8| block(&vec![byte; PART], u64::from(number) * PART as u64, false);
    endpoint.part(&upload, 0, &part(0, 7)).await.unwrap();
    let mut damaged = part(1, 7);
    Arc::get_mut(&mut damaged).unwrap().bytes_mut()[PART - 1] ^= 4;
    assert_eq!(endpoint.part(&upload, 1, &damaged).await.unwrap_err().kind, FailureKind::Corrupt);
    let mut parts = Vec::new();
    for number in 0..3 {
        parts.push(endpoint.part(&upload, number, &part(number, 0)).await.unwrap());
    }
    endpoint.finish(&upload, &parts, &blake3::hash(&vec![0; 3 * PART])).await.unwrap();
    let written = std::fs::read(folder.path().join("x")).unwrap();
    assert!(written.len() == 3 * PART && written.iter().all(|byte| *byte == 0));
}

#[tokio::test]
async fn a_version_that_is_gone_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let version = endpoint.put("x", &Metadata::default(), &block(b"one", 0, true)).await.unwrap();
    let read = |version: Option<String>| {
        let endpoint = Arc::clone(&endpoint);
        async move {
            let what = Read { key: "x", offset: 0, length: 3, whole: true, version: version.as_deref() };
            endpoint.read(what, Buffer::detached(3)).await
        }
    };
    assert_eq!(read(version.clone()).await.unwrap().block.bytes(), b"one");
    endpoint.put("x", &Metadata::default(), &block(b"two!", 0, true)).await.unwrap();
    assert_eq!(read(version).await.unwrap_err().kind, FailureKind::Changed);
    std::fs::write(folder.path().join("x"), "2").unwrap();
    assert_eq!(read(None).await.unwrap_err().kind, FailureKind::Changed);
}

#[tokio::test]
async fn damaged_blocks_and_odd_keys_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let mut damaged = block(b"content", 0, true);
    Arc::get_mut(&mut damaged).unwrap().bytes_mut()[3] ^= 4;
    let failure = endpoint.put("x", &Metadata::default(), &damaged).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Corrupt);
    let failure = endpoint.put("../x", &Metadata::default(), &block(b"", 0, true)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn deleting_takes_empty_folders_along() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    for key in ["a/b/c", "a/d"] {
        endpoint.put(key, &Metadata::default(), &block(b"1", 0, true)).await.unwrap();
    }
    assert!(endpoint.delete(&["a/b/c".to_owned(), "nothing".to_owned()]).await.unwrap().is_empty());
    assert!(!folder.path().join("a/b").exists() && folder.path().join("a/d").exists());
    let kept = endpoint.delete(&["../a".to_owned()]).await.unwrap();
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn what_a_killed_process_left_of_a_file_goes_with_the_next_write_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let left = folder.path().join(format!(".welkin-{}-whole", write::name_mark(b"x")));
    std::fs::write(&left, "what had arrived, and is longer").unwrap();
    let mut metadata = Metadata::default();
    // As the file would have been: not to be written to.
    metadata.set_mode(0o400);
    std::fs::set_permissions(&left, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    endpoint.put("x", &metadata, &block(b"new", 0, true)).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"new");
    assert!(!left.exists());
    // What somebody is writing stays.
    std::fs::write(&left, "still arriving").unwrap();
    let writer = File::open(&left).unwrap();
    writer.lock().unwrap();
    endpoint.put("x", &metadata, &block(b"newer", 0, true)).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"newer");
    assert_eq!(std::fs::read(&left).unwrap(), b"still arriving");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Every page, and what was left out; a page that fails is asked for again.
async fn walked(mut lister: Box<dyn welkin_store::Lister>) -> (Vec<Listed>, Vec<String>, u32) {
    let (mut listed, mut left_out, mut failed) = (Vec::new(), Vec::new(), 0);
    loop {
        let page = lister.next_page().await;
        left_out.extend(lister.left_out().into_iter().map(|left_out| left_out.key));
        match page {
            Ok(Some(page)) => listed.extend(page),
            Ok(None) => return (listed, left_out, failed),
            Err(_) => failed += 1,
        }
    }
}

fn write_tree(root: &Path, names: &[&str]) {
    for name in names {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, *name).unwrap();
    }
}

fn link(root: &Path, target: &str, name: &str) {
    std::os::unix::fs::symlink(target, root.join(name)).unwrap();
}

fn failing_opener(name: &'static str, times: u32) -> walk::Opener {
    let left = std::sync::atomic::AtomicU32::new(times);
    Box::new(move |folder, at, flags| {
        let one_less = |left: u32| left.checked_sub(1);
        let order = std::sync::atomic::Ordering::Relaxed;
        if at == name && left.fetch_update(order, order, one_less).is_ok() {
            return Err(rustix::io::Errno::IO.into());
        }
        Ok(rustix::fs::openat(folder, at, flags, rustix::fs::Mode::empty())?)
    })
}

#[tokio::test]
async fn a_page_that_fails_ends_no_listing() {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &["a", "b/1", "b/2", "c"]);
    let base = Base { root: folder.path().to_owned(), links: Links::Skip };
    let walk = |times| Box::new(walk::Walk::with(base.clone(), "", None, failing_opener("b", times)));
    let (listed, _, failed) = walked(walk(1)).await;
    let keys: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
    assert_eq!((keys, failed), (vec!["a", "b/1", "b/2", "c"], 1));
    // One that never works is listed as what it is: something that nobody could look at.
    let (listed, _, _) = walked(walk(u32::MAX)).await;
    let keys: Vec<_> = listed.iter().map(|listed| (listed.key.as_str(), listed.is_out_of_sight())).collect();
    assert_eq!(keys, [("a", false), ("b/", true), ("c", false)]);
}

#[tokio::test]
async fn a_page_whose_call_was_dropped_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &["a"]);
    let mut lister = Local::new(folder.path(), false).list("", None);
    {
        let call = lister.next_page();
        tokio::pin!(call);
        assert!(futures::poll!(&mut call).is_pending());
    }
    assert!(lister.next_page().await.is_err());
}

#[tokio::test]
async fn links_are_left_out_kept_or_followed() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    write_tree(folder.path(), &["root/a", "root/d/b", "out/o"]);
    for (target, name) in
        [("a", "l"), ("../out", "ld"), ("..", "d/up"), ("nowhere", "void"), ("loop", "loop")]
    {
        link(&root, target, name);
    }
    std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"odd\xff")), "").unwrap();
    let list = |links| Local::with_links(&root, false, links).list("", None);
    let names = |listed: Vec<Listed>| -> Vec<String> {
        listed
            .iter()
            .map(|one| format!("{}{}", one.key, if one.is_out_of_sight() { "!" } else { "" }))
            .collect()
    };
    let (listed, left_out, _) = walked(list(Links::Skip)).await;
    assert_eq!(names(listed), ["a", "d/b", "odd\u{fffd}!"]);
    assert_eq!(left_out, ["d/up", "l", "ld", "loop", "void"]);
    let (listed, left_out, _) = walked(list(Links::Keep)).await;
    let kept =
        ["a", "d/b", "d/up.rclonelink", "l.rclonelink", "ld.rclonelink", "loop.rclonelink", "odd\u{fffd}!"];
    assert_eq!(names(listed)[..7], kept);
    assert_eq!(left_out, Vec::<String>::new());
    let (listed, left_out, _) = walked(list(Links::Follow)).await;
    let followed = ["a", "d/b", "d/up/!", "l", "ld/o", "loop!", "odd\u{fffd}!", "void!"];
    assert_eq!((names(listed), left_out.len()), (followed.map(str::to_owned).to_vec(), 0));
    // What cannot be looked at fails under its name, and says why.
    let follow = Local::with_links(&root, false, Links::Follow);
    for (key, why) in [
        ("d/up/", "leads back"),
        ("loop", "\"loop\" is a link that leads back to itself"),
        ("odd\u{fffd}", "not UTF-8"),
        ("void", "No such file"),
    ] {
        let what = Read { key, offset: 0, length: 0, whole: true, version: None };
        let failure = follow.read(what, Buffer::detached(0)).await.unwrap_err();
        assert!(failure.message.contains(why), "{key}: {failure}");
        assert!(!failure.passes(), "{failure}");
    }
}

#[tokio::test]
async fn a_folder_whose_name_is_not_text_fails_under_it_and_says_why() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &["a", "z/b"]);
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd\xfe"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("in"), "").unwrap();
    let endpoint = Local::new(folder.path(), false);
    let listed = all(&endpoint, "", None).await;
    assert_eq!(listed.iter().map(|one| &one.key).collect::<Vec<_>>(), ["a", "odd\u{fffd}/", "z/b"]);
    assert!(listed[1].is_out_of_sight());
    let what = Read { key: "odd\u{fffd}/", offset: 0, length: 0, whole: true, version: None };
    let failure = endpoint.read(what, Buffer::detached(0)).await.unwrap_err();
    assert!(failure.message.contains("not UTF-8"), "{failure}");
}

#[tokio::test]
async fn a_kept_link_is_made_again_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    link(folder.path(), "../some/where", "from");
    let keep = Local::with_links(folder.path(), false, Links::Keep);
    let found = keep.find("from.rclonelink").await.unwrap().unwrap();
    let what = Read {
        key: "from.rclonelink",
        offset: 0,
        length: 13,
        whole: true,
        version: found.listed.version.as_deref(),
    };
    let piece = keep.read(what, Buffer::detached(13)).await.unwrap();
    assert_eq!(piece.block.bytes(), b"../some/where");
    let mut metadata = Metadata::default();
    metadata.set_mtime_ns(1_600_000_000_000_000_000);
    write_tree(folder.path(), &["to"]);
    let version = keep.put("to.rclonelink", &metadata, &Arc::new(piece.block)).await.unwrap();
    assert_eq!(std::fs::read_link(folder.path().join("to")).unwrap(), Path::new("../some/where"));
    let found = keep.find("to.rclonelink").await.unwrap().unwrap();
    assert_eq!((found.listed.version, found.listed.modified_ms), (version, Some(1_600_000_000_000)));
    assert!(keep.delete(&["to.rclonelink".to_owned()]).await.unwrap().is_empty());
    assert!(std::fs::symlink_metadata(folder.path().join("to")).is_err());
    let failure = keep.put("x.rclonelink", &metadata, &block(b"a\0b", 0, true)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported);
}

#[tokio::test]
async fn nothing_is_written_or_removed_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    write_tree(folder.path(), &["root/in/f", "out/f", "out/g"]);
    link(&root, "../out", "ld");
    link(&root, "in", "alias");
    link(&root, "../out/g", "lf");
    for links in [Links::Skip, Links::Keep, Links::Follow] {
        let local = Local::with_links(&root, false, links);
        for key in ["ld/f", "ld/new", "ld/sub/new", "alias/f"] {
            let failure = local.put(key, &Metadata::default(), &block(b"x", 0, true)).await.unwrap_err();
            assert!(failure.message.contains("is a link"), "{links:?} {failure}");
            assert!(local.begin(key, &Metadata::default(), 1, 1024).await.is_err());
        }
        let kept = local.delete(&["ld/f".to_owned(), "lf".to_owned(), "alias/f".to_owned()]).await.unwrap();
        assert_eq!(kept.len(), 2, "{links:?}");
        assert!(local.dangling("ld/").await.is_err() || local.dangling("ld/").await.unwrap().is_empty());
    }
    assert!(std::fs::symlink_metadata(root.join("lf")).unwrap().is_symlink());
    // A link that has the name of a file gives way to it.
    let local = Local::new(&root, false);
    local.put("lf", &Metadata::default(), &block(b"new", 0, true)).await.unwrap();
    assert_eq!(std::fs::read(root.join("lf")).unwrap(), b"new");
    for (name, content) in [("root/in/f", "root/in/f"), ("out/f", "out/f"), ("out/g", "out/g")] {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), content);
    }
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 2);
}

#[tokio::test]
async fn names_that_only_begin_like_ours_are_objects_and_ours_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let ours = format!(".welkin-{}-whole", write::name_mark(b"x"));
    write_tree(
        folder.path(),
        &[".welkin-notes", "d/.welkin-fetch-log/x", ".welkin-fetch-abcdef/new/y", &ours],
    );
    let (listed, left_out, _) = walked(Local::new(folder.path(), false).list("", None)).await;
    let keys: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
    assert_eq!(keys, [".welkin-notes", "d/.welkin-fetch-log/x"]);
    assert_eq!(left_out, [ours, ".welkin-fetch-abcdef/".to_owned()]);
    // Nor does the name of a write make a file of somebody else one.
    let local = Local::new(folder.path(), false);
    let foreign = Upload { key: "x".to_owned(), id: ".welkin-notes@-".to_owned() };
    assert!(
        local.abort(&foreign).await.is_err()
            && local.part(&foreign, 0, &block(b"!", 0, false)).await.is_err()
    );
    assert_eq!(std::fs::read_to_string(folder.path().join(".welkin-notes")).unwrap(), ".welkin-notes");
}

#[tokio::test]
async fn a_file_written_to_is_another_version_though_its_time_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &["x"]);
    let local = Local::new(folder.path(), false);
    let before = local.find("x").await.unwrap().unwrap();
    let path = folder.path().join("x");
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "y").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let after = local.find("x").await.unwrap().unwrap();
    assert_eq!(before.listed.modified_ms, after.listed.modified_ms);
    assert_ne!(before.listed.version, after.listed.version);
}

mod outside {
    use super::*;
    use proptest::prelude::*;

    fn strings() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "",
            ".",
            "..",
            "a",
            "ld",
            "up",
            "out",
            "etc",
            "f",
            "\0",
            "/",
            "//etc/ssh",
            "../out",
            "self",
        ]);
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Whatever is asked of a folder, what lies beside it stays as it was and is not read.
        #[test]
        fn no_string_leads_out_of_the_folder(key in strings(), after in strings()) {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("root");
            write_tree(folder.path(), &["root/a/f", "out/f"]);
            for (target, name) in [("../out", "ld"), ("..", "up"), (".", "self"), ("../out/f", "etc")] {
                link(&root, target, name);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for links in [Links::Skip, Links::Keep] {
                    let local = Local::with_links(&root, false, links);
                    let mut lister = Arc::clone(&local).list(&key, Some(&after));
                    while let Ok(Some(page)) = lister.next_page().await {
                        assert!(page.iter().all(|one| !one.key.contains("out") && !one.key.starts_with("ld/")));
                    }
                    if let Ok(Some(found)) = local.find(&key).await {
                        assert!(found.listed.is_out_of_sight() || found.listed.size == 8, "{key:?}");
                    }
                    let what = Read { key: &key, offset: 0, length: 5, whole: false, version: None };
                    if let Ok(piece) = local.read(what, Buffer::detached(5)).await {
                        assert_eq!(piece.block.bytes(), b"root/");
                    }
                    let upload = local.begin(&key, &Metadata::default(), 5, 1024).await;
                    if let Ok(upload) = upload {
                        let _ = local.abort(&upload).await;
                    }
                    let forged = Upload { key: key.clone(), id: after.clone() };
                    let _ = local.part(&forged, 0, &block(b"x", 0, false)).await;
                    let _ = local.finish(&forged, &[], &blake3::hash(b"")).await;
                    let _ = local.abort(&forged).await;
                    let _ = local.put(&key, &Metadata::default(), &block(b"root/a/f", 0, true)).await;
                    let _ = local.dangling(&key).await;
                    let _ = local.delete(&[key.clone(), after.clone()]).await;
                }
            });
            prop_assert_eq!(std::fs::read_to_string(folder.path().join("out/f")).unwrap(), "out/f");
            prop_assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }
}

/// A reader that names no version took the beginning of a file that had grown for all of it.
#[tokio::test]
async fn a_file_that_is_longer_than_it_was_is_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "abcd").unwrap();
    let endpoint = Local::new(folder.path(), false);
    let read = async |length, whole| {
        let what = Read { key: "f", offset: 0, length, whole, version: None };
        endpoint.read(what, Buffer::detached(length)).await.map(|piece| piece.block.len())
    };
    assert_eq!(read(4, true).await.unwrap(), 4);
    assert_eq!(read(2, false).await.unwrap(), 2);
    for length in [0, 2, 5] {
        assert_eq!(read(length, true).await.unwrap_err().kind, FailureKind::Changed, "{length}");
    }
}

#[tokio::test]
async fn a_folder_in_a_folder_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Under::folder(Local::new(folder.path(), false), "inner").unwrap();
    assert!(inner.is_files() && inner.lists_mtimes() && !inner.keeps_parts());
}

#[tokio::test]
async fn folders_conform() {
    use welkin_store::conformance::{Abilities, conforms};
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let open = move || Local::new(&root, false) as Arc<dyn Endpoint>;
    // A file is no folder, what is kept beside its content is its time and its permissions, and a rename leaves no trace.
    let abilities = Abilities { any_key: false, metadata: false, finishes_again: false };
    conforms(&(Box::new(open) as _), abilities).await;
}

/// The name of the link itself ends as those of kept links do.
#[tokio::test]
async fn a_kept_link_may_be_named_like_one() {
    let folder = tempfile::tempdir().unwrap();
    link(folder.path(), "t", "x.rclonelink");
    link(folder.path(), "t", "plain");
    let keep = Local::with_links(folder.path(), false, Links::Keep);
    let listed = keys(&keep, "", None).await;
    assert_eq!(listed, ["plain.rclonelink", "x.rclonelink.rclonelink"]);
    for key in &listed {
        assert_eq!(keep.find(key).await.unwrap().unwrap().listed.size, 1, "{key}");
    }
}

#[tokio::test]
async fn a_folder_that_somebody_is_held_below_stays_when_it_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &["in/coming/a", "in/coming/sub/deep/b"]);
    let place = Local::new(folder.path(), false);
    let below = Under::folder(place, "in").unwrap();
    let below = Under::folder(below, "coming").unwrap();
    assert!(below.delete(&["a".to_owned(), "sub/deep/b".to_owned()]).await.unwrap().is_empty());
    assert!(folder.path().join("in/coming").is_dir());
    assert_eq!(std::fs::read_dir(folder.path().join("in/coming")).unwrap().count(), 0);
}

/// Who is not root cannot open a file again that nobody may write to.
#[tokio::test]
async fn a_file_in_parts_is_its_writers_alone_until_it_appears() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Local::new(folder.path(), false);
    let mut metadata = Metadata::default();
    metadata.set_mode(0o444);
    let modes = || -> Vec<u32> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o7777).collect()
    };
    let upload = endpoint.begin("x", &metadata, 2048, 1024).await.unwrap();
    let mut parts = Vec::new();
    for number in 0..2 {
        assert_eq!(modes(), [0o600]);
        let part = block(&[7; 1024], number * 1024, false);
        parts.push(endpoint.part(&upload, number as u32, &part).await.unwrap());
    }
    endpoint.finish(&upload, &parts, &blake3::hash(&[7; 2048])).await.unwrap();
    assert_eq!(modes(), [0o444]);
}
