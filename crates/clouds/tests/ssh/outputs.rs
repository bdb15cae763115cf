//! Outputs of steps: here before anybody hears of them, and where this machine wants them.

use crate::bed::{Bed, PATIENCE, ready, request, smallest, step};
use std::path::{Path, PathBuf};
use welkin_provider::{ErrorKind, EventKind, LeaseRequest, Node, Provider, Publish, StepId};
use welkin_units::Span;

/// A step that publishes what its script makes, and the folder where that is to be.
async fn publishing(
    provider: &dyn Provider,
    of: &LeaseRequest,
    script: &str,
) -> (welkin_provider::Step, PathBuf) {
    let store = provider.store(&of.location, &of.owner).await.unwrap();
    let folder = Path::new(&store.address.key).join("runs/r/out");
    let publish = Publish { name: "out".into(), path: "out".into(), store, prefix: "runs/r/out".into() };
    let mut step = step("make", script);
    step.publish = vec![publish];
    (step, folder)
}

/// Reads events until one says that an output was published.
async fn published(node: &dyn Node, id: &StepId) {
    let mut from = 0;
    let reading = async {
        loop {
            let events = node.events(id, from, Span::from_secs(5)).await.unwrap();
            from += events.len() as u64;
            if events.iter().any(|event| matches!(event.kind, EventKind::Published { .. })) {
                return;
            }
            assert!(
                !events.iter().any(|event| matches!(event.kind, EventKind::Finished { .. })),
                "{events:?}"
            );
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("nothing was published");
}

#[tokio::test]
async fn an_output_is_here_before_anybody_hears_of_it_whoever_reads_on() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let request = request(&smallest(&provider).await, "publishes", 1);
    let lease = ready(&provider, &request).await;
    // Large enough for several pieces.
    let (make, folder) = publishing(&*provider, &request, "head -c 3000000 /dev/urandom > out").await;
    provider.node(&lease.id, 0).await.unwrap().start(&make).await.unwrap();
    drop(provider);

    // A process that never saw the step.
    let provider = bed.provider();
    published(&*provider.node(&lease.id, 0).await.unwrap(), &make.id).await;
    assert!(folder.join("manifest.json").exists());
}

/// The file below a folder whose path ends so.
fn found(folder: &Path, end: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find_map(|path| {
        match path.is_dir() && !path.is_symlink() {
            true => found(&path, end),
            false => path.ends_with(end).then_some(path),
        }
    })
}

/// What a host says of the size of an output, it says alone: a file of it filled the disk of the machine that drives the run.
#[tokio::test]
async fn an_output_that_has_no_room_here_is_not_fetched() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let request = request(&smallest(&provider).await, "claims", 1);
    let lease = ready(&provider, &request).await;
    let (make, folder) = publishing(&*provider, &request, "echo mine > out").await;
    let node = provider.node(&lease.id, 0).await.unwrap();
    node.start(&make).await.unwrap();
    // Beside what it published, before anybody here asks for it.
    let there = tokio::time::timeout(PATIENCE, async {
        loop {
            match found(bed.folder.path(), "runs/r/out/manifest.json") {
                Some(manifest) => break manifest.with_file_name("more"),
                None => tokio::task::yield_now().await,
            }
        }
    });
    let more = std::fs::File::create(there.await.expect("nothing was published")).unwrap();
    // As large as files can be, and nothing in it.
    more.set_len(8 << 40).unwrap();
    let refused = async {
        let mut from = 0;
        loop {
            match node.events(&make.id, from, Span::from_secs(5)).await {
                Ok(events) => from += events.len() as u64,
                Err(error) => break error,
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("it was fetched");
    assert_eq!(refused.kind, ErrorKind::NoCapacity, "{refused}");
    assert!(refused.to_string().contains("there is room for"), "{refused}");
    assert!(!folder.exists());
}

/// Where an output goes was written down among the data of its node, for whoever reads on: the task itself could say
/// into which folder of the broker's machine its files were written, and under which names.
#[tokio::test]
async fn what_runs_on_a_host_has_no_say_in_where_outputs_go_here() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let request = request(&smallest(&provider).await, "forges", 1);
    let lease = ready(&provider, &request).await;
    let (root, outside) = (bed.folder.path().display(), bed.folder.path().join("outside"));
    let forged = format!(
        r#"{{"out":{{"store":{{"url":"file://{}","options":{{}}}},"prefix":"keys"}}}}"#,
        outside.display()
    );
    let script = format!(
        "echo mine > out; find {root}/h?/home -type d -name data | while read data; do\n\
         mkdir -p \"$data/keys\" \"$data/publish\"; echo theirs > \"$data/keys/authorized_keys\"\n\
         for note in \"$data\"/publish/*.json; do printf '%s' '{forged}' > \"$note\"; done; done"
    );
    let (make, folder) = publishing(&*provider, &request, &script).await;
    let node = provider.node(&lease.id, 0).await.unwrap();
    node.start(&make).await.unwrap();
    published(&*node, &make.id).await;
    assert!(!outside.exists(), "the task chose a folder of this machine");
    assert!(folder.join("manifest.json").exists());
}
