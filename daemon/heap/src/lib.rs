//! One call into the C library, kept apart because it is the only unsafe code of the daemon.
//!
//! glibc's allocator maps large buffers and returns them to the system when they are freed, but it
//! learns from that: after a buffer of a megabyte was freed once, buffers up to that size come from the
//! heap, and the heap keeps up to twice as much. Listing the network's interfaces takes such a buffer
//! for a millisecond, and a daemon that is idle from then on holds a megabyte for nothing. A threshold
//! that was set is not moved (`mallopt(3)`).

/// Buffers of this many bytes and more are mapped for themselves: glibc's own first value.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_LEN: i32 = 128 << 10;

/// From here on, what was freed at the end of the heap, and every large buffer, goes back to the
/// system. Does nothing where the C library is not glibc: musl's allocator returns memory by itself.
pub fn give_back_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for parameter in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: mallopt takes two integers by value, locks the allocator itself, and changes no
        // memory that is in use. It returns 0 for what it does not know, which changes nothing.
        #[expect(unsafe_code, reason = "the C library has no safe interface")]
        let _ = unsafe { libc::mallopt(parameter, LARGE_LEN) };
    }
}
