//! The policy in force: that of the environment, and of the policy file if there is one. The file is read again before
//! each use. A change tightens at once and loosens at the next start; while the file cannot be used, there is no
//! policy, so that nothing is sent.

use super::file;
use super::{Policy, Stated};
use crate::count::count;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How many problems of a file a sentence names. All of them are reported at the start.
const MAX_SHOWN: usize = 5;

/// The policy in force.
pub struct InForce {
    start: Arc<Policy>,
    watched: Option<Watched>,
}

/// A policy file that may change.
struct Watched {
    path: PathBuf,
    environment: Stated,
    last: Mutex<Last>,
}

/// What was read last and could be used.
struct Last {
    bytes: Vec<u8>,
    policy: Arc<Policy>,
}

/// The policy file cannot be used. The text names lines and settings, and no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Broken {
    problems: Vec<String>,
}

impl Broken {
    /// All problems, one sentence each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<&str> = self.problems.iter().take(MAX_SHOWN).map(String::as_str).collect();
        let shown = shown.join("; ");
        write!(f, "the policy file cannot be used, so nothing is sent until the operator has mended it: {shown}")?;
        match self.problems.len().checked_sub(MAX_SHOWN) {
            Some(more @ 1..) => write!(f, "; and {}", count(more as u64, "more problem")),
            _ => Ok(()),
        }
    }
}

impl InForce {
    /// A policy without a file: it never changes.
    pub fn fixed(policy: Policy) -> Self {
        Self { start: Arc::new(policy), watched: None }
    }

    /// The policy of the environment and of a file, which is read now.
    ///
    /// # Errors
    /// All problems of the file, and of the two together.
    pub fn watching(environment: Stated, path: PathBuf) -> Result<Self, Vec<String>> {
        let bytes = file::bytes(&path).map_err(|problem| vec![problem])?;
        let policy = Arc::new(environment.policy(&file::read(&bytes)?)?);
        let last = Mutex::new(Last { bytes, policy: Arc::clone(&policy) });
        Ok(Self { start: policy, watched: Some(Watched { path, environment, last }) })
    }

    /// The policy as it was at the start.
    pub fn start(&self) -> Arc<Policy> {
        Arc::clone(&self.start)
    }

    /// The policy at this moment: never looser than any that was in force before.
    ///
    /// # Errors
    /// The file cannot be read or has problems. When it is mended, what was in force before is in force again, and
    /// tighter where the file is.
    pub fn current(&self) -> Result<Arc<Policy>, Broken> {
        let Some(watched) = &self.watched else { return Ok(self.start()) };
        let mut last = watched.last.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = file::bytes(&watched.path).map_err(|problem| Broken { problems: vec![problem] })?;
        if bytes != last.bytes {
            let stated = file::read(&bytes).map_err(|problems| Broken { problems })?;
            let changed = watched.environment.policy(&stated).map_err(|problems| Broken { problems })?;
            *last = Last { bytes, policy: Arc::new(last.policy.meet(&changed)) };
        }
        Ok(Arc::clone(&last.policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignments::Place;
    use crate::policy::settings;
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A policy file of a test, which goes away with it.
    struct PolicyFile(PathBuf);

    impl PolicyFile {
        fn new(text: &str) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let file = Self(std::env::temp_dir().join(format!("elks-mcp-policy-{}-{number}", std::process::id())));
            file.write(text);
            file
        }

        fn write(&self, text: impl AsRef<[u8]>) {
            fs::write(&self.0, text).expect("is written");
        }

        fn watched(&self, environment: &[(&str, &str)]) -> Result<InForce, Vec<String>> {
            let mut problems = Vec::new();
            let given: Vec<settings::Given<'_>> = environment
                .iter()
                .map(|(name, value)| settings::Given { name, value, place: Place::Environment })
                .collect();
            let stated = settings::read(&given, &mut problems);
            assert!(problems.is_empty(), "{problems:?}");
            InForce::watching(stated, self.0.clone())
        }
    }

    impl Drop for PolicyFile {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir(&self.0));
        }
    }

    fn parts(in_force: &InForce) -> Option<u64> {
        in_force.current().expect("can be used").max_parts()
    }

    fn broken(in_force: &InForce) -> String {
        in_force.current().expect_err("cannot be used").to_string()
    }

