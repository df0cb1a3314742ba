//! Memory that JavaScript frees and takes again.
//!
//! Molecules and batches lie in buffers of some hundred KiB. glibc asks the system for each of these and gives it back
//! with the next garbage collection: then every page of the next one is a page fault, a fifth of the time of reading.

/// Lets the allocator keep some 60 MiB of freed memory for the buffers to come, instead of some hundred KiB.
///
/// glibc does so of its own accord once a block of such a size was freed, which it takes as a sign that such blocks come and
/// go (`mallopt(3)`, `M_MMAP_THRESHOLD`): this shows it one, of which no page is ever touched. Settings that the user
/// made by the environment stay. Other allocators keep what they like.
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    {
        /// Larger ones, from 32 MiB on, do not count as a sign.
        const BYTES: usize = 31 << 20;
        // SAFETY: a block that nobody uses is freed once; freeing null does nothing. The compiler may not leave the
        // pair out, since it cannot see where the address goes.
        unsafe { libc::free(std::hint::black_box(libc::malloc(BYTES))) };
    }
}
