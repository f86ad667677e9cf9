#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quicprochat_fuzz::targets::compact_pieces(data));
