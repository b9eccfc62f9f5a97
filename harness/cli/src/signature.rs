//! Signatures of reports: made when a report is written, checked when it is verified. They are those of `cosign sign-blob`.

use crate::{arguments::Outputs, commands::CommandError, directories::key_password};
use plumbline_images::{KeyPair, is_blob_signed, sign_blob};
use plumbline_model::Secret;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Holds the private key.
pub struct Signer(KeyPair);

impl Signer {
    /// The signer that was asked for. The key is read before anything is started, so that a wrong one costs no run.
    pub fn of(outputs: &Outputs) -> Result<Option<Self>, CommandError> {
        let key = outputs.sign_key.as_deref().map(private_key).transpose()?;
        Ok(key.map(Self))
    }

    /// The signature of a file's content, as the content of a file.
    pub fn sign(&self, content: &str) -> String {
        sign_blob(&self.0, content.as_bytes())
    }
}

/// The private key in a file, as cosign or another program wrote it; encrypted, with its password in the environment, or plain.
pub fn private_key(path: &Path) -> Result<KeyPair, CommandError> {
    let unusable = |why: String| CommandError::Usage(format!("cannot sign with {}: {why}", path.display()));
    let pem = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let is_encrypted = pem.contains("-----BEGIN ENCRYPTED ");
    let pem = Secret::new(pem);
    let key = match (is_encrypted, key_password()) {
        (false, _) => KeyPair::from_pkcs8_pem(&pem),
        (true, Some(password)) => KeyPair::from_cosign(&pem, &password),
        (true, None) => {
            return Err(unusable(
                "it is encrypted; put its password into COSIGN_PASSWORD".into(),
            ));
        }
    };
    key.map_err(|error| unusable(error.to_string()))
}

/// Where the signature of a file is, unless one says otherwise.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".sig");
    name.into()
}

/// Whether `content` is signed by the owner of the public key.
pub fn is_signed(content: &[u8], key: &Path, signature: &Path) -> Result<bool, CommandError> {
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))
    };
    let public = String::from_utf8_lossy(&read(key)?).into_owned();
    let signature = String::from_utf8_lossy(&read(signature)?).into_owned();
    is_blob_signed(&public, content, &signature)
        .map_err(|error| CommandError::Usage(format!("{}: {error}", key.display())))
}
