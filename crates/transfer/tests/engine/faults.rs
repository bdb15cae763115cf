//! Everything that goes wrong at a store.

use crate::support::{World, between, bucket_at, content};
use std::collections::BTreeMap;
use welkin_store::FailureKind;
use welkin_testkit::s3::{Attributes, Fault, Operation, Rule, When};
use welkin_transfer::engine::{Compare, Ended, EngineError, Guard, Scope, preview};

/// Small and large objects, moved while the fault strikes; everything must arrive.
async fn survives(rules: Vec<Rule>) -> World {
    let world = World::new();
    for seed in 0..12 {
        world.put(&format!("small/{seed}"), &content(seed, 3000));
    }
    world.put("large", &content(99, 25 << 20));
    for rule in rules {
        world.server.inject(rule);
    }
    let (outcome, ears) = world.run(world.transfer()).await;
    assert_eq!(*ears.failed.lock().unwrap(), BTreeMap::new());
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    world.server.heal_all();
    assert_eq!(world.hashes("target"), world.hashes("source"));
    assert!(world.server.open_uploads().is_empty(), "{:?}", world.server.open_uploads());
    world
}

#[tokio::test]
async fn throttling() {
    let world = survives(vec![
        Rule::new(Fault::SlowDown { retry_after_s: 0 }).when(When::Every(4)),
        Rule::new(Fault::TooManyRequests { retry_after_s: 0 }).when(When::Every(5)),
    ])
    .await;
    assert!(world.stats.lock().unwrap().snapshot().retries > 3);
}

#[tokio::test]
async fn faults_of_the_server() {
    survives(vec![Rule::new(Fault::InternalError).when(When::Every(3))]).await;
}

#[tokio::test]
async fn a_server_that_is_busy_at_the_first_look_ends_nothing() {
    let busy = |operation| Rule::new(Fault::SlowDown { retry_after_s: 0 }).only(&[operation]).times(2);
    let world = World::new();
    world.put("k", &content(1, 100));
    let (source, target) = ("k".to_owned(), "k".to_owned());
    let mut one = world.transfer();
    one.scope = Scope::One { source, target };
    one.options.compare = Compare::Size;
    for transfer in [one, world.transfer()] {
        world.server.inject(busy(Operation::HeadObject));
        world.server.inject(busy(Operation::ListObjectsV2));
        assert_eq!(preview(&transfer, None, |_, _, _| {}).await.unwrap().copy_objects, 1);
        world.server.inject(busy(Operation::HeadObject));
        world.server.inject(busy(Operation::ListObjectsV2));
        let (outcome, _) = world.run(transfer).await;
        assert_eq!(outcome.unwrap().counts.copied_objects, 1);
        assert_eq!(world.hashes("target"), world.hashes("source"));
        world.server.delete("target", "k");
    }
}

#[tokio::test]
async fn pages_of_listings_that_fail_are_asked_for_again_and_none_is_passed_over() {
    let world = World::new();
    for seed in 0..2500 {
        world.put(&format!("k{seed:04}"), &content(seed, 1));
    }
    world.server.put("target", "old", content(9999, 1), Attributes::default());
    world
        .server
        .inject(Rule::new(Fault::InternalError).only(&[Operation::ListObjectsV2]).when(When::Every(2)));
    let mut transfer = world.transfer();
    transfer.options.delete = Some(Guard::Percent(1));
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 1);
    assert_eq!(world.hashes("target"), world.hashes("source"));
}

#[tokio::test]
async fn a_removal_that_fails_in_a_way_that_passes_is_tried_again() {
    let world = World::new();
    world.put("k", &content(1, 1));
    for seed in 0..9 {
        world.server.put("target", &format!("old{seed}"), content(seed, 1), Attributes::default());
    }
    world
        .server
        .inject(Rule::new(Fault::InternalError).only(&[Operation::DeleteObject]).when(When::Every(3)));
    let mut transfer = world.transfer();
    transfer.options.delete = Some(Guard::Off);
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.hashes("target"), world.hashes("source"));
}

#[tokio::test]
async fn success_with_an_error_inside() {
    survives(vec![Rule::new(Fault::ErrorInside200).when(When::Every(2))]).await;
}

