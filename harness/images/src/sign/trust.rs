//! Which keys count, and when: so that one can follow another without a gap, and a lost one can be taken back.

use super::public_key::PublicKey;
use crate::error::ImageError;
use jiff::Timestamp;

/// A key whose signatures count.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    /// What it is called.
    pub name: String,
    /// The key itself.
    pub key: PublicKey,
    /// From when on it counts; always, where this is not said.
    pub from: Option<Timestamp>,
    /// From when on it counts no more; never, where this is not said.
    pub until: Option<Timestamp>,
    /// Whether it was taken back: then nothing counts that it has ever signed.
    pub is_revoked: bool,
}

/// Whether a key counts at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Counts,
    Revoked,
    /// Not yet or no more, in words.
    OutOfTime(String),
}

impl TrustedKey {
    /// A key that always counts.
    #[must_use]
    pub fn new(name: impl Into<String>, key: PublicKey) -> Self {
        Self {
            name: name.into(),
            key,
            from: None,
            until: None,
            is_revoked: false,
        }
    }

    pub(super) fn standing(&self, at: Timestamp) -> Standing {
        if self.is_revoked {
            return Standing::Revoked;
        }
        match (self.from, self.until) {
            (Some(from), _) if at < from => Standing::OutOfTime(format!("counts from {from} on only")),
            (_, Some(until)) if at >= until => Standing::OutOfTime(format!("counts no more since {until}")),
            _ => Standing::Counts,
        }
    }
}

/// Every key that counts for an image. While one key is replaced by the next, both do.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys {
    pub(super) keys: Vec<TrustedKey>,
    pub(super) any_repository: bool,
    at: Option<Timestamp>,
}

impl TrustedKeys {
    /// The one key in this PEM text.
    ///
    /// # Errors
    ///
    /// The text is not a P-256 public key.
    pub fn from_pem(pem: &str) -> Result<Self, ImageError> {
        Ok(PublicKey::from_pem(pem)?.into())
    }

    /// Lets signatures count that name another repository, as cosign does. Without it the path of the repository must be the
    /// image's; the registry may be another one, for a mirror keeps the path.
    #[must_use]
    pub fn for_any_repository(mut self) -> Self {
        self.any_repository = true;
        self
    }

    /// Judges by this time in place of the present one.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.name.as_str())
    }

    /// The keys that count now, for those who judge by keys alone.
    pub fn counting(&self) -> impl Iterator<Item = &PublicKey> {
        let now = self.time();
        let counts = move |key: &&TrustedKey| key.standing(now) == Standing::Counts;
        self.keys.iter().filter(counts).map(|key| &key.key)
    }

    pub(super) fn time(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

impl FromIterator<TrustedKey> for TrustedKeys {
    fn from_iter<Keys: IntoIterator<Item = TrustedKey>>(keys: Keys) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl From<PublicKey> for TrustedKeys {
    fn from(key: PublicKey) -> Self {
        [TrustedKey::new("the key", key)].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;

    #[test]
    fn a_key_counts_between_its_two_times_and_not_when_it_is_revoked() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut key = TrustedKey {
            from: Some(time("2026-01-01T00:00:00Z")),
            until: Some(time("2027-01-01T00:00:00Z")),
            ..TrustedKey::new("a", KeyPair::generate().public_key())
        };
        for (at, counts) in [
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-12-31T23:59:59Z", true),
            ("2027-01-01T00:00:00Z", false),
        ] {
            assert_eq!(key.standing(time(at)) == Standing::Counts, counts, "{at}");
        }
        key.is_revoked = true;
        assert_eq!(key.standing(time("2026-06-01T00:00:00Z")), Standing::Revoked);
    }
}
