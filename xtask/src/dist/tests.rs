//! The packages of all four systems, made of stand-ins for the programs and read again.

use super::about::About;
use super::archive::File;
use super::program::Program;
use super::target::TARGETS;
use super::{Package, Release, VERSION, packages_of, portable};
use crate::component::{COMPONENTS, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::LazyLock;

/// A release whose programs are a line of text each.
static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(packages);

fn packages() -> Vec<Package> {
    let program = |target| Program { target, bytes: program_of(target).into_bytes() };
    let release = Release {
        about: About::read("elks-mcp").expect("its manifest says what it is"),
        about_component: About::read("elks-sms").expect("its manifest says what it is"),
        programs: TARGETS.iter().map(program).collect(),
        components: COMPONENTS.map(|kind| (kind, component_of(kind).into_bytes())).into(),
        capabilities: COMPONENTS
            .map(|kind| (kind.key.to_string(), json!({"exports": {"a:b/c": []}, "imports": {"d:e/f": []}})))
            .into_iter()
            .collect::<serde_json::Map<_, _>>()
            .into(),
        tools: json!([{"name": "send_sms", "description": "Sends."}]),
        readme: "# elks-mcp\n".into(),
        licences: vec![File::text("LICENSE-MIT", "MIT"), File::text("LICENSES-OF-CRATES.txt", "all")],
        pages: vec![File::text("man/elks-mcp.1", ".TH")],
        crates: vec![Package { name: "elks-mcp.cdx.json".into(), bytes: b"{}".to_vec() }],
    };
    packages_of(&release).expect("packs")
}

/// What stands for the program of a system.
fn program_of(target: &super::Target) -> String {
    format!("the program for {}", target.triple)
}

/// What stands for a component.
fn component_of(kind: &Kind) -> String {
    format!("\0asm {}", kind.name)
}

/// The files in a package by their paths.
type Files = BTreeMap<String, Vec<u8>>;

/// The package of this name, unpacked.
fn unpacked(name: &str) -> Files {
    let bytes = &PACKAGES.iter().find(|package| package.name == name).unwrap_or_else(|| panic!("no {name}")).bytes;
    match name.rsplit('.').next() {
        Some("tar") => untarred(bytes.as_slice()),
        Some("gz" | "tgz") => untarred(GzDecoder::new(bytes.as_slice())),
        _ => unzipped(bytes),
    }
}

fn untarred(archive: impl Read) -> Files {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().expect("is a tar archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("is an entry");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("can be read");
            (entry.path().expect("has a path").display().to_string(), bytes)
        })
        .collect()
}

fn unzipped(archive: &[u8]) -> Files {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("is a zip archive");
    (0..archive.len())
        .map(|at| {
            let mut file = archive.by_index(at).expect("is an entry");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("can be read");
            (file.name().expect("is text").into_owned(), bytes)
        })
        .collect()
}

fn json_of(files: &Files, name: &str) -> Value {
    serde_json::from_slice(files.get(name).unwrap_or_else(|| panic!("no {name}"))).expect("is JSON")
}

fn text_of<'a>(files: &'a Files, name: &str) -> &'a str {
    std::str::from_utf8(files.get(name).unwrap_or_else(|| panic!("no {name}"))).expect("is text")
}

#[test]
fn the_same_programs_make_the_same_bytes() {
    let again = packages();
    let names = |packages: &[Package]| packages.iter().map(|package| package.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&PACKAGES));
    for (one, other) in again.iter().zip(PACKAGES.iter()) {
        assert!(one.bytes == other.bytes, "{} differs", one.name);
    }
}

#[test]
fn every_system_has_its_program_in_each_kind_of_package() {
    for target in &TARGETS {
        let (program, name, triple) = (program_of(target), target.program_name(), target.triple);
        let archive = format!("elks-mcp-{VERSION}-{triple}");
        let ending = if target.is_windows() { "zip" } else { "tar.gz" };
        assert_eq!(text_of(&unpacked(&format!("{archive}.{ending}")), &format!("{archive}/{name}")), program);
        let wheel = unpacked(&format!("elks_mcp-{VERSION}-py3-none-{}.whl", target.wheel));
        assert_eq!(text_of(&wheel, &format!("elks_mcp-{VERSION}.data/scripts/{name}")), program);
        let npm = unpacked(&format!("npm-elks-mcp-{}-{VERSION}.tgz", target.npm.name));
        assert_eq!(text_of(&npm, &format!("package/{name}")), program);
    }
}

#[test]
fn wheels_state_the_version_and_the_digest_of_each_file() {
    for target in &TARGETS {
        let wheel = unpacked(&format!("elks_mcp-{VERSION}-py3-none-{}.whl", target.wheel));
        let about = format!("elks_mcp-{VERSION}.dist-info");
        let metadata = text_of(&wheel, &format!("{about}/METADATA"));
        assert!(metadata.contains(&format!("\nVersion: {VERSION}\n")), "{metadata}");
        let tags = text_of(&wheel, &format!("{about}/WHEEL"));
        let tags: Vec<&str> = tags.lines().filter_map(|line| line.strip_prefix("Tag: py3-none-")).collect();
        assert_eq!(tags.join("."), target.wheel);
        let mut recorded = Vec::new();
        for line in text_of(&wheel, &format!("{about}/RECORD")).lines() {
            let [name, digest, length] = line.split(',').collect::<Vec<_>>().try_into().expect("three columns");
            if !name.ends_with("/RECORD") {
                let bytes = &wheel[name];
                assert_eq!(digest, format!("sha256={}", URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))));
                assert_eq!(length, bytes.len().to_string());
            }
            recorded.push(name.to_string());
        }
        recorded.sort();
        assert!(recorded.iter().eq(wheel.keys()), "{recorded:?}");
    }
}

