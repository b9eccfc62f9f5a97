//! Why there is no list of images.

use crate::{error::ImageError, name::NameError};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The operator does not know the release.
    #[error(
        "the operator knows no Flux {version}; it knows, the nearest first: {}",
        known.join(", ")
    )]
    UnknownRelease {
        /// What was asked for.
        version: String,
        /// What is there, the nearest first.
        known: Vec<String>,
    },
    /// The release is there, but not in this variant.
    #[error("Flux {version} has no variant `{variant}`; it has: {}", known.join(", "))]
    UnknownVariant {
        /// The release.
        version: String,
        /// What was asked for.
        variant: String,
        /// What is there.
        known: Vec<String>,
    },
    /// The release has no such controller.
    #[error("Flux {version} has no component `{component}`; it has: {}", known.join(", "))]
    UnknownComponent {
        /// The release.
        version: String,
        /// What was asked for.
        component: String,
        /// What is there.
        known: Vec<String>,
    },
    /// The Helm values are of another operator than the one that was asked for.
    #[error(
        "the values install the operator {of_values}, but the list is to be that of {asked}; change one of them"
    )]
    OtherOperator {
        /// The tag in the values.
        of_values: String,
        /// The version that was asked for.
        asked: String,
    },
    /// The Helm values can't be understood.
    #[error("the operator's values cannot be read: {0}")]
    Values(String),
    /// A registry or a repository that no image can be in.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The data can't be read.
    #[error(transparent)]
    Data(#[from] ImageError),
}
