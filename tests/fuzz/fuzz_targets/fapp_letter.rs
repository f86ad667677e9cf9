#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quicprochat_fuzz::appointments::fapp_letter(data));
