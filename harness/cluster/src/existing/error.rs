//! Why a context cannot be used.

use crate::kubernetes::KubernetesError;
use std::{io, path::PathBuf};

/// Why a context cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    /// None of the files is there.
    #[error("there is no kubeconfig: looked for {}; name one with --kubeconfig", listed(.0))]
    NoKubeconfig(Vec<PathBuf>),
    /// A file cannot be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is something else. What is wrong in it is not quoted: these files hold secrets.
    #[error("{} is not a kubeconfig that can be used; `kubectl config view --kubeconfig` with this file says what is wrong", .0.display())]
    NotAKubeconfig(PathBuf),
    /// No context has this name.
    #[error("{} has no context `{name}`; {}", listed(.files), known(.contexts))]
    UnknownContext {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        files: Vec<PathBuf>,
        /// Which contexts there are.
        contexts: Vec<String>,
    },
    /// A context that leads nowhere.
    #[error("the context `{context}` cannot be used: {problem}")]
    Unusable {
        /// Which.
        context: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A namespace that was to be made is there, and somebody else has made it.
    #[error(
        "there is a namespace {0} already, and it is not of this run: nothing was done to it; run again, for another name"
    )]
    ForeignNamespace(String),
    /// A namespace was not made.
    #[error("the namespace {name} was not made")]
    NoNamespace {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Box<KubernetesError>,
    },
    /// The program that gives the credential did not give one.
    #[error("the credential plugin `{program}` gave no credential: {problem}")]
    Plugin {
        /// Which program.
        program: String,
        /// What came of it.
        problem: String,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn known(contexts: &[String]) -> String {
    match contexts {
        [] => "it has none".to_owned(),
        several => format!("there are: {}", several.join(", ")),
    }
}
