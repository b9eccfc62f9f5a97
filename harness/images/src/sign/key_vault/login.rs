//! Who logs in at a vault, and where: the vault names the place, but the secret goes to no other than is expected.

use plumbline_model::Secret;
use reqwest::{
    Url,
    header::{HeaderMap, WWW_AUTHENTICATE},
};

/// Where clients of Azure log in.
pub const AZURE_AUTHORITY: &str = "https://login.microsoftonline.com";

/// A client that may use a vault.
#[derive(Clone, Debug)]
pub struct KeyVaultLogin {
    /// Its tenant; without one, the vault's.
    pub tenant: Option<String>,
    /// Its name.
    pub client: String,
    /// Its secret.
    pub secret: Secret<String>,
    /// Where it logs in: [`AZURE_AUTHORITY`], or that of another cloud.
    pub authority: String,
}

/// Where a token is to be had, and what for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub url: String,
    /// What is sent, as a form; it has the secret in it.
    pub form: Secret<String>,
}

impl KeyVaultLogin {
    /// What to ask for after a vault has answered that it wants a token.
    pub(super) fn answer(&self, vault: &Url, headers: &HeaderMap) -> Result<TokenRequest, String> {
        let challenge = headers
            .get(WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or("the vault wants a login, but does not say by a token from where")?;
        let place = field(challenge, "authorization")
            .or_else(|| field(challenge, "authorization_uri"))
            .ok_or("the vault does not say where a token is to be had")?;
        let resource = field(challenge, "resource").or_else(|| field(challenge, "scope"));
        let resource = resource.ok_or("the vault does not say what a token is to be for")?;
        let resource = resource.trim_end_matches("/.default");
        // A token for one vault's domain is not for any other host to have.
        let domain = Url::parse(resource)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let host = vault.host_str().unwrap_or_default();
        let is_of_domain = domain.is_some_and(|domain| {
            host.strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        if !is_of_domain {
            return Err(format!(
                "the vault {host} asks for a token for {resource}, which it is no part of"
            ));
        }
        let authority = self.authority.trim_end_matches('/');
        let tenant = place
            .strip_prefix(authority)
            .and_then(|path| path.strip_prefix('/'))
            .filter(|tenant| {
                !tenant.is_empty()
                    && tenant
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            })
            .ok_or_else(|| format!("the vault wants a login at {place}, and the login is for {authority}"))?;
        if let Some(own) = &self.tenant
            && own != tenant
        {
            return Err(format!(
                "the vault is of the tenant {tenant}, and the login is of {own}"
            ));
        }
        Ok(TokenRequest {
            url: format!("{authority}/{tenant}/oauth2/v2.0/token"),
            form: self.form(&format!("{resource}/.default")),
        })
    }

    fn form(&self, scope: &str) -> Secret<String> {
        let mut fields = form_of([
            ("grant_type", "client_credentials"),
            ("client_id", &self.client),
            ("scope", scope),
        ]);
        fields.push_str(&format!(
            "&{}",
            form_of([("client_secret", self.secret.reveal())])
        ));
        Secret::new(fields)
    }
}

fn form_of<const COUNT: usize>(fields: [(&str, &str); COUNT]) -> String {
    let encode = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let fields = fields.map(|(name, value)| format!("{name}={}", encode(value)));
    fields.join("&")
}

/// The value of a field of a challenge: `name="value"`, the fields behind commas.
fn field<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    challenge.split(',').find_map(|field| {
        let (key, value) = field.trim().split_once('=')?;
        (key == name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str =
        r#"Bearer authorization="https://login.example/tenant-1", resource="https://vault.example""#;

    fn login() -> KeyVaultLogin {
        KeyVaultLogin {
            tenant: None,
            client: "client".to_owned(),
            secret: Secret::new("s&cret=1".to_owned()),
            authority: "https://login.example/".to_owned(),
        }
    }

    fn answer(login: &KeyVaultLogin, vault: &str, challenge: &str) -> Result<TokenRequest, String> {
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, challenge.parse().unwrap())]);
        login.answer(&Url::parse(vault).unwrap(), &headers)
    }

    #[test]
    fn the_vault_says_where_a_token_is_to_be_had() {
        let request = answer(&login(), "https://mine.vault.example/keys/a", CHALLENGE).unwrap();
        assert_eq!(request.url, "https://login.example/tenant-1/oauth2/v2.0/token");
        assert_eq!(
            request.form.reveal(),
            "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fvault.example%2F.default&client_secret=s%26cret%3D1"
        );
        assert!(!format!("{request:?} {:?}", login()).contains("cret=1"));
    }

    #[test]
    fn the_secret_goes_where_it_belongs_and_a_token_is_for_no_other_vault() {
        let mine = "https://mine.vault.example";
        let elsewhere = CHALLENGE.replace("login.example", "login.example.evil");
        let deeper = CHALLENGE.replace("tenant-1", "tenant-1/../x");
        for (vault, challenge) in [
            (mine, elsewhere.as_str()),
            (mine, &deeper),
            (mine, "Basic realm=x"),
            (mine, "Bearer resource=\"https://vault.example\""),
            ("https://evil.example", CHALLENGE),
            ("https://evilvault.example", CHALLENGE),
        ] {
            assert!(answer(&login(), vault, challenge).is_err(), "{vault} {challenge}");
        }
        let mut other = login();
        other.tenant = Some("tenant-2".to_owned());
        let error = answer(&other, mine, CHALLENGE).unwrap_err();
        assert_eq!(
            error,
            "the vault is of the tenant tenant-1, and the login is of tenant-2"
        );
    }
}
