//! Data in, data out.

use crate::support::{Agent, exit, lines, step};
use std::path::Path;
use welkin_provider::{Access, EventKind, Exit, Fetch, Publish, Step, StoreAccess, Stream};
use welkin_stores::open;
use welkin_testkit::s3::{S3Options, S3Server};
use welkin_transfer::{find_tree, publish_tree, silent};
use welkin_units::Bytes;

fn store_at(folder: &Path) -> StoreAccess {
    StoreAccess::folder(folder.to_str().unwrap())
}

async fn publish_input(store: &StoreAccess, folder: &Path) -> String {
    let tree = folder.join("input");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    std::fs::write(tree.join("numbers"), "1\n2\n3\n").unwrap();
    std::fs::write(tree.join("sub/more"), "4\n").unwrap();
    let store = open(store).unwrap();
    publish_tree(&tree, &store, "in/1", &silent).await.unwrap().digest
}

fn sum_step(store: &StoreAccess, digest: &str) -> Step {
    let mut step = step("sum", "cat data/numbers data/sub/more | awk '{s+=$1} END {print s}' > sum");
    step.fetch = vec![Fetch {
        store: store.clone(),
        prefix: "in/1".into(),
        digest: digest.into(),
        path: "work/data".into(),
        over: false,
    }];
    step.publish = vec![Publish {
        name: "sum".into(),
        path: "work/sum".into(),
        store: store.clone(),
        prefix: "out/1".into(),
    }];
    step
}

#[tokio::test]
async fn data_comes_in_before_the_script_and_goes_out_after_it() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store"));
    let digest = publish_input(&store, folder.path()).await;
    let events = agent.run(&sum_step(&store, &digest)).await;
    assert_eq!(exit(&events), Exit::Success, "{events:?}");
    assert_eq!(events[1].kind, EventKind::Fetched { path: "work/data".into(), bytes: Bytes::new(8) });
    let opened = open(&store).unwrap();
    let found = find_tree(&opened, "out/1").await.unwrap().unwrap();
    let EventKind::Published { digest, bytes, files, .. } = &events[events.len() - 2].kind else {
        panic!("{events:?}")
    };
    assert_eq!((digest, *bytes, *files), (&found.digest, Bytes::new(3), 1));
    assert_eq!(std::fs::read_to_string(folder.path().join("store/out/1/data/file")).unwrap(), "10\n");
}

#[tokio::test]
async fn wrong_data_stops_the_step_before_its_script() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store"));
    let digest = publish_input(&store, folder.path()).await;
    std::fs::write(folder.path().join("store/in/1/data/numbers"), "1\n2\n4\n").unwrap();
    let events = agent.run(&sum_step(&store, &digest)).await;
    let Exit::FetchFailed { message } = exit(&events) else { panic!("{events:?}") };
    assert!(message.contains("in/1/data/numbers has hash"), "{message}");
    assert!(!events.iter().any(|event| event.kind == EventKind::ScriptStarted));
    assert!(!agent.home.join("work/data").exists());
}

#[tokio::test]
async fn a_missing_output_is_named() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store"));
    let digest = publish_input(&store, folder.path()).await;
    let mut step = sum_step(&store, &digest);
    step.script = Some("true".into());
    let events = agent.run(&step).await;
    let Exit::PublishFailed { message } = exit(&events) else { panic!("{events:?}") };
    assert!(message.starts_with("output sum is missing"), "{message}");
}

#[tokio::test]
async fn a_failed_script_publishes_nothing() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store"));
    let digest = publish_input(&store, folder.path()).await;
    let mut step = sum_step(&store, &digest);
    step.script = Some("echo 10 > sum; exit 4".into());
    assert_eq!(exit(&agent.run(&step).await), Exit::Code { code: 4 });
    assert_eq!(find_tree(&open(&store).unwrap(), "out/1").await.unwrap(), None);
}

#[tokio::test]
async fn places_outside_the_home_and_unknown_stores_are_refused() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(folder.path());
    let mut outside = sum_step(&store, "0");
    outside.fetch[0].path = "/etc/passwd".into();
    let Exit::FetchFailed { message } = exit(&agent.run(&outside).await) else { panic!() };
    assert!(message.contains("not below the node's home"), "{message}");
    let mut unknown = sum_step(&store, "0");
    unknown.id.0 = "unknown".into();
    unknown.fetch[0].store = StoreAccess {
        address: "hf://datasets/x".parse().unwrap(),
        access: Access::With([("key".into(), "datasets".into())].into()),
    };
    let Exit::FetchFailed { message } = exit(&agent.run(&unknown).await) else { panic!() };
    assert!(message.contains("cannot open hf://****"), "{message}");
}

#[tokio::test]
async fn a_mount_is_laid_over_the_workdir_that_was_fetched_before_it() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store"));
    let mut step = step("look", "cat work/data/stays work/data/numbers work/data/sub/more");
    for (name, files) in [("workdir", ["stays", "numbers"]), ("mount", ["numbers", "sub/more"])] {
        let tree = folder.path().join(name);
        std::fs::create_dir_all(tree.join("sub")).unwrap();
        files.iter().for_each(|file| std::fs::write(tree.join(file), format!("{name}\n")).unwrap());
        let opened = open(&store).unwrap();
        let digest = publish_tree(&tree, &opened, name, &silent).await.unwrap().digest;
        let (prefix, path, over) = (name.to_owned(), "work/data".to_owned(), name == "mount");
        step.fetch.push(Fetch { store: store.clone(), prefix, digest, path, over });
    }
    step.workdir = ".".into();
    let events = agent.run(&step).await;
    assert_eq!(exit(&events), Exit::Success, "{events:?}");
    assert_eq!(lines(&events, Stream::Stdout), ["workdir", "mount", "mount"]);
}

/// The broker says where a store is and how it is reached; the bytes do not pass through it.
#[tokio::test]
async fn a_node_fetches_from_a_bucket_and_publishes_to_it_and_keeps_no_credentials() {
    const SECRET: &str = "hush-hush-hush";
    let options = S3Options::default().bucket("runs").credentials("key", SECRET);
    let server = S3Server::start(options).unwrap();
    let settings =
        [("endpoint", server.url().as_str()), ("access-key-id", "key"), ("secret-access-key", SECRET)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let access = Access::With(settings.into());
    let store = StoreAccess { address: "s3://runs/of/me".parse().unwrap(), access };
    let (agent, folder) = (Agent::start().await, tempfile::tempdir().unwrap());
    let digest = publish_input(&store, folder.path()).await;
    let events = agent.run(&sum_step(&store, &digest)).await;
    assert_eq!(exit(&events), Exit::Success, "{events:?}");
    let keys: Vec<_> = server.objects("runs").into_iter().map(|object| object.key).collect();
    assert!(keys.contains(&"of/me/out/1/data/file".to_owned()), "{keys:?}");
    assert!(find_tree(&open(&store).unwrap(), "out/1").await.unwrap().is_some());
    let kept = std::fs::read_to_string(agent.home.join(".welkin/steps/sum/step.json")).unwrap();
    assert!(kept.contains("s3://runs/of/me") && !kept.contains(SECRET), "{kept}");
}
