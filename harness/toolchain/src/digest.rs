//! SHA-256 of files and of folders.

use sha2::{Digest as _, Sha256};
use std::{fs, io, io::Read as _, path::Path};

/// The digest of a file, in hexadecimal digits.
pub(crate) fn file(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    feed(path, &mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

/// The digest of a folder: of the names, lengths and contents of its files, in the order of their names.
pub(crate) fn folder(path: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(path, Path::new(""), &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for name in files {
        let name = name.as_str();
        let file = path.join(name);
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update(fs::metadata(&file)?.len().to_le_bytes());
        feed(&file, &mut digest)?;
    }
    Ok(hex::encode(digest.finalize()))
}

/// The digest of some texts, each with its length so that no two lists share one.
pub(crate) fn texts<'text>(texts: impl IntoIterator<Item = &'text [u8]>) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    hex::encode(digest.finalize())
}

fn feed(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => digest.update(&buffer[..read]),
        }
    }
}

fn collect(root: &Path, below: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_folder_sees_names_contents_and_places() {
        let one = tempfile::tempdir().unwrap();
        fs::create_dir(one.path().join("a")).unwrap();
        fs::write(one.path().join("a/x"), "1").unwrap();
        let first = folder(one.path()).unwrap();
        fs::write(one.path().join("a/x"), "2").unwrap();
        let changed = folder(one.path()).unwrap();
        fs::rename(one.path().join("a/x"), one.path().join("x")).unwrap();
        let moved = folder(one.path()).unwrap();
        assert_ne!(first, changed);
        assert_ne!(changed, moved);
    }

    #[test]
    fn the_digest_of_a_file_is_plain_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        assert_eq!(
            file(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
