//! Sends a request and looks at the answer.

use crate::{Located, Predicate, TextCondition, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, time::Duration};

/// Sends a request, as someone outside the cluster does, to the Git server, the registry, the webhook sink or a Service of the cluster
/// (`http://<service>.<namespace>.svc.cluster.local/…`). With `expect` it is sent again until the answer is as expected. Output: `status`, `body`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// Where to.
    pub url: Located<String>,
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is sent along.
    #[serde(default)]
    pub body: Option<String>,
    /// What must come back; without it any answer will do.
    #[serde(default)]
    pub expect: Option<HttpExpectation>,
    /// How long it may take until the answer is as expected.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// Methods of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// The method as it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What must come back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpExpectation {
    /// The status; any of 200 to 299 if absent.
    #[serde(default)]
    pub status: Option<u16>,
    /// What the body must be.
    #[serde(default)]
    pub body: Option<Located<TextCondition>>,
    /// A CEL expression over `status`, `headers` and `body`, the last one as JSON where it is JSON.
    #[serde(default)]
    pub that: Option<Located<Predicate>>,
}

impl Http {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &["status", "body"];
}

impl fmt::Display for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method.word(), self.url)
    }
}
