//! A slow line, for tests under paused time.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

/// As much as a pipe holds.
const PIPE_BYTES: usize = 64 << 10;

/// The two ends of a line on which so many bytes a second go each way.
pub(super) fn line(bytes_per_second: u64) -> (DuplexStream, DuplexStream) {
    let ((here, near), (far, there)) = (duplex(PIPE_BYTES), duplex(PIPE_BYTES));
    let ((near_in, near_out), (far_in, far_out)) = (split(near), split(far));
    tokio::spawn(carry(near_in, far_out, bytes_per_second));
    tokio::spawn(carry(far_in, near_out, bytes_per_second));
    (here, there)
}

async fn carry(
    mut from: tokio::io::ReadHalf<DuplexStream>,
    mut to: tokio::io::WriteHalf<DuplexStream>,
    bytes_per_second: u64,
) {
    let mut piece = vec![0; usize::try_from(bytes_per_second / 10).unwrap()];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        let bytes = u64::try_from(read).unwrap();
        tokio::time::sleep(Duration::from_micros(bytes * 1_000_000 / bytes_per_second)).await;
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_is_as_slow_as_it_says() {
    let (mut here, mut there) = line(100_000);
    let began = tokio::time::Instant::now();
    tokio::spawn(async move { here.write_all(&vec![0; 500_000]).await });
    there.read_exact(&mut vec![0; 500_000]).await.unwrap();
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
}
