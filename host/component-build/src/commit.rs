//! The commit of the source that is being built: from the files of git in a clone, or from what cargo packed beside a
//! published crate. git itself is not started. Changes that were not committed are not seen.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that `cargo package` adds to a crate.
const PACKED: &str = ".cargo_vcs_info.json";

/// A commit, and the files that change when it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its hexadecimal digits; nothing if it is not known.
    pub digits: Option<String>,
    /// The files that were looked at.
    pub files: Vec<PathBuf>,
}

impl Commit {
    /// The commit of a crate, whose repository has this root if it is a clone.
    pub fn of(krate: &Path, root: &Path) -> Self {
        let packed = krate.join(PACKED);
        if packed.exists() {
            let digits = fs::read_to_string(&packed).ok().and_then(|text| packed_digits(&text));
            return Self { digits, files: vec![packed] };
        }
        of_clone(root).unwrap_or_default()
    }
}

/// The commit that a package names.
fn packed_digits(text: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    digits(json["git"]["sha1"].as_str()?)
}

/// The commit that a clone has checked out.
fn of_clone(root: &Path) -> Option<Commit> {
    let folder = git_folder(root)?;
    let head = folder.join("HEAD");
    let text = fs::read_to_string(&head).ok()?;
    let Some(name) = text.trim().strip_prefix("ref: ") else {
        return Some(Commit { digits: digits(&text), files: vec![head] });
    };
    // The branches of a further work tree are in the folder of the first.
    let common = fs::read_to_string(folder.join("commondir")).map_or(folder.clone(), |path| folder.join(path.trim()));
    let (loose, packed) = (common.join(name), common.join("packed-refs"));
    let of_loose = fs::read_to_string(&loose).ok().and_then(|text| digits(&text));
    let of_packed = || {
        let refs = fs::read_to_string(&packed).ok()?;
        refs.lines().find_map(|line| digits(line.strip_suffix(name)?))
    };
    let digits = of_loose.or_else(of_packed);
    // A commit may make the file of a branch anew that stood in packed-refs alone. The log of HEAD grows each time.
    let log = folder.join("logs/HEAD");
    let files = [head, loose, packed, log].into_iter().filter(|file| file.exists()).collect();
    Some(Commit { digits, files })
}

/// The folder of git: `.git`, or what the file of that name leads to.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(git).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir: ")?))
}

/// The digits of a commit, if a text has these alone.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let is_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

    /// A folder that is removed with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir().join(format!("elks-commit-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().expect("has one")).expect("is made");
                fs::write(path, text).expect("is written");
            }
            Self(folder)
        }

        fn commit(&self) -> Option<String> {
            Commit::of(&self.0.join("host"), &self.0).digits
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_clone_has_the_commit_that_is_checked_out() {
        let branch = (".git/HEAD", "ref: refs/heads/main\n");
        let packed = format!("# pack-refs\n{OTHER} refs/heads/main\n^{ONE}\n{ONE} refs/heads/x/main\n");
        let of = |name, files: &[(&str, &str)]| Scratch::new(name, files).commit();
        assert_eq!(of("loose", &[branch, (".git/refs/heads/main", &format!("{ONE}\n"))]).as_deref(), Some(ONE));
        assert_eq!(of("packed", &[branch, (".git/packed-refs", &packed)]).as_deref(), Some(OTHER));
        let both = [branch, (".git/packed-refs", &packed), (".git/refs/heads/main", ONE)];
        assert_eq!(of("both", &both).as_deref(), Some(ONE), "the loose one is newer");
        assert_eq!(of("detached", &[(".git/HEAD", &format!("{ONE}\n"))]).as_deref(), Some(ONE));
        let logged = Scratch::new("logged", &[branch, (".git/packed-refs", &packed), (".git/logs/HEAD", "")]);
        let files = Commit::of(&logged.0.join("host"), &logged.0).files;
        assert!(files.contains(&logged.0.join(".git/logs/HEAD")), "{files:?}");
        let further = [
            (".git", "gitdir: main/.git/worktrees/w\n"),
            ("main/.git/worktrees/w/HEAD", "ref: refs/heads/w\n"),
            ("main/.git/worktrees/w/commondir", "../..\n"),
            ("main/.git/refs/heads/w", ONE),
        ];
        assert_eq!(of("further", &further).as_deref(), Some(ONE));
    }

    #[test]
    fn a_package_has_the_commit_that_cargo_wrote_down() {
        let packed = format!("{{\"git\": {{\"sha1\": \"{ONE}\"}}, \"path_in_vcs\": \"host\"}}");
        let scratch = Scratch::new("package", &[("host/.cargo_vcs_info.json", &packed), (".git/HEAD", OTHER)]);
        assert_eq!(scratch.commit().as_deref(), Some(ONE), "the repository around it is another project's");
    }

    #[test]
    fn what_is_not_known_is_nothing() {
        for (name, files) in [
            ("none", &[("host/build.rs", "")] as &[_]),
            ("broken", &[(".git/HEAD", "ref: refs/heads/gone\n")]),
            ("text", &[(".git/HEAD", "main\n")]),
            ("empty", &[("host/.cargo_vcs_info.json", "{}")]),
        ] {
            assert_eq!(Scratch::new(name, files).commit(), None, "{name}");
        }
    }
}
