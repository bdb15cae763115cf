use super::*;
use crate::endpoint::Listed;

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