    #[test]
    fn a_changed_file_tightens_at_once_and_loosens_at_the_next_start() {
        let file = PolicyFile::new("ELKS_MAX_PARTS=5\n");
        let in_force = file.watched(&[]).expect("is valid");
        assert_eq!(parts(&in_force), Some(5));
        file.write("ELKS_MAX_PARTS=2\nELKS_BLOCKED_RECIPIENTS=+4670*\nCONFIRM_SENDS=true\n");
        assert_eq!(parts(&in_force), Some(2));
        file.write("ELKS_MAX_PARTS=9\n");
        assert_eq!(parts(&in_force), Some(2), "it is not loosened");
        assert!(in_force.current().expect("is valid").confirm() == super::super::Confirm::Always);
        file.write("");
        assert_eq!(parts(&in_force), Some(2), "nor by taking a line away");
        assert_eq!(in_force.start().max_parts(), Some(5), "the start stays what it was");
        file.write("ELKS_MAX_PARTS=9\n");
        assert_eq!(parts(&file.watched(&[]).expect("is valid")), Some(9), "the next start reads it anew");
        assert_eq!(parts(&file.watched(&[("ELKS_MAX_PARTS", "3")]).expect("is valid")), Some(3), "the stricter holds");
    }

    #[test]
    fn a_file_that_cannot_be_used_stops_sending_until_it_is_mended() {
        let file = PolicyFile::new("ELKS_MAX_PARTS=5\n");
        let in_force = file.watched(&[]).expect("is valid");
        for (text, reason) in [
            ("ELKS_MAX_PARTS=five\n", "line 1: ELKS_MAX_PARTS holds something else (not shown here)"),
            ("ELKS_MAX_PARTS=4\nELKS_MAX_PART=4\n", "line 2: its name is no setting"),
            ("ELKS_CONTACTS_ONLY=true\n", "ELKS_CONTACTS is not set"),
            (&"ELKS_X=1\n".repeat(2000), "; and 1,995 more problems"),
            (&"#".repeat(300 << 10), "larger than 256 KiB"),
        ] {
            file.write(text);
            let problem = broken(&in_force);
            assert!(problem.contains(reason) && problem.contains("nothing is sent until"), "{problem}");
            assert_eq!(problem, broken(&in_force), "it stays so");
        }
        file.write(b"ELKS_MAX_PARTS=\xff");
        assert!(broken(&in_force).contains("not UTF-8"));
        fs::remove_file(&file.0).expect("is there");
        assert!(broken(&in_force).contains("cannot be read: entity not found"), "{}", broken(&in_force));
        fs::create_dir(&file.0).expect("is created");
        assert!(broken(&in_force).contains("no regular file"));
        fs::remove_dir(&file.0).expect("is there");
        file.write("ELKS_MAX_PARTS=7\n");
        assert_eq!(parts(&in_force), Some(5), "what was in force is in force again");
        file.write("ELKS_MAX_PARTS=1\n");
        assert_eq!(parts(&in_force), Some(1));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]

        #[test]
        fn whatever_happens_to_the_file_the_policy_is_never_loosened(
            changes in proptest::collection::vec((1_u64..=12, 0_usize..5), 1..8),
        ) {
            let file = PolicyFile::new("ELKS_MAX_PARTS=9\n");
            let in_force = file.watched(&[("ELKS_MAX_SMS_PER_DAY", "50")]).expect("is valid");
            let mut before = in_force.start();
            for (number, kind) in changes {
                file.write(match kind {
                    0 => String::new(),
                    1 => "\u{fffd}".into(),
                    2 => format!("ELKS_MAX_SMS_PER_DAY={number}0\n"),
                    3 => format!("ELKS_BLOCKED_RECIPIENTS=+46{number}*\nELKS_MAX_PARTS=*\n"),
                    _ => format!("ELKS_MAX_PARTS={number}\n"),
                });
                match in_force.current() {
                    Ok(now) => {
                        proptest::prop_assert!(*now == now.meet(&before), "what was in force is still in it");
                        before = now;
                    }
                    Err(_) => proptest::prop_assert!(kind == 1 || (kind == 4 && number > 10)),
                }
            }
        }
    }

    #[test]
    fn a_start_needs_a_file_that_can_be_used() {
        let file = PolicyFile::new("ELKS_MAX_PARTS=0\nELKS_CONTACTS_ONLY=perhaps\n");
        assert_eq!(file.watched(&[]).err().expect("is wrong").len(), 2, "all problems at once");
        fs::remove_file(&file.0).expect("is there");
        let problems = file.watched(&[]).err().expect("is missing");
        assert_eq!(problems, ["the policy file cannot be read: entity not found"]);
        let fixed = InForce::fixed(Policy::defaults());
        assert!(fixed.current().expect("needs no file") == fixed.start());
    }
}
