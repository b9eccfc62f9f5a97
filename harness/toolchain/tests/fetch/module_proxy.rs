//! A Go module proxy in a folder, for one module.

use sha2::{Digest as _, Sha256};
use std::{fs, path::Path};

/// Publishes version 1.0.0 of a module and returns its checksum; the first file is its go.mod.
pub(crate) fn publish(proxy: &Path, module: &str, files: &[(&str, &str)]) -> String {
    let versions = proxy.join(module).join("@v");
    fs::create_dir_all(&versions).unwrap();
    let named: Vec<_> = files
        .iter()
        .map(|(name, text)| (format!("{module}@v1.0.0/{name}"), *text))
        .collect();
    fs::write(versions.join("v1.0.0.info"), "{\"Version\":\"v1.0.0\"}").unwrap();
    fs::write(versions.join("v1.0.0.mod"), files[0].1).unwrap();
    fs::write(versions.join("v1.0.0.zip"), stored_zip(&named)).unwrap();
    directory_sum(&named)
}

/// A zip archive without compression.
fn stored_zip(files: &[(String, &str)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let offset = archive.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
        let mut checksum = flate2::Crc::new();
        checksum.update(text.as_bytes());
        common.extend(checksum.sum().to_le_bytes());
        common.extend((text.len() as u32).to_le_bytes());
        common.extend((text.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (archive.len() as u32, files.len() as u16);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

/// The checksum that Go gives a module: over the sorted list of the checksums of its files.
fn directory_sum(files: &[(String, &str)]) -> String {
    let mut lines: Vec<_> = files.iter().collect();
    lines.sort();
    let list: String = lines
        .iter()
        .map(|(name, text)| format!("{}  {name}\n", hex::encode(Sha256::digest(text))))
        .collect();
    format!(
        "h1:{}",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::digest(list))
    )
}
