use super::*;
use tokio::io::{DuplexStream, duplex, split};

fn never() -> std::future::Pending<String> {
    pending()
}

/// A client and a node with a broker between them; every pipe holds a little.
fn joined() -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<Over>, tokio::task::JoinHandle<Over>) {
    let (client, near) = duplex(100);
    let (far, node) = duplex(100);
    let (here, there) = duplex(100);
    let carried = tokio::spawn(carry_to_node(there, far, never(), ready(None)));
    let (input, output) = split(near);
    let shown = tokio::spawn(carry_from_client(here, input, output));
    (client, node, carried, shown)
}

#[tokio::test]
async fn bytes_arrive_as_they_were_both_ways_at_once() {
    let (client, node, carried, shown) = joined();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (mut client_in, mut client_out) = split(client);
    let (mut node_in, mut node_out) = split(node);
    let (mut there, mut here) = (Vec::new(), Vec::new());
    let node_side = async {
        // The node ends its way only when it has everything: the client's end arrives by itself.
        node_in.read_to_end(&mut there).await.unwrap();
        node_out.write_all(&sent).await.unwrap();
        node_out.shutdown().await.unwrap();
    };
    let client_side = async {
        client_out.write_all(&sent).await.unwrap();
        client_out.shutdown().await.unwrap();
    };
    tokio::join!(client_side, node_side, async { client_in.read_to_end(&mut here).await.unwrap() });
    assert!(there == sent && here == sent);
    assert_eq!((carried.await.unwrap(), shown.await.unwrap()), (Over::Ended, Over::Ended));
}

#[tokio::test]
async fn a_node_that_takes_nothing_makes_the_client_wait() {
    let (mut client, node, _carried, _shown) = joined();
    let most = 4 * MAX_PIECE_BYTES;
    let taken = async {
        let mut taken = 0;
        loop {
            taken += client.write(&[0; 1_000]).await.unwrap();
            assert!(taken < most, "somebody keeps what nobody takes");
        }
    };
    // Virtual time passes only when everything waits.
    tokio::time::pause();
    assert!(tokio::time::timeout(std::time::Duration::from_secs(60), taken).await.is_err());
    drop(node);
}

#[tokio::test]
async fn whoever_goes_ends_the_login_and_a_broker_that_gives_up_says_why() {
    let (client, node, carried, shown) = joined();
    drop(client);
    // The client's program goes when its input is at its end: the connection with it.
    shown.abort();
    assert_eq!(carried.await.unwrap(), Over::Broke);
    drop(node);

    let (far, _node) = duplex(100);
    let (here, there) = duplex(100);
    let given_up = async { "the broker ends".to_owned() };
    let carried = tokio::spawn(carry_to_node(there, far, given_up, ready(None)));
    let over = carry_from_client(here, tokio::io::empty(), tokio::io::sink()).await;
    assert_eq!(over, Over::Failed("the broker ends".to_owned()));
    assert_eq!(carried.await.unwrap(), Over::Failed("the broker ends".to_owned()));

    let (far, node) = duplex(100);
    let (here, there) = duplex(100);
    let carried = tokio::spawn(carry_to_node(there, far, never(), ready(Some("it stopped".to_owned()))));
    drop(node);
    let over = carry_from_client(here, tokio::io::empty(), tokio::io::sink()).await;
    assert_eq!(over, Over::Failed("it stopped".to_owned()));
    assert_eq!(carried.await.unwrap(), over);

    let (here, there) = duplex(100);
    drop(there);
    assert_eq!(carry_from_client(here, tokio::io::empty(), tokio::io::sink()).await, Over::Broke);
}

#[tokio::test]
async fn what_is_no_piece_ends_it() {
    let mut buffer = vec![0; MAX_PIECE_BYTES];
    let long = (MAX_PIECE_BYTES as u32 + 1).to_be_bytes();
    let claims = [&[b'b'][..], &long].concat();
    for bytes in [&b"b\0\0\0\0"[..], b"e\0\0\0\x01x", b"x\0\0\0\0", b"b\0\0", b"b\0\0\0\x02x", &claims] {
        assert!(take(&mut &*bytes, &mut buffer).await.is_err(), "{bytes:?}");
    }
    assert_eq!(take(&mut &b"b\0\0\0\x02xy"[..], &mut buffer).await.unwrap(), Piece::Bytes(2));
}
