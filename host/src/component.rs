//! The embedded component: its bytes, their digest, and the sandbox that runs it. And the bytes of the component for
//! hosts that make a tool of each exported function, which the program only writes to a file.

use elks_sandbox::{LoadError, Sandbox, Stopped};

/// The component, as other hosts load it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms.wasm"));

/// The SHA-256 of [`COMPONENT`], as 64 hexadecimal digits.
pub const SHA256: &str = env!("ELKS_COMPONENT_SHA256");

/// Where the component comes from, as `--version` and `capabilities` say it.
pub const ORIGIN: &str = origin(env!("ELKS_COMPONENT_SOURCE"));

/// Whether it is the component of this release, and not one that the builder named.
pub const IS_OWN: bool = !matches!(env!("ELKS_COMPONENT_SOURCE").as_bytes(), b"ELKS_COMPONENT");

/// elks-sms-configured, the component for hosts that make a tool of each exported function. No variable of the build
/// replaces it, and the program never runs it.
pub const CONFIGURED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms-configured.wasm"));

/// The SHA-256 of [`CONFIGURED`], as 64 hexadecimal digits.
pub const CONFIGURED_SHA256: &str = env!("CONFIGURED_SHA256");

/// Where [`CONFIGURED`] comes from, as `capabilities` says it.
pub const CONFIGURED_ORIGIN: &str = origin(env!("CONFIGURED_SOURCE"));

/// The origin of a component in words, from the word of the build script.
const fn origin(source: &str) -> &'static str {
    match source.as_bytes() {
        b"source" => "built from this source",
        b"package" => "carried by the published crate",
        _ => "given to the build by ELKS_COMPONENT",
    }
}

/// The component compiled ahead of time for this program's target.
const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms.cwasm"));

/// The functions that a component may import, as `wit/` lists them: interface and name, one a line.
pub const IMPORTS: &str = include_str!(concat!(env!("OUT_DIR"), "/imports.txt"));

/// Loads the embedded component.
///
/// # Errors
/// The image does not fit this machine.
pub fn load() -> Result<Sandbox, LoadError> {
    // SAFETY: the image was made by this program's own build script and is part of the program.
    #[expect(unsafe_code, reason = "an image compiled ahead of time is trusted like the program that contains it")]
    unsafe {
        Sandbox::from_image(IMAGE, IMPORTS)
    }
}

/// Why the component gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It could not be loaded, so the program cannot work.
    #[error("the component cannot be loaded")]
    NotLoaded,
    /// It was stopped during the call.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
