//! Judging what is attached to an image: which signature counts, and if none does, why.

use super::{
    evidence::{Broken, Claim, Evidence},
    trust::{Standing, TrustedKey, TrustedKeys},
    verification::{Verified, VerifyError},
};
use crate::name::{Digest, ImageName};
use jiff::Timestamp;

/// Collects what signatures prove. One that counts is enough, whatever else there is: anybody may attach something.
pub(super) struct Judgement<'a> {
    image: &'a ImageName,
    digest: &'a Digest,
    trusted: &'a TrustedKeys,
    at: Timestamp,
    /// The keys whose signature counts, one for each such signature.
    counting: Vec<&'a TrustedKey>,
    revoked: Option<&'a TrustedKey>,
    out_of_time: Option<(&'a TrustedKey, String)>,
    /// Signed by a key that is known, but not this.
    other: Option<String>,
    strangers: usize,
    tampered: Option<String>,
    malformed: Option<String>,
}

impl<'a> Judgement<'a> {
    pub(super) fn new(image: &'a ImageName, digest: &'a Digest, trusted: &'a TrustedKeys) -> Self {
        Self {
            image,
            digest,
            trusted,
            at: trusted.time(),
            counting: Vec::new(),
            revoked: None,
            out_of_time: None,
            other: None,
            strangers: 0,
            tampered: None,
            malformed: None,
        }
    }

    pub(super) const fn is_verified(&self) -> bool {
        !self.counting.is_empty()
    }

    pub(super) fn add(&mut self, found: Result<Evidence, Broken>) {
        let evidence = match found {
            Ok(evidence) => evidence,
            Err(Broken::Tampered(reason)) => return self.tampered = Some(reason),
            Err(Broken::Malformed(reason)) => return self.malformed = Some(reason),
        };
        let signers = self.trusted.keys.iter().filter(|trusted| {
            let mut signatures = evidence.signatures.iter();
            signatures.any(|signature| trusted.key.has_signed(&evidence.message, signature))
        });
        let mut is_stranger = true;
        for signer in signers {
            is_stranger = false;
            if let Err(other) = self.check(evidence.claim.as_ref()) {
                self.other = Some(other);
                continue;
            }
            match signer.standing(self.at) {
                Standing::Counts => self.counting.push(signer),
                Standing::Revoked => self.revoked = Some(signer),
                Standing::OutOfTime(why) => self.out_of_time = Some((signer, why)),
            }
        }
        self.strangers += usize::from(is_stranger);
    }

