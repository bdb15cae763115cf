//! Nothing outside of what is served is touched, whatever a client's strings.

use crate::support::Served;
use proptest::prelude::*;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use welkin_gateway::ServeOptions;
use welkin_store::{Endpoint, Under};
use welkin_stores::Local;
use welkin_testkit::peer::{Caller, find, list, put, read};

/// A session of its own for each lane: calls are numbered within one.
fn session() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{:032x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A folder that is served, beside one that is not.
struct Scene {
    folder: TempDir,
    served: Served,
}

impl Scene {
    async fn new(below: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["served/inner", "served/other", "outside"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            let file = format!("file-of-{}", name.rsplit('/').next().unwrap());
            fs::write(folder.path().join(name).join(file), name).unwrap();
        }
        let place: Arc<dyn Endpoint> = Local::new(folder.path().join("served"), false);
        let place = Under::folder(place, below).unwrap();
        let served = Served::start(ServeOptions::plain(place)).await;
        Self { folder, served }
    }

    /// Names and contents of everything that is not served.
    fn outside(&self, below: &str) -> Vec<(String, String)> {
        let mut seen = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().to_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.starts_with(&format!("served/{below}")) {
                    seen.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        seen.sort();
        seen
    }
}

fn calls(text: &str) -> Vec<(String, Vec<u8>)> {
    let upload = format!(r#"{{"key":{text:?},"id":{text:?}}}"#);
    let bare = |head: String| (head, Vec::new());
    vec![
        bare(list(text)),
        bare(format!(r#"{{"list":{{"cursor":1,"prefix":"","after":{text:?}}}}}"#)),
        bare(format!(r#"{{"dangling":{{"prefix":{text:?}}}}}"#)),
        bare(find(text)),
        bare(read(text, 5)),
        (put(text, b"written"), b"written".to_vec()),
        bare(format!(r#"{{"begin":{{"key":{text:?},"metadata":{{}},"size":9,"part_bytes":1024}}}}"#)),
        bare(format!(r#"{{"abort":{{"upload":{upload}}}}}"#)),
        (format!(r#"{{"finish":{{"upload":{upload},"root":"{}"}}}}"#, "0".repeat(64)), b"[]".to_vec()),
        (r#""delete""#.to_owned(), format!("[{text:?}]").into_bytes()),
    ]
}

async fn tried(scene: &Scene, below: &str, text: &str) {
    let before = scene.outside(below);
    let mut caller = Caller::welcomed(&scene.served.address, &session()).await.unwrap();
    for (id, (head, body)) in (1..).zip(calls(text)) {
        let answer = caller.call(id, &head, &body).await.unwrap();
        // The names of files outside are not said, unless the client said them.
        for (name, _) in &before {
            let name = name.rsplit('/').next().unwrap();
            assert!(!answer.contains(name) || text.contains(name), "{head}: {answer} names {name}");
        }
    }
    assert_eq!(scene.outside(below), before, "{text:?}");
}

#[tokio::test]
async fn absolute_paths_and_parents_are_refused() {
    let scene = Scene::new("").await;
    let outside = scene.folder.path().join("outside").to_str().unwrap().to_owned();
    let mut caller = Caller::welcomed(&scene.served.address, &session()).await.unwrap();
    let mut id = 0;
    for text in
        [format!("{outside}/"), "../outside/".to_owned(), "inner/../../outside/".to_owned(), "/".to_owned()]
    {
        for (head, body) in calls(&text) {
            if head.contains("\"after\":\"") {
                continue;
            }
            id += 1;
            let answer = caller.call(id, &head, &body).await.unwrap();
            assert!(answer.contains("unsupported"), "{head}: {answer}");
        }
        tried(&scene, "", &text).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_string_reaches_outside(
        parts in prop::collection::vec(
            prop::sample::select(vec!["", ".", "..", "inner", "other", "outside", "file-of-outside", "\0", "a", "~"]), 0..6),
        below in prop::sample::select(vec!["", "inner"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text = parts.join("/");
        // JSON writes a NUL in its own way.
        prop_assume!(!text.contains('\0'));
        runtime.block_on(async {
            let scene = Scene::new(below).await;
            tried(&scene, below, &text).await;
        });
    }
}

#[tokio::test]
async fn a_folder_of_a_folder_is_all_that_there_is() {
    let scene = Scene::new("inner").await;
    let mut caller = Caller::welcomed(&scene.served.address, &session()).await.unwrap();
    let listed = caller.call(1, &list(""), b"").await.unwrap();
    assert!(listed.contains(r#""k":"file-of-inner""#) && !listed.contains("inner/"), "{listed}");
    let written = caller.call(2, &put("x/y", b"written"), b"written").await.unwrap();
    assert!(written.contains("version"), "{written}");
    assert_eq!(fs::read_to_string(scene.folder.path().join("served/inner/x/y")).unwrap(), "written");
    let other = caller.call(3, &read("../other/file-of-other", 5), b"").await.unwrap();
    assert!(other.contains("unsupported"), "{other}");
}
