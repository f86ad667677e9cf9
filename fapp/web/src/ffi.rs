//! The functions that the page calls. WebAssembly has one thread, and one core.
#![expect(unsafe_code, reason = "memory is shared with the page, which is not Rust")]

use std::cell::RefCell;

use crate::core::Core;

thread_local! {
    static CORE: RefCell<Core> = RefCell::new(Core::default());
}

/// Room for a message of that many bytes; give it to [`qpc_call`], which frees it.
#[unsafe(no_mangle)]
pub extern "C" fn qpc_room(len: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; len].into_boxed_slice()).cast()
}

/// Does what a message of `len` bytes in a room of [`qpc_room`] asks. The answer is at the address returned: its length
/// (u32, little endian), and that many bytes; [`qpc_free`] frees it.
///
/// # Safety
/// `at` came from [`qpc_room`] with the same `len`, and was not given before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qpc_call(at: *mut u8, len: usize) -> *mut u8 {
    // SAFETY: the caller gives back what `qpc_room` made of a boxed slice of this length.
    let message = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(at, len)) };
    let said = CORE.with_borrow_mut(|core| core.call(&message));
    let mut out = Vec::with_capacity(4 + said.len());
    out.extend_from_slice(&(said.len() as u32).to_le_bytes());
    out.extend_from_slice(&said);
    Box::into_raw(out.into_boxed_slice()).cast()
}

/// Frees an answer.
///
/// # Safety
/// `at` came from [`qpc_call`], and was not given before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qpc_free(at: *mut u8) {
    // SAFETY: an answer begins with its length.
    let len = unsafe { u32::from_le_bytes(at.cast::<[u8; 4]>().read_unaligned()) } as usize + 4;
    // SAFETY: `qpc_call` made it of a boxed slice of this length.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(at, len)) });
}
