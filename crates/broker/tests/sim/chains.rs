//! Runs on clouds that do what they say.

use crate::world::{CHAIN, World, chain, plan, task};
use welkin_broker::{LogQuery, RunState};

#[tokio::test(start_paused = true)]
async fn a_chain_over_three_clouds_ends_with_committed_outputs_and_nothing_left() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let outcome = broker.run(&run).await.unwrap();
    assert_eq!(outcome.state, RunState::Succeeded, "{:?}", outcome.reason);
    world.assert_succeeded(&broker, &run, CHAIN).await;
    let lines = broker.reader().unwrap().logs(&run, &LogQuery::default()).unwrap();
    let lines: Vec<&str> = lines.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(lines, ["clean on node 0", "train on node 0", "infer on node 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_diamond_runs_its_sides_at_once() {
    let world = World::kind();
    let broker = world.broker();
    let side = |name: &str, place: &str| {
        task(name, "minutes=60").at(&[place]).input("in", "top", "out").output("out")
    };
    let plan = plan(vec![
        task("top", "").at(&["a/x"]).output("out"),
        side("left", "b/x"),
        side("right", "c/x"),
        task("bottom", "").at(&["a/x"]).input("l", "left", "out").input("r", "right", "out").output("out"),
    ]);
    let run = world.submit(&broker, &plan).await;
    broker.run(&run).await.unwrap();
    world.assert_succeeded(&broker, &run, &[("bottom", "out", "bottom(left(top()),right(top()))")]).await;
    let view = broker.reader().unwrap().status(&run).unwrap();
    let took = view.ended.unwrap().since(view.submitted);
    assert!(took.hours() < 1.2, "two sides of an hour took {took}");
}
