//! The user and password of one run, and the check of a request against them.

use base64::Engine as _;
use http::{HeaderMap, HeaderValue, header};
use plumbline_model::Secret;

/// A user and password that a server asks for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user's name; not a secret.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

impl Credentials {
    /// New credentials for `user` with a random password of 192 bits.
    #[must_use]
    pub fn generate(user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: Secret::new(hex::encode(rand::random::<[u8; 24]>())),
        }
    }

    /// What a client with these credentials sends by HTTP basic authentication.
    pub(crate) fn header(&self) -> HeaderValue {
        let pair = format!("{}:{}", self.user, self.password.reveal());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        // Base64 has no character that a header cannot have.
        let mut value =
            HeaderValue::try_from(format!("Basic {encoded}")).unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }

    /// Whether this is the password.
    pub(crate) fn has_password(&self, given: &str) -> bool {
        same(given.as_bytes(), self.password.reveal().as_bytes())
    }

    /// Whether `headers` carry these credentials by HTTP basic authentication.
    pub(crate) fn authorize(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
        else {
            return false;
        };
        let Some((scheme, encoded)) = value.split_once(' ') else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return false;
        }
        let Ok(given) = base64::engine::general_purpose::STANDARD.decode(encoded.trim()) else {
            return false;
        };
        same(
            &given,
            format!("{}:{}", self.user, self.password.reveal()).as_bytes(),
        )
    }
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |all, (left, right)| all | (left ^ right))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_very_credentials_are_accepted() {
        let credentials = Credentials {
            user: "flux".into(),
            password: Secret::new("pa:ss".into()),
        };
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        assert!(credentials.authorize(&headers(&format!("Basic {}", encode("flux:pa:ss")))));
        assert!(credentials.authorize(&headers(&format!("basic {}", encode("flux:pa:ss")))));
        for wrong in ["flux:pa:s", "flux:pa:sss", "flu:pa:ss", "", "flux", ":"] {
            assert!(
                !credentials.authorize(&headers(&format!("Basic {}", encode(wrong)))),
                "{wrong}"
            );
        }
        for wrong in ["Basic", "Basic ???", "Bearer abc", ""] {
            assert!(!credentials.authorize(&headers(wrong)), "{wrong}");
        }
        assert!(!credentials.authorize(&HeaderMap::new()));
    }

    #[test]
    fn generated_passwords_differ_and_are_not_shown() {
        let (one, two) = (Credentials::generate("flux"), Credentials::generate("flux"));
        assert_ne!(one.password, two.password);
        assert!(!format!("{one:?}").contains(one.password.reveal().as_str()));
    }
}
