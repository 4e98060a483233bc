//! Versions are whole, immutable and verified.

use std::collections::BTreeMap;
use std::fs;

use crate::support::empty_folder;
use holdfast_training::artifact::{ArtifactError, Manifest, digest, read_version, sha256_hex, write_version};

fn manifest(version: &str) -> Manifest {
    Manifest {
        name: "risk".into(),
        version: version.into(),
        kind: "risk-linear".into(),
        created_at: "2026-01-02T03:04:05Z".into(),
        data_digest: sha256_hex(b"rows"),
        data_window: Some(["2025-01-01T00:00:00Z".into(), "2025-12-31T00:00:00Z".into()]),
        schema_version: "toy-1".into(),
        seed: 7,
        code_version: "0.1.0".into(),
        trained_by: None,
        licence: "MIT".into(),
        source: "made up".into(),
        metrics: BTreeMap::from([("log_loss".into(), 0.1 + 0.2)]),
        files: vec![],
    }
}

const FILES: [(&str, &[u8]); 2] = [("model.json", b"{}"), ("cards/CARD.md", b"# card")];

#[test]
fn sha256_is_the_published_one() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256_hex(b"abc"), abc);
}

#[test]
fn what_is_written_is_read() {
    let root = empty_folder("artifact_round");
    let dir = write_version(&root, manifest("1"), &FILES).unwrap();
    assert_eq!(dir, root.join("risk/1"));
    let version = read_version(&dir).unwrap();
    assert_eq!(version.read("model.json").unwrap(), b"{}");
    assert_eq!(version.read("cards/CARD.md").unwrap(), b"# card");
    assert_eq!(version.digest, digest(&version.manifest).unwrap());
    assert_eq!(version.digest, sha256_hex(&fs::read(dir.join("manifest.toml")).unwrap()));
    assert_eq!(version.manifest.metrics, manifest("1").metrics, "to the last bit");
    assert!(matches!(version.read("other"), Err(ArtifactError::Unlisted { .. })));
    assert_eq!(fs::read_dir(root.join("risk")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn the_identity_depends_on_the_content() {
    let root = empty_folder("artifact_identity");
    let identity = |version: &str, bytes: &[u8]| {
        read_version(&write_version(&root, manifest(version), &[("model.json", bytes)]).unwrap()).unwrap().digest
    };
    assert_ne!(identity("1", b"{}"), identity("2", b"{ }"));
}

#[test]
fn a_version_never_changes() {
    let root = empty_folder("artifact_exists");
    let dir = write_version(&root, manifest("1"), &FILES).unwrap();
    let again = write_version(&root, manifest("1"), &[("model.json", b"other")]);
    assert!(matches!(again, Err(ArtifactError::Exists { path }) if path == dir));
    assert_eq!(read_version(&dir).unwrap().read("model.json").unwrap(), b"{}");
}

#[test]
fn changes_on_disk_are_named() {
    let root = empty_folder("artifact_changed");
    let dir = write_version(&root, manifest("1"), &FILES).unwrap();
    let version = read_version(&dir).unwrap();
    fs::write(dir.join("model.json"), b"[]").unwrap();
    for error in [read_version(&dir).unwrap_err(), version.read("model.json").unwrap_err()] {
        assert!(matches!(&error, ArtifactError::Changed { path, .. } if path.ends_with("model.json")), "{error}");
    }
    fs::write(dir.join("model.json"), b"longer").unwrap();
    assert!(read_version(&dir).unwrap_err().to_string().contains("6 bytes instead of 2"));
    fs::remove_file(dir.join("model.json")).unwrap();
    assert!(matches!(read_version(&dir), Err(ArtifactError::Io { path, .. }) if path.ends_with("model.json")));
}

#[test]
fn paths_stay_inside() {
    let root = empty_folder("artifact_paths");
    for path in ["../x", "/etc/x", "a//b", "", ".hidden", "a/../b", "a\\b"] {
        let written = write_version(&root, manifest("1"), &[(path, b"")]);
        assert!(matches!(written, Err(ArtifactError::Name { .. })), "{path}");
    }
    for path in ["manifest.toml", "model.json"] {
        let written = write_version(&root, manifest("1"), &[("model.json", b""), (path, b"")]);
        assert!(matches!(written, Err(ArtifactError::Duplicate { .. })), "{path}");
    }
    assert!(matches!(write_version(&root, manifest("../1"), &FILES), Err(ArtifactError::Name { .. })));
    let dir = write_version(&root, manifest("1"), &FILES).unwrap();
    let text = fs::read_to_string(dir.join("manifest.toml")).unwrap();
    fs::write(dir.join("manifest.toml"), text.replace("cards/CARD.md", "../../secret")).unwrap();
    assert!(matches!(read_version(&dir), Err(ArtifactError::Name { .. })));
}

#[test]
fn the_largest_seed_is_kept() {
    let root = empty_folder("artifact_seed");
    let dir = write_version(&root, Manifest { seed: u64::MAX, ..manifest("1") }, &FILES).unwrap();
    assert_eq!(read_version(&dir).unwrap().manifest.seed, u64::MAX);
}