#[test]
fn the_npm_launcher_names_a_package_of_the_same_version_for_each_system_and_processor() {
    let launcher = json_of(&unpacked(&format!("npm-elks-mcp-{VERSION}.tgz")), "package/package.json");
    assert_eq!(launcher["version"], VERSION);
    let mut programs = serde_json::Map::new();
    for target in &TARGETS {
        let name = format!("elks-mcp-{}", target.npm.name);
        let package = json_of(&unpacked(&format!("npm-{name}-{VERSION}.tgz")), "package/package.json");
        assert_eq!(package["version"], VERSION);
        assert_eq!(package["os"], json!([target.npm.os]));
        assert_eq!(package["cpu"], json!(target.npm.cpu));
        assert_eq!(launcher["optionalDependencies"][&name], VERSION);
        for cpu in target.npm.cpu {
            programs.insert(format!("{}-{cpu}", target.npm.os), name.clone().into());
        }
        for manifest in [&package, &launcher] {
            assert!(manifest["scripts"].is_null(), "a script would run at the installation");
        }
    }
    assert_eq!(launcher["programs"], Value::from(programs));
    assert_eq!(launcher["optionalDependencies"].as_object().expect("is an object").len(), TARGETS.len());
}

#[test]
fn bundles_state_the_version_and_have_what_they_start() {
    for (system, platform, others) in [
        ("linux", "linux", ["server/elks-mcp-x86_64", "server/elks-mcp-aarch64"].as_slice()),
        ("windows", "win32", &[]),
        ("macos", "darwin", &[]),
    ] {
        let bundle = unpacked(&format!("elks-mcp-{VERSION}-{system}.mcpb"));
        let manifest = json_of(&bundle, "manifest.json");
        assert_eq!(manifest["version"], VERSION);
        assert_eq!(manifest["compatibility"]["platforms"], json!([platform]));
        let entry_point = manifest["server"]["entry_point"].as_str().expect("is a text");
        for file in others.iter().chain([&entry_point]) {
            assert!(bundle.contains_key(*file), "{system}: no {file}");
        }
    }
}

#[test]
fn the_image_is_for_both_processors_of_linux_and_states_the_version() {
    let image = unpacked(&format!("elks-mcp-{VERSION}-image.tar"));
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
        json_of(&image, &format!("blobs/sha256/{}", digest.expect("is a digest")))
    };
    let top = json_of(&image, "index.json")["manifests"][0].clone();
    assert_eq!(top["annotations"]["org.opencontainers.image.ref.name"], VERSION);
    let index = blob(&top);
    let manifests = index["manifests"].as_array().expect("lists manifests");
    let architectures: Vec<&Value> = manifests.iter().map(|manifest| &manifest["platform"]["architecture"]).collect();
    assert_eq!(architectures, ["amd64", "arm64"]);
    for manifest in manifests {
        let manifest = blob(manifest);
        assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], VERSION);
        let config = blob(&manifest["config"]);
        assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], VERSION);
        assert_eq!(config["config"]["User"], "65532:65532");
    }
}

#[test]
fn each_artefact_has_its_component_as_its_layer_and_states_the_version() {
    for kind in COMPONENTS {
        let artefact = unpacked(&format!("{}-{VERSION}-oci.tar", kind.name));
        let top = &json_of(&artefact, "index.json")["manifests"][0];
        let digest = top["digest"].as_str().expect("is a digest").replace(':', "/");
        let manifest = json_of(&artefact, &format!("blobs/{digest}"));
        assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], VERSION);
        assert_eq!(manifest["annotations"]["org.opencontainers.image.licenses"], "MIT OR Apache-2.0");
        let title = &manifest["layers"][0]["annotations"]["org.opencontainers.image.title"];
        assert_eq!(*title, format!("{}.wasm", kind.name));
        let layer = manifest["layers"][0]["digest"].as_str().expect("is a digest").replace(':', "/");
        assert_eq!(artefact[&format!("blobs/{layer}")], component_of(kind).into_bytes());
    }
}

#[test]
fn each_component_is_a_file_of_its_own() {
    for kind in COMPONENTS {
        let name = format!("{}-{VERSION}.wasm", kind.name);
        let file = PACKAGES.iter().find(|package| package.name == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(file.bytes, component_of(kind).into_bytes());
    }
}

#[test]
fn every_package_of_the_registry_entry_is_of_this_version() {
    let entry = PACKAGES.iter().find(|package| package.name == "server.json").expect("is made");
    let entry: Value = serde_json::from_slice(&entry.bytes).expect("is JSON");
    assert_eq!(entry["version"], VERSION);
    let packages = entry["packages"].as_array().expect("lists packages");
    // npm, PyPI, crates.io, the image, and a bundle for each operating system.
    assert_eq!(packages.len(), 7);
    for package in packages {
        let identifier = package["identifier"].as_str().expect("is a text");
        assert!(package["version"] == VERSION || identifier.ends_with(&format!(":{VERSION}")), "{identifier}");
    }
}

#[test]
fn links_into_the_repository_become_absolute_and_others_stay() {
    let text = portable("[a](docs/a.md#b) ![p](docs/demo.svg) [s](#settings) [e](https://46elks.com) end");
    let expected = format!(
        "[a](https://github.com/elks-mcp/elks-mcp/blob/v{VERSION}/docs/a.md#b) \
         ![p](https://github.com/elks-mcp/elks-mcp/raw/v{VERSION}/docs/demo.svg) \
         [s](#settings) [e](https://46elks.com) end"
    );
    assert_eq!(text, expected);
}
