//! The container image, from scratch: the program, certificates, an empty folder for the journal, and licences. And
//! each component as an artefact for other hosts, which load components from registries of containers.

use super::about::About;
use super::archive::{File, OwnedFolder, gzip, tar};
use super::oci::{Blob, Layout, sha256};
use super::{Package, REGISTRY_NAME, REPOSITORY, Release, VERSION};
use crate::component::Kind;
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The user that the program runs as. It has no name and no home.
const USER: u64 = 65532;

/// Where the program finds certificates, as on Debian.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// How long the lines of a certificate are.
const PEM_COLUMNS: usize = 64;

/// The image for both processors of Linux, and the components.
pub(super) fn packages(release: &Release) -> Result<Vec<Package>> {
    let mut image = Layout::new(annotations(&release.about, "elks-mcp"));
    for program in &release.programs {
        if let Some(architecture) = program.target.image {
            let mut files =
                vec![File::program("elks-mcp", program.bytes.clone()), File::text(CERTIFICATES, certificates()?)];
            files.extend(release.licences.iter().cloned().map(|file| file.below("licenses")));
            let layer = tar(files, &[OwnedFolder { name: "state/", user: USER }])?;
            let config = config(release, architecture, &sha256(&layer));
            image.add(
                Blob::new("application/vnd.oci.image.config.v1+json", serde_json::to_vec(&config)?),
                vec![Blob::new("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layer)?)],
                Some(json!({"architecture": architecture, "os": "linux"})),
            )?;
        }
    }
    let mut packages = vec![Package { name: format!("elks-mcp-{VERSION}-image.tar"), bytes: image.into_tar(VERSION)? }];
    for (kind, component) in &release.components {
        packages.push(artefact(&release.about_component, &release.capabilities, kind, component)?);
    }
    Ok(packages)
}

/// How a container of the image starts.
fn config(release: &Release, architecture: &str, layer: &str) -> Value {
    let mut labels = annotations(&release.about, "elks-mcp");
    labels.insert("io.modelcontextprotocol.server.name".into(), REGISTRY_NAME.into());
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/elks-mcp"],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
    })
}

/// What registries show. The keys are those of opencontainers/image-spec, v1.1.
fn annotations(about: &About, title: &str) -> Map<String, Value> {
    let annotations = [
        ("title", title),
        ("description", &about.description),
        ("version", VERSION),
        ("source", REPOSITORY),
        ("licenses", &about.licence),
    ];
    annotations.iter().map(|(key, text)| (format!("org.opencontainers.image.{key}"), (*text).into())).collect()
}

/// The root certificates that Mozilla trusts, as the crate webpki-root-certs has them.
///
/// They are the same on every machine that builds the image.
fn certificates() -> Result<String> {
    let mut file = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let base64 = STANDARD.encode(certificate);
        file.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in base64.as_bytes().chunks(PEM_COLUMNS) {
            writeln!(file, "{}", std::str::from_utf8(line)?)?;
        }
        file.push_str("-----END CERTIFICATE-----\n");
    }
    Ok(file)
}

/// A component in the form of the CNCF's "Wasm OCI Artifact layout", as `wkg` and other hosts pull it.
pub(super) fn artefact(about: &About, capabilities: &Value, kind: &Kind, component: &[u8]) -> Result<Package> {
    let names = |of: &str| -> Result<Vec<&String>> {
        let listed = capabilities[kind.key][of].as_object();
        Ok(listed.with_context(|| format!("the capabilities list {of}"))?.keys().collect())
    };
    let config = json!({
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [format!("sha256:{}", sha256(component))],
        "component": {"exports": names("exports")?, "imports": names("imports")?},
    });
    let mut layout = Layout::new(annotations(about, kind.name));
    layout.add(
        Blob::new("application/vnd.wasm.config.v0+json", serde_json::to_vec(&config)?),
        vec![Blob::new("application/wasm", component.to_vec()).titled(format!("{}.wasm", kind.name))],
        None,
    )?;
    Ok(Package { name: format!("{}-{VERSION}-oci.tar", kind.name), bytes: layout.into_tar(VERSION)? })
}
