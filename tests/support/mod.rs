//! What several files of tests need: the program, the fake 46elks, its answers, and the repository.
//!
//! Not here: assertions about a subject. They stand in that subject's file.

pub mod answers;
pub mod fake_account;
pub mod fake_elks;
pub mod http_2;
pub mod journal;
pub mod modern;
pub mod own_file;
#[cfg(all(unix, feature = "postgres"))]
pub mod postgres;
pub mod program;
pub mod scene;
pub mod snapshot;
pub mod state_dir;
pub mod wasi_host;
#[cfg(unix)]
pub mod watch;

use fake_elks::{FakeElks, Protocol, Reaction, Received};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The username, password and sender of the account that tests use.
pub const USERNAME: &str = "u5a95d6b0f1c2e3d4a5b6c7d8e9f0a1b2";
pub const PASSWORD: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
pub const SENDER: &str = "+46766861004";

/// A number of the range that Sweden reserves for books and films.
pub const RECIPIENT: &str = "+46701740605";

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The folder for files of tests, as an absolute path: a program that was built for Wine has it without a drive.
pub fn scratch() -> PathBuf {
    std::path::absolute(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// An absolute path where nothing is.
pub const NOWHERE: &str = if cfg!(windows) { "C:/nowhere/x" } else { "/nowhere/x" };

/// A file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// An object with the fields of another over its own.
pub fn merged(mut object: Value, more: &Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

/// The usual servers of tests.
impl FakeElks {
    /// One that confirms the account and answers everything else as a test wants.
    pub fn answering(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::answering_everything(confirming(behaviour))
    }

    /// One that leaves even the account to the test.
    pub fn answering_everything(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::certified("api.46elks.com", behaviour)
    }

    /// One whose certificate is for this name.
    pub fn certified(name: &'static str, behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start(Protocol::ByHand(name), behaviour).unwrap()
    }

    /// One whose certificate is valid from the beginning of a year to that of another.
    pub fn valid(from: i32, until: i32) -> Self {
        Self::start(Protocol::Dated(from, until), |_| Reaction::HangUp).unwrap()
    }

    /// One that confirms the account and offers HTTP/2.
    pub fn over_http_2(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start(Protocol::Https, confirming(behaviour)).unwrap()
    }
}

fn confirming(behaviour: impl Fn(&Received) -> Reaction) -> impl Fn(&Received) -> Reaction {
    move |request| {
        if request.is_verification() { Reaction::json(&answers::account()) } else { behaviour(request) }
    }
}
