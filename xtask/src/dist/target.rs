//! The systems that a release is for, and what each package format calls them.

/// A system with a program of its own.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name in files. The universal program for macOS is two programs in one file.
    pub(crate) triple: &'static str,
    /// The targets of Rust that the program is built for.
    pub(super) rust: &'static [&'static str],
    /// What npm calls the system and its processors, and the end of the package's name.
    pub(super) npm: Npm,
    /// The tags of the wheel's platform. A static program runs with both C libraries of Linux, so its wheel has both.
    pub(super) wheel: &'static str,
    /// What bundles for Claude Desktop (mcpb) call the system.
    pub(super) bundle: &'static str,
    /// What container images call the processor, where there is an image.
    pub(super) image: Option<&'static str>,
}

/// What npm calls a system.
#[derive(Debug)]
pub(super) struct Npm {
    pub(super) name: &'static str,
    pub(super) os: &'static str,
    pub(super) cpu: &'static [&'static str],
}

/// All systems of a release.
pub(crate) const TARGETS: [Target; 4] = [
    Target {
        triple: "x86_64-unknown-linux-musl",
        rust: &["x86_64-unknown-linux-musl"],
        npm: Npm { name: "linux-x64", os: "linux", cpu: &["x64"] },
        wheel: "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
        bundle: "linux",
        image: Some("amd64"),
    },
    Target {
        triple: "aarch64-unknown-linux-musl",
        rust: &["aarch64-unknown-linux-musl"],
        npm: Npm { name: "linux-arm64", os: "linux", cpu: &["arm64"] },
        wheel: "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        bundle: "linux",
        image: Some("arm64"),
    },
    Target {
        triple: "x86_64-pc-windows-gnu",
        rust: &["x86_64-pc-windows-gnu"],
        // Windows on ARM runs programs for x86-64.
        npm: Npm { name: "win32-x64", os: "win32", cpu: &["x64", "arm64"] },
        wheel: "win_amd64",
        bundle: "win32",
        image: None,
    },
    Target {
        triple: "universal-apple-darwin",
        rust: &["aarch64-apple-darwin", "x86_64-apple-darwin"],
        npm: Npm { name: "darwin", os: "darwin", cpu: &["arm64", "x64"] },
        wheel: "macosx_10_12_x86_64.macosx_11_0_arm64.macosx_10_12_universal2",
        bundle: "darwin",
        image: None,
    },
];

impl Target {
    /// The system with this name.
    pub(crate) fn of(triple: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.triple == triple)
    }

    /// The system whose programs run on Linux x86-64, where a release is made and tried.
    pub(crate) fn reference() -> &'static Self {
        &TARGETS[0]
    }

    pub(super) fn is_windows(&self) -> bool {
        self.bundle == "win32"
    }

    pub(super) fn is_mac(&self) -> bool {
        self.bundle == "darwin"
    }

    /// Whether the program can be built anywhere. That for macOS needs a Mac, whose linker and libraries are Apple's.
    pub(super) fn can_be_built(&self) -> bool {
        !self.is_mac()
    }

    /// The file name of the program.
    pub(crate) fn program_name(&self) -> &'static str {
        if self.is_windows() { "elks-mcp.exe" } else { "elks-mcp" }
    }
}
