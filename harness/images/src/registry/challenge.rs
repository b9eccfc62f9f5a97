//! How a registry asks who is there: the header `WWW-Authenticate`.

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user and a password, with every request.
    Basic,
    /// A token.
    Bearer {
        /// The URL where tokens are.
        realm: String,
        /// What the registry is called there.
        service: Option<String>,
    },
}

impl Challenge {
    /// The strongest challenge in the values of the header; nothing, if there is none that is understood.
    pub fn strongest<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut basic = false;
        for value in values {
            for (scheme, parameters) in schemes(value) {
                if scheme.eq_ignore_ascii_case("basic") {
                    basic = true;
                }
                let find = |name: &str| {
                    let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.clone())
                };
                if let (true, Some(realm)) = (scheme.eq_ignore_ascii_case("bearer"), find("realm")) {
                    let service = find("service");
                    return Some(Self::Bearer { realm, service });
                }
            }
        }
        basic.then_some(Self::Basic)
    }
}

/// The schemes of one header, each with its parameters: `Basic realm="x", Bearer realm="y",service="z"`.
fn schemes(value: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut schemes: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() && after.is_empty() {
            return schemes;
        }
        match after.strip_prefix('=') {
            Some(after) => {
                let (text, after) = parameter(after);
                if let Some((_, parameters)) = schemes.last_mut() {
                    parameters.push((word.to_owned(), text));
                }
                rest = after;
            }
            None => {
                schemes.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
}

/// A value, quoted or not, and what is behind it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        for (value, expected) in [
            (
                hub,
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (r#"Basic realm="Registry, \"ours\"""#, Some(Challenge::Basic)),
            (
                r#"Basic realm="x", Bearer realm="https://t/""#,
                bearer("https://t/", None),
            ),
            (
                r#"bearer Realm=https://t/ , service = x"#,
                bearer("https://t/", None),
            ),
            (r#"Bearer service="x""#, None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::strongest([value]), expected, "{value}");
        }
    }

    #[test]
    fn a_challenge_may_be_in_any_of_several_headers() {
        let values = ["Negotiate", r#"Basic realm="x""#, r#"Bearer realm="https://t/""#];
        assert_eq!(Challenge::strongest(values), bearer("https://t/", None));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic_or_hang(value in "[a-zB \",=\\\\\\t\u{e4}]{0,60}") {
            let _ = Challenge::strongest([value.as_str()]);
        }
    }
}
