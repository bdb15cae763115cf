//! Memory of the C library in a process that serves.

/// Keeps the C library from setting 64 MiB of addresses aside for each thread that allocates: a gateway has a few, and
/// under a bound on addresses they would be what is used up first.
pub fn few_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "an option of the allocator that no crate wraps")]
    // SAFETY: the call takes two integers and touches nothing but the allocator's own settings, under its own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
