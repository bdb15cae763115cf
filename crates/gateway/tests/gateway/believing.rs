//! What a client believes of a gateway: nothing that ends it, holds it up, or goes beyond what it asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use welkin_gateway::{Agent, AgentOptions, Hop, PathOptions};
use welkin_store::{Endpoint, Failure, FailureKind, Metadata, WhyLeftOut};
use welkin_testkit::peer::{Answer, Answerer};

fn welcome(limits: &str) -> String {
    format!(
        r#"{{"epoch":1,"name":"far\u001b[2J","bytes":1000000,"messages":9,"read_bytes":1000000,"limits":{limits}}}"#
    )
}

const LIMITS: &str = r#"{"object_bytes":1099511627776,"part_bytes_min":1,"part_bytes_max":1048576,"parts":1000,"part_bytes_best":1048576,"key_bytes":1024}"#;

async fn meet(
    limits: &str,
    reply: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static,
) -> Result<Arc<Agent>, Failure> {
    let answerer = Answerer::plain(&welcome(limits), reply).await.unwrap();
    let path = PathOptions::over([Hop::plain(&answerer.address)]).lanes(1);
    // It answers for as long as the test runs.
    std::mem::forget(answerer);
    let options = AgentOptions { patience: Duration::from_secs(5), ..AgentOptions::plain(vec![path]) };
    Agent::connect(options).await.map(Arc::new)
}

fn message(head: &str, body: &str) -> Answer {
    Answer::Message(head.to_owned(), body.as_bytes().to_vec())
}

#[tokio::test]
async fn limits_that_cannot_be_true_end_nobody() {
    for limits in [
        LIMITS.replace(r#""parts":1000"#, r#""parts":0"#),
        LIMITS.replace(r#""part_bytes_min":1,"#, r#""part_bytes_min":2097152,"#),
        LIMITS.replace(r#""part_bytes_max":1048576"#, r#""part_bytes_max":0"#),
        LIMITS.replace(r#""key_bytes":1024"#, r#""key_bytes":0"#),
        LIMITS.replace(r#""part_bytes_min":1,"#, r#""part_bytes_min":18446744073709551615,"#),
    ] {
        let error = meet(&limits, |_, _| Answer::Silence).await.unwrap_err();
        assert!(error.message.contains("the gateway says that no"), "{error}");
    }
    let huge =
        LIMITS.replace("1099511627776", "18446744073709551615").replace(r#""parts":1000"#, r#""parts":1"#);
    let agent = meet(&huge, |_, _| Answer::Silence).await.unwrap();
    for size in [0, 1, 1 << 40, u64::MAX >> 1, u64::MAX] {
        let _ = agent.limits().part_bytes(size, None);
        let _ = agent.limits().stream_part_bytes(Some(size >> 2));
    }
    assert!(!agent.name().contains('\u{1b}'), "{}", agent.name());
}

#[tokio::test]
async fn pauses_and_words_are_bounded_and_tame() {
    let failed = r#"{"failed":{"failure":{"kind":"throttled","operation":"x\u001b[31m","message":"y\u0007z","retry_after_ms":18446744073709551615}}}"#;
    let agent = meet(LIMITS, move |_, _| message(failed, "")).await.unwrap();
    let failure = agent.find("a").await.unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(60)));
    assert!(!failure.to_string().contains(|letter: char| letter.is_control()), "{failure}");
}

#[tokio::test]
async fn listings_go_on_and_end() {
    const PAGE: &str = r#"{"page":{"last":false}}"#;
    for (pages, why) in [
        (&[r#"[{"k":"p/a","s":1}]"#, r#"[{"k":"p/a","s":1}]"#][..], "out of order"),
        (&[r#"[{"k":"p/b","s":1},{"k":"p/a","s":1}]"#], "out of order"),
        (&[r#"[{"k":"q","s":1}]"#], "not asked for"),
        (&["[]"], "empty pages without end"),
    ] {
        let count = AtomicU64::new(0);
        let pages: Vec<String> = pages.iter().map(|page| (*page).to_owned()).collect();
        let agent = meet(LIMITS, move |_, _| {
            let number = count.fetch_add(1, Ordering::Relaxed) as usize;
            message(PAGE, &pages[number.min(pages.len() - 1)])
        });
        let mut lister = agent.await.unwrap().list("p/", None);
        let failure = loop {
            match lister.next_page().await {
                Ok(page) => assert!(page.is_some(), "it ended"),
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(failure.message.contains(why), "{failure}");
    }
}

#[tokio::test]
async fn what_is_left_out_is_of_what_was_asked_and_bounded() {
    let count = AtomicU64::new(0);
    let agent = meet(LIMITS, move |_, _| {
        let page = count.fetch_add(1, Ordering::Relaxed);
        let entry = |number: u64| format!(r#"{{"k":"p/{page:06}-{number:03}","w":"by\u001b[2J moonlight"}}"#);
        let mut left_out: Vec<String> = (0..200).map(entry).collect();
        // Elsewhere, and told before.
        left_out.push(r#"{"k":"q/elsewhere","w":"link"}"#.to_owned());
        left_out.push(r#"{"k":"p/000000-000","w":"link"}"#.to_owned());
        message(&format!(r#"{{"page":{{"last":false,"left_out":[{}]}}}}"#, left_out.join(",")), "[]")
    });
    let mut lister = agent.await.unwrap().list("p/", None);
    lister.next_page().await.unwrap();
    let first = lister.left_out();
    assert_eq!(first.len(), 200);
    assert!(
        first.iter().all(|left_out| left_out.key.starts_with("p/") && left_out.why == WhyLeftOut::Unknown)
    );
    // Nobody asks for it meanwhile.
    for _ in 0..100 {
        lister.next_page().await.unwrap();
    }
    assert_eq!(lister.left_out().len(), 10_000, "as many as a page may hold");
}

#[tokio::test]
async fn answers_about_something_else_are_refused() {
    let other = r#"{"found":{"found":{"listed":{"k":"other","s":1},"metadata":{},"crc64":null}}}"#;
    let agent = meet(LIMITS, move |_, _| message(other, "")).await.unwrap();
    assert_eq!(agent.find("a").await.unwrap_err().kind, FailureKind::Invalid);
    let upload = r#"{"upload":{"upload":{"key":"other","id":"1"}}}"#;
    let agent = meet(LIMITS, move |_, _| message(upload, "")).await.unwrap();
    let begun = agent.begin("a", &Metadata::default(), 1, 1024).await;
    assert_eq!(begun.unwrap_err().kind, FailureKind::Invalid);
    let kept = r#"[["other",{"kind":"forbidden","operation":"","message":"","retry_after_ms":null}]]"#;
    let agent = meet(LIMITS, move |_, _| message(r#""undeleted""#, kept)).await.unwrap();
    assert_eq!(agent.delete(&["a".to_owned()]).await.unwrap_err().kind, FailureKind::Invalid);
    let left = r#"[{"upload":{"key":"other","id":"1"},"begun_ms":null}]"#;
    let agent = meet(LIMITS, move |_, _| message(r#""dangling""#, left)).await.unwrap();
    assert_eq!(agent.dangling("a").await.unwrap_err().kind, FailureKind::Invalid);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_waited_for_ten_minutes() {
    let agent = meet(LIMITS, |_, _| Answer::Silence).await.unwrap();
    // The lane is fine: what is sent is taken over, and pings are. Only the answer is missing.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let failure = agent.find("a").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient);
    assert!(failure.message.contains("no answer came within 600 s"), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(602), "{:?}", began.elapsed());
}
