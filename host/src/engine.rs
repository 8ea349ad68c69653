//! How the component is compiled and run. The build script compiles it ahead of time with the very
//! settings that the program runs it with; wasmtime refuses an image made with others.
//!
//! This file is compiled into both, so it uses nothing but wasmtime.

use wasmtime::Config;

/// The largest linear memory, in bytes. The largest answer (2 MiB) needs a few times its size while
/// it is read.
pub(crate) const MEMORY: usize = 32 << 20;

/// The largest stack of a call, in bytes. An honest call uses a few kilobytes.
const STACK: usize = 512 << 10;

/// The settings that compiler and runtime must share.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // A call that computes for too long is stopped: see the ticker in `sandbox.rs`.
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK);
    // Address space for what a call may have and no more: by default it would be 4 GiB for each of the
    // calls at a time, which some systems do not give (`ulimit -v`). Accesses are checked instead.
    config.memory_reservation(MEMORY as u64);
    // A call that is stopped is a fact for the audit; nobody reads where in the component it stood.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    // What Rust's wasm32 target does not emit is off: less compiler and runtime to trust. Threads,
    // garbage collection, exceptions and component async are not even compiled in.
    config.wasm_simd(false);
    config.wasm_relaxed_simd(false);
    config.wasm_tail_call(false);
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_wide_arithmetic(false);
    config.wasm_custom_page_sizes(false);
    config
}
