//! Breaks a part of the platform on purpose.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Breaks a part of the platform, or mends it. What is still broken at the end of the scenario is mended then.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Ends a controller's process as a crash would: `kill: kustomize-controller`.
    Kill(Located<String>),
    /// Changes how the Git server answers.
    Git(Availability),
    /// Changes how the private registry answers.
    Registry(Availability),
    /// Changes how the webhook sink answers.
    Webhook(Availability),
    /// Changes how the private registry answers requests for one repository. Others do not notice.
    Repository(RepositoryFault),
    /// Has the private registry serve other content than a digest says, in one repository.
    Content(ContentFault),
}

/// How the private registry answers requests for one repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFault {
    /// The repository's name, without that of the registry.
    pub name: Located<String>,
    /// Which requests are meant.
    #[serde(default)]
    pub part: RepositoryPart,
    /// How they are answered.
    pub answers: Availability,
}

/// Which requests for a repository are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryPart {
    /// All of them.
    #[default]
    Whole,
    /// Those that ask for what is attached to an image: its signatures.
    Attachments,
}

/// A digest that the private registry serves other content under.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentFault {
    /// The name of the repository, without that of the registry.
    pub repository: Located<String>,
    /// The digest of a manifest or a blob in it. It is announced as before, also by HEAD.
    pub digest: String,
    /// What of it is served otherwise.
    #[serde(default)]
    pub part: ContentPart,
    /// What is served.
    pub becomes: OtherContent,
}

/// What of an image is served otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContentPart {
    /// That which has the digest.
    #[default]
    Itself,
    /// The first layer of the image with the digest; of an index, that of its first child.
    Layer,
}

/// What is served in place of the content of a digest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherContent {
    /// The same with one byte changed; a manifest can still be parsed.
    OneByteOff,
    /// That of another digest of the repository; with `part: layer`, the first layer of that image.
    ContentOf(String),
}

impl Fault {
    /// The repository that it is about, if nobody else notices it.
    #[must_use]
    pub fn repository(&self) -> Option<&Located<String>> {
        match self {
            Self::Repository(fault) => Some(&fault.name),
            Self::Content(fault) => Some(&fault.repository),
            Self::Kill(_) | Self::Git(_) | Self::Registry(_) | Self::Webhook(_) => None,
        }
    }
}

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// As it should.
    Up,
    /// Not at all: connections are broken off.
    Down,
    /// Each answer comes so much later.
    Slow(Timespan),
}

impl fmt::Display for Availability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => formatter.write_str("up"),
            Self::Down => formatter.write_str("down"),
            Self::Slow(delay) => write!(formatter, "slow by {delay}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(controller) => write!(formatter, "kill {controller}"),
            Self::Git(availability) => write!(formatter, "the Git server is {availability}"),
            Self::Registry(availability) => write!(formatter, "the registry is {availability}"),
            Self::Webhook(availability) => write!(formatter, "the webhook sink is {availability}"),
            Self::Repository(fault) => {
                let part = match fault.part {
                    RepositoryPart::Whole => "",
                    RepositoryPart::Attachments => "what is attached to images of ",
                };
                let RepositoryFault { name, answers, .. } = fault;
                write!(formatter, "{part}the repository {name} is {answers}")
            }
            Self::Content(fault) => {
                let ContentFault {
                    repository, digest, ..
                } = fault;
                write!(
                    formatter,
                    "the repository {repository} serves other content as {digest}"
                )
            }
        }
    }
}
