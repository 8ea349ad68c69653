//! Whatever 46elks answers, reading it does not panic and gives back nothing unseen.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: (u16, Vec<u8>)| elks_sms::fuzz_answer(answer.0, answer.1));