#[tokio::test]
async fn connections_that_are_cut() {
    survives(vec![
        Rule::new(Fault::CutBody { after: 1500 }).when(When::Every(3)),
        Rule::new(Fault::ShortBody { missing: 7 }).when(When::Every(4)),
    ])
    .await;
}

#[tokio::test]
async fn answers_that_are_lost() {
    survives(vec![
        Rule::new(Fault::LostAnswer)
            .only(&[Operation::PutObject, Operation::UploadPart])
            .when(When::Every(3)),
        Rule::new(Fault::LostAnswer).only(&[Operation::CompleteMultipartUpload]).times(1),
    ])
    .await;
}

#[tokio::test]
async fn a_lost_answer_to_the_beginning_of_an_upload_leaves_nothing_behind() {
    let world = World::new();
    world.put("large", &content(99, 25 << 20));
    world.server.inject(Rule::new(Fault::LostAnswer).only(&[Operation::CreateMultipartUpload]).times(1));
    let (outcome, _) = world.run_with(world.transfer(), Some(world.journal().await)).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.server.open_uploads(), []);
}

#[tokio::test]
async fn a_source_that_changes_is_never_mixed() {
    for per in [1, 2] {
        let world = World::new();
        world.put("large", &content(5, 30 << 20));
        world.put("small", &content(6, 100));
        let replace = Rule::new(Fault::Replace).when(When::Nth(per)).per_key().only(&[Operation::GetObject]);
        world.server.inject(replace.key("large"));
        let (outcome, ears) = world.run(world.transfer()).await;
        outcome.unwrap();
        let (from, to) = (world.hashes("source"), world.hashes("target"));
        // It changed once: what arrived is the new version, whole.
        assert_eq!(to, from, "{:?}", ears.failed.lock().unwrap());
        assert!(world.server.open_uploads().is_empty());
    }
}

#[tokio::test]
async fn a_source_that_never_rests_is_reported() {
    let world = World::new();
    world.put("large", &content(5, 30 << 20));
    world.server.inject(Rule::new(Fault::Replace));
    let (outcome, ears) = world.run(world.transfer()).await;
    assert_eq!(outcome.unwrap().ended, Ended::Partly);
    let why = ears.failed.lock().unwrap()["large"].clone();
    assert!(why.contains("412"), "{why}");
    assert!(world.hashes("target").is_empty() && world.server.open_uploads().is_empty());
}

#[tokio::test]
async fn lost_credentials_end_the_transfer_and_good_ones_go_on() {
    let world = World::new();
    for seed in 0..40 {
        world.put(&format!("k{seed:02}"), &content(seed, 500));
    }
    let rule = world.server.inject(Rule::new(Fault::ExpiredToken).when(When::From(30)));
    let (outcome, _) = world.run_with(world.transfer(), Some(world.journal().await)).await;
    match outcome.unwrap_err() {
        EngineError::Fatal(failure) => assert_eq!(failure.kind, FailureKind::Credentials),
        other => panic!("{other}"),
    }
    world.server.heal(rule);
    let before = world.server.counts().of(Operation::PutObject);
    let (outcome, _) = world.run_with(world.transfer(), Some(world.journal().await)).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.hashes("target"), world.hashes("source"));
    assert!(world.server.counts().of(Operation::PutObject) - before < 40);
}

#[tokio::test]
async fn wrong_credentials_are_told_apart() {
    let world = World::new();
    let wrong = bucket_at(&world.server.url(), "source", "not the secret");
    let (outcome, _) = world.run(between(wrong, world.bucket("target"))).await;
    match outcome.unwrap_err() {
        EngineError::Listing(failure) => assert_eq!(failure.kind, FailureKind::Credentials, "{failure}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_object_beyond_the_limit_is_refused_by_name() {
    use welkin_testkit::s3::{BucketKind, S3Options, S3Server, Synthetic};
    let world = World::new();
    let huge = Synthetic { objects: 1, bytes: (5 << 40) + 1, seed: 1 };
    let server =
        S3Server::start(S3Options::default().bucket_of("huge", BucketKind::Synthetic(huge))).unwrap();
    let source = bucket_at(&server.url(), "huge", "secret");
    let (outcome, _) = world.run(between(source, world.bucket("target"))).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended, Ended::Partly);
    assert!(
        outcome.failures[0].1.contains("the longest object there may have 5.00 TiB"),
        "{:?}",
        outcome.failures
    );
    assert!(world.server.open_uploads().is_empty());
}