    /// Whether a claim is about this image; else what it is about.
    fn check(&self, claim: Option<&Claim>) -> Result<(), String> {
        let Some(claim) = claim else {
            return Err(format!(
                "the signature that is attached to {} is about something that is no image",
                self.digest
            ));
        };
        if !claim.digests.contains(self.digest) {
            let signed: Vec<_> = claim.digests.iter().map(ToString::to_string).collect();
            return Err(format!(
                "the signature that is attached to {} is about {}",
                self.digest,
                signed.join(", ")
            ));
        }
        match &claim.repository {
            Some(signed) if !self.trusted.any_repository && !is_path(signed, self.image.repository()) => {
                Err(format!(
                    "its signature is about the repository {signed}, and it is in {}",
                    self.image.without_reference()
                ))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn verdict(self) -> Result<Verified, VerifyError> {
        let image = self.image.to_string();
        if self.is_verified() {
            let mut keys: Vec<_> = self.counting.iter().map(|key| key.name.clone()).collect();
            keys.sort();
            keys.dedup();
            return Ok(Verified {
                digest: self.digest.clone(),
                signatures: self.counting.len(),
                keys,
            });
        }
        Err(if let Some(key) = self.revoked {
            let key = key.name.clone();
            VerifyError::Revoked { image, key }
        } else if let Some((key, reason)) = self.out_of_time {
            let key = key.name.clone();
            VerifyError::Expired { image, key, reason }
        } else if let Some(detail) = self.other.or(self.tampered) {
            VerifyError::DigestMismatch { image, detail }
        } else if self.strangers > 0 {
            VerifyError::WrongKey {
                image,
                signatures: self.strangers,
            }
        } else if let Some(detail) = self.malformed {
            VerifyError::Malformed { image, detail }
        } else {
            VerifyError::Unsigned { image }
        })
    }
}

/// Whether `reference`, a registry and a repository with or without more, has the repository `path`.
fn is_path(reference: &str, path: &str) -> bool {
    let Some((_, signed)) = reference.split_once('/') else {
        return false;
    };
    let signed = signed.split('@').next().unwrap_or_default();
    let (folders, last) = signed
        .rsplit_once('/')
        .map_or(("", signed), |(folders, last)| (folders, last));
    let last = last.split(':').next().unwrap_or_default();
    match folders {
        "" => path == last,
        folders => path.strip_prefix(folders).and_then(|rest| rest.strip_prefix('/')) == Some(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;

    fn evidence(key: &KeyPair, digest: &Digest, repository: Option<&str>) -> Result<Evidence, Broken> {
        Ok(Evidence {
            message: b"message".to_vec(),
            signatures: vec![vec![1], key.sign(b"message").to_der().as_bytes().to_vec()],
            claim: Some(Claim {
                digests: vec![Digest::of(b"else"), digest.clone()],
                repository: repository.map(str::to_owned),
            }),
        })
    }

    fn verdict(
        trusted: &TrustedKeys,
        found: impl IntoIterator<Item = Result<Evidence, Broken>>,
    ) -> Result<Verified, VerifyError> {
        let (image, digest) = ("registry.test/a/b".parse().unwrap(), Digest::of(b"image"));
        let mut judgement = Judgement::new(&image, &digest, trusted);
        found.into_iter().for_each(|found| judgement.add(found));
        judgement.verdict()
    }

    #[test]
    fn one_signature_that_counts_is_enough_whatever_else_there_is() {
        let (key, digest) = (KeyPair::generate(), Digest::of(b"image"));
        let trusted = key.public_key().into();
        let good = || evidence(&key, &digest, None);
        let stranger = || evidence(&KeyPair::generate(), &digest, None);
        let broken = || Err(Broken::Malformed("it is nothing".into()));
        let tampered = || Err(Broken::Tampered("other bytes".into()));
        let other = || evidence(&key, &Digest::of(b"other"), None);
        let all = [stranger(), broken(), tampered(), other(), good()];
        assert_eq!(verdict(&trusted, all).unwrap().signatures, 1);
        let error = |found: Vec<_>| verdict(&trusted, found).unwrap_err();
        assert!(matches!(error(vec![]), VerifyError::Unsigned { .. }));
        assert!(matches!(error(vec![broken()]), VerifyError::Malformed { .. }));
        assert!(matches!(
            error(vec![broken(), stranger()]),
            VerifyError::WrongKey { signatures: 1, .. }
        ));
        for found in [vec![stranger(), other()], vec![tampered(), broken()]] {
            assert!(matches!(error(found), VerifyError::DigestMismatch { .. }));
        }
    }

    #[test]
    fn a_key_that_does_not_count_is_named_unless_another_signed_as_well() {
        let (old, new, digest) = (KeyPair::generate(), KeyPair::generate(), Digest::of(b"image"));
        let known = |revoked: bool, until: Option<&str>| -> TrustedKeys {
            let old = TrustedKey {
                is_revoked: revoked,
                until: until.map(|until| until.parse().unwrap()),
                ..TrustedKey::new("old", old.public_key())
            };
            [old, TrustedKey::new("new", new.public_key())]
                .into_iter()
                .collect()
        };
        let by_old = || evidence(&old, &digest, None);
        let by_new = || evidence(&new, &digest, None);
        assert_eq!(
            verdict(&known(false, None), [by_old(), by_new()]).unwrap().keys,
            ["new", "old"]
        );
        let revoked = known(true, None);
        let error = verdict(&revoked, [by_old()]).unwrap_err();
        assert!(
            matches!(error, VerifyError::Revoked { ref key, .. } if key == "old"),
            "{error}"
        );
        assert_eq!(verdict(&revoked, [by_old(), by_new()]).unwrap().keys, ["new"]);
        let error = verdict(&known(false, Some("2020-01-01T00:00:00Z")), [by_old()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "registry.test/a/b is signed by the key `old` only, which counts no more since 2020-01-01T00:00:00Z; sign it with a key that counts"
        );
    }

    #[test]
    fn a_signature_is_about_a_repository_and_not_about_a_registry() {
        let (key, digest) = (KeyPair::generate(), Digest::of(b"image"));
        let trusted = TrustedKeys::from(key.public_key());
        for same in [
            "registry.test/a/b",
            "127.0.0.1:5000/a/b",
            "ghcr.io/a/b:1",
            "ghcr.io/a/b@sha256:0",
        ] {
            assert!(
                verdict(&trusted, [evidence(&key, &digest, Some(same))]).is_ok(),
                "{same}"
            );
        }
        for other in [
            "registry.test/a",
            "registry.test/a/c",
            "registry.test/x/a/b",
            "a/b",
            "b",
            "",
            "registry.test/b",
        ] {
            let found = || [evidence(&key, &digest, Some(other))];
            let error = verdict(&trusted, found()).unwrap_err();
            assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{other}");
            assert!(verdict(&trusted.clone().for_any_repository(), found()).is_ok());
        }
    }
}
