//! Images and artefacts as registries of containers keep them: an OCI image layout in one tar file.
//!
//! The file is the same bytes each time and needs no container program. `skopeo copy` pushes it as it is.
//!
//! Formats: opencontainers/image-spec, v1.1.

use super::archive::{File, tar};
use anyhow::Result;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The media type of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The media type of a list of manifests.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The blobs of a layout, and the manifests that it offers.
pub(super) struct Layout {
    annotations: Map<String, Value>,
    blobs: Vec<File>,
    manifests: Vec<Value>,
}

impl Layout {
    /// A layout without blobs. Each manifest in it gets the annotations.
    pub(super) fn new(annotations: Map<String, Value>) -> Self {
        Self { annotations, blobs: Vec::new(), manifests: Vec::new() }
    }

    /// Adds a manifest with its config and layers. `platform` is what an image is for.
    pub(super) fn add(&mut self, config: Blob, layers: Vec<Blob>, platform: Option<Value>) -> Result<()> {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(config),
            "layers": layers.into_iter().map(|layer| self.blob(layer)).collect::<Vec<_>>(),
            "annotations": self.annotations,
        });
        let mut descriptor = self.blob(Blob::new(MANIFEST, serde_json::to_vec(&manifest)?));
        if let Some(platform) = platform {
            descriptor["platform"] = platform;
        }
        self.manifests.push(descriptor);
        Ok(())
    }

    /// The layout as a tar file. More than one manifest become one index, which has the tag.
    pub(super) fn into_tar(mut self, tag: &str) -> Result<Vec<u8>> {
        let index = |manifests: &[Value]| json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let mut top = match self.manifests.as_slice() {
            [one] => one.clone(),
            several => {
                let mut several = index(several);
                several["annotations"] = self.annotations.clone().into();
                let bytes = serde_json::to_vec(&several)?;
                self.blob(Blob::new(INDEX, bytes))
            }
        };
        top["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        let mut files = self.blobs;
        files.push(File::text("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#));
        files.push(File::text("index.json", serde_json::to_vec(&index(&[top]))?));
        tar(files, &[])
    }

    /// Keeps a blob once, and describes it.
    fn blob(&mut self, blob: Blob) -> Value {
        let hex = sha256(&blob.bytes);
        let mut descriptor = json!({
            "mediaType": blob.media_type, "digest": format!("sha256:{hex}"), "size": blob.bytes.len(),
        });
        if let Some(title) = blob.title {
            descriptor["annotations"] = json!({"org.opencontainers.image.title": title});
        }
        let name = format!("blobs/sha256/{hex}");
        if !self.blobs.iter().any(|file| file.name == name) {
            self.blobs.push(File::text(name, blob.bytes));
        }
        descriptor
    }
}

/// A blob and what it is.
pub(super) struct Blob {
    media_type: &'static str,
    bytes: Vec<u8>,
    title: Option<String>,
}

impl Blob {
    pub(super) fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, bytes, title: None }
    }

    /// The name under which tools such as `oras` write the blob to a file.
    pub(super) fn titled(self, title: String) -> Self {
        Self { title: Some(title), ..self }
    }
}

/// The SHA-256 of bytes in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
