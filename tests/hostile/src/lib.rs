//! What an attacker would put in the component's place, compiled as the component is. The attacks
//! themselves are in `guest/src/lib.rs`.

/// The attacking component: the same world, and one attack for each name that a call gives it.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.cwasm"));

/// A component whose `grow` wants a million table elements.
pub const GROWER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/grower.cwasm"));

/// Components that import something that `wit/` does not list: the name of the import, the image, and why a build with
/// `ELKS_COMPONENT` refuses the component.
pub const FORBIDDEN: &[(&str, &[u8], &str)] = &include!(concat!(env!("OUT_DIR"), "/forbidden.rs"));

/// The functions that a component may import, as `wit/` lists them: interface and name, one a line.
pub const IMPORTS: &str = include_str!(concat!(env!("OUT_DIR"), "/imports.txt"));

/// Why a build with `ELKS_COMPONENT` refuses [`HOSTILE`] (it does not), a component without exports, and a core module.
pub const REFUSALS: [&str; 3] = include!(concat!(env!("OUT_DIR"), "/refusals.rs"));
