//! The runtime that data is moved on.
//!
//! One thread does what waits for networks and sums what comes in; files are read, summed and written by a few others,
//! so that both cores of a small machine are busy. *Rejected:* network work on several threads: the memory that a
//! part is read into and summed in stays in one core's cache, and a byte costs more when it wanders.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Runtime};

/// Threads for files, for each core: one that waits for the disk beside one that computes.
const FILES_EACH: usize = 2;
/// Fewest and most of them. Disks behind a network want several at once. Each takes address space (its stack, and 64 MiB
/// that the allocator sets aside for it), so 16 of them are a gigabyte, and four fit below `ulimit -v 600000`; and more
/// than the cores can run only wait for each other where files are made in one folder.
const FILES: (usize, usize) = (4, 16);
/// Their stacks: names are resolved on them too.
const STACK_BYTES: usize = 1 << 20;

/// Builds it.
pub(crate) fn runtime() -> io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads((cores * FILES_EACH).clamp(FILES.0, FILES.1))
        .thread_stack_size(STACK_BYTES)
        .build()
}
