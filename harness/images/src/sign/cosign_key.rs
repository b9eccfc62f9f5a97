//! The encrypted private keys of cosign: PEM around JSON around scrypt and a NaCl secret box.

use crate::error::ImageError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{
    Key, Nonce, XSalsa20Poly1305,
    aead::{Aead, KeyInit},
};
use plumbline_model::Secret;
use rand::RngCore as _;
use serde::{Deserialize, Serialize};

/// What cosign and the libraries around it have called such a key.
const LABELS: [&str; 2] = ["ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"];

/// The only cipher that cosign uses.
const CIPHER: &str = "nacl/secretbox";

/// cosign uses 2^16 (older: 2^15); a file that asks for more than this wants to use up the memory.
const LARGEST_COST: u64 = 1 << 18;

#[derive(Serialize, Deserialize)]
struct Envelope {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Derivation {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    #[serde(rename = "N")]
    cost: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The lower of the costs that cosign accepts: it takes 32 MB for a moment, the other one twice that.
const COST: u64 = 1 << 15;

/// The PEM of an encrypted key, as `cosign generate-key-pair` writes it.
pub(super) fn encrypt(
    der: &Secret<Vec<u8>>,
    password: &Secret<String>,
) -> Result<Secret<String>, ImageError> {
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    rand::rng().fill_bytes(&mut salt);
    rand::rng().fill_bytes(&mut nonce);
    let kdf = Derivation {
        name: "scrypt".to_owned(),
        params: Parameters {
            cost: COST,
            r: 8,
            p: 1,
        },
        salt: STANDARD.encode(salt),
    };
    let key = derive(&kdf, password)?;
    let sealed = XSalsa20Poly1305::new(Key::from_slice(key.reveal()))
        .encrypt(Nonce::from_slice(&nonce), der.reveal().as_slice())
        .map_err(|_| refuse("it cannot be encrypted"))?;
    let envelope = Envelope {
        kdf,
        cipher: Cipher {
            name: CIPHER.to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(sealed),
    };
    let json = serde_json::to_vec(&envelope).map_err(|error| refuse(&error.to_string()))?;
    let body = STANDARD.encode(json);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let label = LABELS[1];
    let pem = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    );
    Ok(Secret::new(pem))
}

/// The PKCS#8 DER of an encrypted key.
pub(super) fn decrypt(
    pem: &Secret<String>,
    password: &Secret<String>,
) -> Result<Secret<Vec<u8>>, ImageError> {
    let envelope: Envelope = serde_json::from_slice(&unarmour(pem.reveal())?)
        .map_err(|_| refuse("its body is not what cosign writes"))?;
    let key = derive(&envelope.kdf, password)?;
    if envelope.cipher.name != CIPHER {
        return Err(refuse(&format!(
            "its cipher `{}` is not known",
            envelope.cipher.name
        )));
    }
    let nonce: [u8; 24] = decode(&envelope.cipher.nonce)?
        .try_into()
        .map_err(|_| refuse("its nonce does not have 24 bytes"))?;
    XSalsa20Poly1305::new(Key::from_slice(key.reveal()))
        .decrypt(
            Nonce::from_slice(&nonce),
            decode(&envelope.ciphertext)?.as_slice(),
        )
        .map(Secret::new)
        .map_err(|_| refuse("the password is wrong, or the file was changed"))
}

fn derive(derivation: &Derivation, password: &Secret<String>) -> Result<Secret<[u8; 32]>, ImageError> {
    let Parameters { cost, r, p } = derivation.params;
    let known =
        derivation.name == "scrypt" && cost.is_power_of_two() && cost <= LARGEST_COST && r <= 8 && p <= 4;
    if !known {
        return Err(refuse("its key derivation is not the one that cosign uses"));
    }
    // At most 18.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a power of two that was just bounded"
    )]
    let parameters = scrypt::Params::new(cost.trailing_zeros() as u8, r, p)
        .map_err(|_| refuse("the parameters of its key derivation are wrong"))?;
    let mut key = [0; 32];
    scrypt::scrypt(
        password.reveal().as_bytes(),
        &decode(&derivation.salt)?,
        &parameters,
        &mut key,
    )
    .map_err(|_| refuse("the parameters of its key derivation are wrong"))?;
    Ok(Secret::new(key))
}

fn unarmour(pem: &str) -> Result<Vec<u8>, ImageError> {
    let body = LABELS.iter().find_map(|label| {
        let begin = format!("-----BEGIN {label}-----");
        let end = format!("-----END {label}-----");
        pem.split_once(&begin)?.1.split_once(&end).map(|(body, _)| body)
    });
    let body = body.ok_or_else(|| refuse("it is not an encrypted cosign key in PEM"))?;
    decode(&body.split_ascii_whitespace().collect::<String>())
}

fn decode(text: &str) -> Result<Vec<u8>, ImageError> {
    STANDARD
        .decode(text)
        .map_err(|_| refuse("a part of it is not base64"))
}

fn refuse(reason: &str) -> ImageError {
    ImageError::Key {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A key as cosign writes it, but with a cost that lets a test be quick.
    fn armoured(cost: u64, plain: &[u8], password: &str) -> Secret<String> {
        let (salt, nonce) = ([7; 32], [9; 24]);
        let mut key = [0; 32];
        let parameters = scrypt::Params::new(4, 8, 1).unwrap();
        scrypt::scrypt(password.as_bytes(), &salt, &parameters, &mut key).unwrap();
        let ciphertext = XSalsa20Poly1305::new(Key::from_slice(&key))
            .encrypt(Nonce::from_slice(&nonce), plain)
            .unwrap();
        let body = json!({
            "kdf": {"name": "scrypt", "params": {"N": cost, "r": 8, "p": 1}, "salt": STANDARD.encode(salt)},
            "cipher": {"name": "nacl/secretbox", "nonce": STANDARD.encode(nonce)},
            "ciphertext": STANDARD.encode(ciphertext),
        });
        let body = STANDARD.encode(body.to_string());
        let label = LABELS[1];
        Secret::new(format!(
            "-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"
        ))
    }

    #[test]
    fn the_right_password_opens_and_a_wrong_one_does_not() {
        let pem = armoured(16, b"key", "correct horse");
        assert_eq!(
            decrypt(&pem, &Secret::new("correct horse".into()))
                .unwrap()
                .reveal(),
            b"key"
        );
        let error = decrypt(&pem, &Secret::new("wrong".into()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("the password is wrong"), "{error}");
    }

    #[test]
    fn a_derivation_that_would_use_up_the_memory_is_refused() {
        let pem = armoured(1 << 40, b"key", "correct horse");
        assert!(decrypt(&pem, &Secret::new("correct horse".into())).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(body in "[A-Za-z0-9+/=\\n{}\":]{0,80}") {
            let label = LABELS[0];
            let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----");
            prop_assert!(decrypt(&Secret::new(pem), &Secret::new(String::new())).is_err());
        }
    }
}
