//! Trees in a bucket whose service is busy, is cut off, or keeps what nobody finished.

use crate::support::{SAMPLE_BYTES, contents, objects, sample};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use welkin_store::{Access, Endpoint, StoreAccess};
use welkin_testkit::s3::{Fault, Operation, Rule, S3Options, S3Server, When};
use welkin_transfer::{copy_tree, delete_tree, fetch_tree, find_tree, publish_tree, silent, verify_tree};

fn server() -> S3Server {
    let options = S3Options::default().bucket("one").bucket("two").credentials("key", "secret");
    S3Server::start(options).unwrap()
}

/// A folder of a bucket, as a provider would name it.
fn bucket(server: &S3Server, address: &str) -> Arc<dyn Endpoint> {
    let settings =
        [("endpoint", server.url().as_str()), ("access-key-id", "key"), ("secret-access-key", "secret")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let access = Access::With(settings.into());
    welkin_stores::open(&StoreAccess { address: address.parse().unwrap(), access }).unwrap()
}

#[tokio::test]
async fn a_busy_service_costs_time_and_no_tree() {
    let server = server();
    let (one, two) = (bucket(&server, "s3://one/runs"), bucket(&server, "s3://two"));
    let folder = tempfile::tempdir().unwrap();
    sample(&folder.path().join("from"));
    server.inject(Rule::new(Fault::SlowDown { retry_after_s: 0 }).when(When::Every(3)));
    server.inject(Rule::new(Fault::InternalError).when(When::Every(7)));
    let published = publish_tree(&folder.path().join("from"), &one, "p", &silent).await.unwrap();
    assert_eq!(published.bytes, SAMPLE_BYTES);
    copy_tree(&one, "p", &two, "q", &published.digest, &silent).await.unwrap();
    verify_tree(&two, "q", &published.digest, &silent).await.unwrap();
    let to = folder.path().join("to");
    fetch_tree(&two, "q", &published.digest, &to, &silent).await.unwrap();
    assert_eq!(contents(&to), contents(&folder.path().join("from")));
    delete_tree(&one, "p").await.unwrap();
    server.heal_all();
    assert_eq!(objects(&one).await, [""; 0]);
    assert!(server.objects("two").iter().all(|object| object.key.starts_with("q/")));
}

/// Stores keep, and bill, what was uploaded in parts and never finished; no listing shows it.
#[tokio::test]
async fn what_a_killed_publication_uploaded_is_given_up_by_the_next() {
    let server = server();
    let one = bucket(&server, "s3://one/runs");
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    // It ends with the first part of the large file, before the second.
    let begun = AtomicBool::new(false);
    let watch = |done| begun.store(done > 1 << 20, Ordering::SeqCst);
    server
        .inject(Rule::new(Fault::SlowDown { retry_after_s: 60 }).only(&[Operation::CompleteMultipartUpload]));
    tokio::select! {
        done = publish_tree(folder.path(), &one, "p", &watch) => panic!("not killed: {done:?}"),
        () = async { while !begun.load(Ordering::SeqCst) { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(server.open_uploads().len(), 1);
    assert_eq!(find_tree(&one, "p").await.unwrap(), None);
    server.heal_all();
    let published = publish_tree(folder.path(), &one, "p", &silent).await.unwrap();
    assert!(server.open_uploads().is_empty(), "{:?}", server.open_uploads());
    verify_tree(&one, "p", &published.digest, &silent).await.unwrap();
}
