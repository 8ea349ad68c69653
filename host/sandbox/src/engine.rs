//! The engine's settings for compiling and for running a component. wasmtime refuses an image that was compiled with
//! other settings, so both sides take them from here. This module uses nothing but wasmtime.

use wasmtime::Config;

/// Largest linear memory of a call, in bytes (32 MiB). Reading the largest response (2 MiB) takes a few times its size.
pub const MAX_MEMORY_BYTES: usize = 32 << 20;

/// Largest stack of a call, in bytes (512 KiB). A usual call needs a few kilobytes.
const MAX_STACK_BYTES: usize = 512 << 10;

/// The settings that compiler and runtime share.
pub fn config() -> Config {
    let mut config = Config::new();
    // A call that computes for too long is stopped by epochs: see `start_ticker` in `sandbox.rs`.
    config.epoch_interruption(true);
    config.max_wasm_stack(MAX_STACK_BYTES);
    // Reserve only the address space that a call may use. wasmtime's default is 4 GiB a call, which `ulimit -v` forbids
    // on some systems. The price is an explicit bounds check at each access.
    config.memory_reservation(MAX_MEMORY_BYTES as u64);
    config.memory_reservation_for_growth(0);
    // Nobody reads a backtrace of the component: a stopped call is one fact in the audit log.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    // Rust's wasm32 target does not emit these features. Without them there is less compiler and runtime to trust.
    // Threads, garbage collection, exceptions and component async are not compiled into wasmtime at all.
    config.wasm_simd(false);
    config.wasm_relaxed_simd(false);
    config.wasm_tail_call(false);
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_wide_arithmetic(false);
    config.wasm_custom_page_sizes(false);
    config
}
