//! Relays that die, paths that stall, gateways that are not there.

use crate::place::Place;
use crate::proxy::Proxy;
use crate::support::{Served, agent, content, download, gateway, put, relay, upload};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use welkin_gateway::{Agent, AgentOptions, Gateway, Hop, PathOptions, ServeOptions};
use welkin_store::{Endpoint, FailureKind, Metadata};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_relay_that_dies_in_the_middle_loses_nothing() {
    for seed in 0..8 {
        let place = Place::new();
        let (gateway, dying, living) = (gateway(&place).await, relay().await, relay().await);
        // The wire says how far the transfer has come.
        let proxy = Proxy::start(&dying.address, None).await;
        let paths = [&proxy.address, &living.address]
            .map(|first| PathOptions::over([Hop::plain(first), gateway.hop()]).lanes(3));
        let agent = agent(paths.to_vec()).await;
        let bytes = content(24 * MIB, seed);
        let killing = async {
            proxy.passed((1 + seed) * 300_000).await;
            dying.kill().await;
        };
        // Whatever the share of that path: if it is too small to get there, the relay dies afterwards.
        let sending = upload(&agent, "a", &bytes, MIB);
        tokio::pin!(sending, killing);
        tokio::select! {
            () = &mut killing => sending.await,
            () = &mut sending => {}
        }
        assert!(place.content("a").unwrap() == bytes, "seed {seed}");
    }
}

#[tokio::test]
async fn a_relay_that_dies_while_reading_loses_nothing() {
    let place = Place::new();
    let (gateway, dying) = (gateway(&place).await, relay().await);
    let proxy = Proxy::start(&dying.address, None).await;
    let paths = vec![
        PathOptions::over([gateway.hop()]).lanes(1),
        PathOptions::over([proxy.hop(), gateway.hop()]).lanes(3),
    ];
    let agent = agent(paths).await;
    let bytes = content(24 * MIB, 5);
    upload(&agent, "a", &bytes, MIB).await;
    let reading = download(&agent, "a", bytes.len(), MIB);
    let killing = async {
        proxy.passed(proxy.moved() + 500_000).await;
        dying.kill().await;
    };
    tokio::pin!(reading, killing);
    let read = tokio::select! {
        () = &mut killing => reading.await,
        read = &mut reading => read,
    };
    assert!(read == bytes);
}

#[tokio::test]
async fn what_is_stuck_on_a_path_goes_over_another() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let proxy = Proxy::start(&gateway.address, None).await;
    let paths = vec![PathOptions::over([gateway.hop()]).lanes(2), PathOptions::over([proxy.hop()]).lanes(2)];
    let agent = agent(paths).await;
    put(&agent, "warm", &content(MIB, 1)).await;
    while agent.paths().iter().any(|path| path.lanes < 2) {
        tokio::task::yield_now().await;
    }
    proxy.stall_after(2 * MIB as u64);
    let bytes = content(32 * MIB, 2);
    upload(&agent, "a", &bytes, MIB).await;
    assert!(place.content("a").unwrap() == bytes);
    let reports = agent.paths();
    assert!(reports[1].sent_bytes < 8 * MIB as u64, "{reports:?}");
    // It comes back and carries again.
    proxy.stall_after(u64::MAX);
    put(&agent, "b", b"again").await;
}

#[tokio::test]
async fn calls_wait_for_a_gateway_that_is_away_but_not_for_ever() {
    let place = Place::new();
    let first = gateway(&place).await;
    let paths = vec![PathOptions::over([first.hop()])];
    let patience = Duration::from_millis(300);
    let agent = Agent::connect(AgentOptions { patience, ..AgentOptions::plain(paths) }).await.unwrap();
    put(&agent, "a", b"there").await;
    first.kill().await;
    let error = agent.find("a").await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (FailureKind::Transient, "look at memory:/a"));
}

#[tokio::test]
async fn a_write_is_not_begun_twice_when_the_gateway_is_started_anew() {
    let place = Place::new();
    let first = gateway(&place).await;
    let address = first.address.clone();
    let agent = agent(vec![PathOptions::over([first.hop()])]).await;
    place.hangs.store(true, Ordering::Relaxed);
    let metadata = Metadata::default();
    let begin = || agent.begin("a", &metadata, 4 * MIB as u64, MIB as u64);
    let restarting = async {
        place.hung.notified().await;
        first.kill().await;
        let listener = TcpListener::bind(&address).await.unwrap();
        Served::start_on(listener, ServeOptions::plain(Arc::clone(&place) as Arc<dyn Endpoint>))
    };
    let (begun, second) = tokio::join!(begin(), restarting);
    // Whoever called can look for what is there, and begin again.
    let failure = begun.unwrap_err();
    assert_eq!(
        (failure.kind, failure.operation.as_str()),
        (FailureKind::Transient, "begin to write memory:/a")
    );
    assert_eq!(agent.dangling("a").await.unwrap().len(), 1);
    begin().await.unwrap();
    drop(second);
}

#[tokio::test]
async fn nobody_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let paths = vec![PathOptions::over([Hop::plain(&address)])];
    let patience = Duration::from_millis(300);
    let error = Agent::connect(AgentOptions { patience, ..AgentOptions::plain(paths) }).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Transient);
    assert!(error.message.contains(&format!("cannot reach {address}")), "{error}");
}

#[tokio::test]
async fn a_program_can_be_the_way() {
    let place = Place::new();
    // What ssh does: a process whose input and output end at a gateway that speaks over a pair of pipes.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = ServeOptions::plain(Arc::clone(&place) as Arc<dyn Endpoint>);
    let gateway = Arc::new(Gateway::new(options).unwrap());
    let serving = async {
        let (pipe, _) = listener.accept().await.unwrap();
        let (input, output) = pipe.into_split();
        gateway.speak(Box::new(input), Box::new(output)).await;
    };
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & cat >&3");
    let path = PathOptions::command(["bash", "-c", &script].map(str::to_owned));
    let calling = async {
        let agent = agent(vec![path]).await;
        let bytes = content(3 * MIB, 8);
        upload(&agent, "a", &bytes, MIB).await;
        assert!(download(&agent, "a", bytes.len(), MIB).await == bytes);
        assert!(place.content("a").unwrap() == bytes);
    };
    tokio::select! {
        () = serving => panic!("the gateway ended first"),
        () = calling => {}
    }
}

#[test]
fn several_threads_do_as_well() {
    // The runtime with several threads is not part of what the crate asks of tokio, so each end has its own here.
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let place = Place::new();
    let served = Arc::clone(&place);
    let gateway = std::thread::spawn(move || {
        runtime().block_on(async {
            let gateway = gateway(&served).await;
            tell.send(gateway.address.clone()).unwrap();
            let _ = ended.await;
            drop::<Served>(gateway);
        });
    });
    let address = told.recv().unwrap();
    let bytes = content(16 * MIB, 4);
    runtime().block_on(async {
        let agent = agent(vec![PathOptions::over([Hop::plain(&address)])]).await;
        upload(&agent, "a", &bytes, MIB).await;
    });
    end.send(()).unwrap();
    gateway.join().unwrap();
    assert!(place.content("a").unwrap() == bytes);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
