//! What refers to a manifest: listed by the registry itself, or by clients under a tag where it does not.

use super::{
    Registry,
    authorization::Scope,
    connection::{bounded, success},
    manifests::{LARGEST, accepted},
};
use crate::{
    error::ImageError,
    manifest::{INDEX, Manifest},
    name::Digest,
    patience::Patience,
};
use futures::FutureExt;
use reqwest::{Method, Response, StatusCode, Url, header};
use serde_json::{Value, json};

/// How many pages of one list are read.
const PAGES: usize = 100;

/// The answers of registries that do not list referrers.
const UNSUPPORTED: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::NOT_IMPLEMENTED,
];

/// What refers to a manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrers {
    /// The descriptors, as they are in the list.
    pub entries: Vec<Value>,
    /// Whether the registry keeps the list; otherwise clients do, under a tag.
    pub is_kept_by_registry: bool,
    /// The list of the clients, where there is one.
    pub list: Option<Manifest>,
}

impl Referrers {
    /// The digests of all that is listed.
    ///
    /// # Errors
    ///
    /// An entry has none.
    pub fn digests(&self) -> Result<Vec<Digest>, ImageError> {
        self.entries
            .iter()
            .map(|entry| Ok(digest_in(entry).unwrap_or_default().parse()?))
            .collect()
    }
}

impl Registry {
    /// What refers to `digest`.
    pub async fn referrers(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<Referrers, ImageError> {
        let shown = format!("the referrers of {}", self.show(repository, &digest.to_string()));
        let mut entries = Vec::new();
        let mut next = Some(self.url(repository, &format!("referrers/{digest}"))?);
        for _ in 0..PAGES {
            let Some(url) = next.take() else {
                break;
            };
            let mut call = self.call(Method::GET, url.clone(), Scope::pull(repository), &shown);
            call.headers.extend(accepted());
            let page = self
                .retry(patience, || {
                    async {
                        let response = self.send(&call).await?;
                        if UNSUPPORTED.contains(&response.status()) {
                            return Ok(None);
                        }
                        let response = success(response, &shown).await?;
                        let following = following(&response, &url);
                        Ok(Some((bounded(response, LARGEST, &shown).await?, following)))
                    }
                    .boxed()
                })
                .await?;
            let Some((page, following)) = page else {
                return self.listed_by_clients(repository, digest, patience).await;
            };
            entries.extend(entries_of(&shown, &page)?);
            next = following.filter(|next| self.owns(next));
        }
        Ok(Referrers {
            entries,
            is_kept_by_registry: true,
            list: None,
        })
    }

    async fn listed_by_clients(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<Referrers, ImageError> {
        let tag = digest.tag("");
        let list = self.find_manifest(repository, &tag, patience).await?;
        // Whoever made the tag: what is no index lists nothing.
        let list = list.filter(|list| list.children.is_some());
        let entries = match &list {
            Some(list) => entries_of(&self.show(repository, &tag), &list.bytes)?,
            None => Vec::new(),
        };
        Ok(Referrers {
            entries,
            is_kept_by_registry: false,
            list,
        })
    }

    /// Lists `wanted` for `digest` where the registry does not do that by itself, as clients then have to.
    pub async fn ensure_referrers(
        &self,
        repository: &str,
        digest: &Digest,
        wanted: &Referrers,
        patience: Patience,
    ) -> Result<(), ImageError> {
        let present = self.referrers(repository, digest, patience).await?;
        if present.is_kept_by_registry {
            return Ok(());
        }
        let is_present = |entry: &&Value| {
            present
                .entries
                .iter()
                .any(|present| digest_in(present) == digest_in(entry))
        };
        if wanted.entries.iter().all(|entry| is_present(&entry)) {
            return Ok(());
        }
        let list = match (&wanted.list, &present.list) {
            // The same bytes, so the same digest.
            (Some(list), None) => list.clone(),
            _ => {
                let missing = wanted.entries.iter().filter(|entry| !is_present(entry));
                let all = present.entries.iter().chain(missing).collect::<Vec<_>>();
                let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": all});
                Manifest::parse("a list of referrers", list.to_string().into())?
            }
        };
        self.push_manifest(repository, &digest.tag(""), &list, patience)
            .await
    }
}

fn digest_in(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

fn entries_of(what: &str, list: &[u8]) -> Result<Vec<Value>, ImageError> {
    let mut list: Value = serde_json::from_slice(list).map_err(|error| ImageError::malformed(what, error))?;
    match list.get_mut("manifests").map(Value::take) {
        Some(Value::Array(entries)) => Ok(entries),
        // Some registries write an empty list so.
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(ImageError::malformed(what, "it has no list of manifests")),
    }
}

/// The next page, where the header `Link` names one.
fn following(response: &Response, here: &Url) -> Option<Url> {
    next_in(response.headers().get(header::LINK)?.to_str().ok()?, here)
}

fn next_in(links: &str, here: &Url) -> Option<Url> {
    let link = links
        .split(',')
        .find(|link| link.contains("rel=\"next\"") || link.contains("rel=next"))?;
    let (_, link) = link.split_once('<')?;
    let (target, _) = link.split_once('>')?;
    here.join(target).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_the_link_says() {
        let here = "https://registry.example/v2/a/referrers/b?n=1".parse().unwrap();
        for (links, next) in [
            (
                r#"</v2/a/referrers/b?n=1&last=c>; rel="next""#,
                "https://registry.example/v2/a/referrers/b?n=1&last=c",
            ),
            ("<https://other.example/x>; rel=next", "https://other.example/x"),
            (
                r#"<first>; rel="first", <second>; rel="next""#,
                "https://registry.example/v2/a/referrers/second",
            ),
            (r#"<first>; rel="first""#, ""),
            ("rel=next", ""),
            ("", ""),
        ] {
            let found = next_in(links, &here).map(String::from).unwrap_or_default();
            assert_eq!(found, next, "{links}");
        }
    }

    #[test]
    fn a_list_may_be_empty_in_two_ways_but_not_missing() {
        for list in [r#"{"manifests":[]}"#, r#"{"manifests":null}"#] {
            assert!(entries_of("it", list.as_bytes()).unwrap().is_empty());
        }
        for list in ["{}", "[]", r#"{"manifests":{}}"#, "x"] {
            assert!(entries_of("it", list.as_bytes()).is_err(), "{list}");
        }
    }
}
