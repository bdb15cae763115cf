//! A page of a listing that fails behind a gateway is passed over neither there nor here.

use crate::place::Place;
use crate::support::{agent, gateway, put};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use welkin_gateway::PathOptions;
use welkin_store::Endpoint;

#[tokio::test]
async fn after_a_failure_the_same_page_comes_or_fails_again_and_the_end_is_no_answer_to_it() {
    let place = Place::paged(3);
    let gateway = gateway(&place).await;
    let agent = agent(vec![PathOptions::over([gateway.hop()]).lanes(2)]).await;
    let keys: Vec<_> = (0..9).map(|number| format!("k{number}")).collect();
    for key in &keys {
        put(&agent, key, b"x").await;
    }
    // Before each of the three pages, and before the end, which is none of a repetition's answers.
    for failing in 0..4 {
        let mut pages = Arc::clone(&agent).list("", None);
        let mut found = Vec::new();
        for _ in 0..failing {
            found.extend(pages.next_page().await.unwrap().unwrap());
        }
        place.lost_pages.store(2, Ordering::Relaxed);
        for _ in 0..2 {
            assert!(pages.next_page().await.unwrap_err().passes());
        }
        let answer = pages.next_page().await.unwrap();
        found.extend(answer.expect("the answer to a repetition is a page"));
        while let Some(page) = pages.next_page().await.unwrap() {
            found.extend(page);
        }
        let found: Vec<_> = found.into_iter().map(|listed| listed.key).collect();
        assert_eq!(found, keys, "{failing}");
    }
}
