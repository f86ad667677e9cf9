//! What an idle daemon gives back to the system. Two calls into the C library, kept apart because they
//! are the only unsafe code of the daemon.
//!
//! A node runs for months on machines with 64 MB, and most of what it touched when it started it does
//! not need again: [`fix_large_buffers`] concerns the heap, [`give_back_code`] the program itself.

#[cfg(target_os = "linux")]
mod maps;

/// Has freed buffers of 1 MiB and more, and all but 8 MiB of the heap's free end, go back to the
/// system.
///
/// glibc's allocator begins stricter than that, but learns: after a buffer of a megabyte was freed once, buffers
/// up to that size come from the heap, and the heap keeps up to twice as much. Listing the network's
/// interfaces takes such a buffer for a millisecond. A threshold that was set is not moved
/// (`mallopt(3)`). Does nothing where the C library is not glibc.
pub fn fix_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, len) in
        [(libc::M_MMAP_THRESHOLD, LARGE_LEN), (libc::M_TRIM_THRESHOLD, HEAP_FREE_LEN_MAX)]
    {
        // SAFETY: mallopt takes two integers by value, locks the allocator itself, and changes no
        // memory that is in use. It returns 0 for what it does not know, which changes nothing.
        #[expect(unsafe_code, reason = "the C library has no safe interface")]
        let _ = unsafe { libc::mallopt(parameter, len) };
    }
}

/// Unmaps the pages of the program's code; what runs again is mapped again when it runs.
///
/// Configuration, key files, D-Bus and QUIC set-up run once, and the kernel keeps mapped code longer
/// than anything else. Unmapped it is ordinary file cache: still there while there is room, and the
/// first to go when there is not. Returns how many bytes of code there are; 0 where `/proc` is
/// missing.
pub fn give_back_code() -> usize {
    #[cfg(target_os = "linux")]
    {
        let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return 0 };
        maps.lines().filter_map(maps::code_of).map(unmap).sum()
    }
    #[cfg(not(target_os = "linux"))]
    0
}

#[cfg(target_os = "linux")]
fn unmap(code: std::ops::Range<usize>) -> usize {
    let start = std::ptr::without_provenance_mut(code.start);
    // SAFETY: the range is, page for page, a file's mapping that may be read and executed and not
    // written. Its pages hold what the file holds, so dropping them changes nothing that can be
    // read: the next access maps the same bytes, which is what the kernel does under pressure too.
    // A range that is gone by now, or has become something else, cannot be: nothing here unloads or
    // replaces code.
    #[expect(unsafe_code, reason = "the C library has no safe interface")]
    let result = unsafe { libc::madvise(start, code.len(), libc::MADV_DONTNEED) };
    if result == 0 { code.len() } else { 0 }
}

/// Above the batches and answers that carry messages of 64 KiB: mapping those each time costs an
/// eighth of the throughput.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_LEN: i32 = 1 << 20;

/// What is freed and needed again at once is not returned in between: a stream of 64 KiB messages is
/// some percent faster than with 2 MiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAP_FREE_LEN_MAX: i32 = 8 << 20;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn code_is_given_back_and_runs_on() {
        let given = super::give_back_code();
        assert!(given > 100_000, "{given} bytes of code are not a test program's");
        // Called once more, it runs from pages that were dropped.
        assert_eq!(super::give_back_code(), given);
    }
}
