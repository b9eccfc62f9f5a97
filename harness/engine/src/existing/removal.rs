//! Removing what runs that were killed have left on a cluster that others live on.

use super::{
    connect::{ask_apart, connect},
    estate::OwnNamespace,
};
use plumbline_cluster::{
    existing::{Context, OwnNamespaces, Owner},
    watch::Watches,
};
use plumbline_flux::chain;
use plumbline_model::{Fault, FaultClass};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio::time::Instant;

/// How long it may take: less than the keeper gives a will.
const WITHIN: Duration = Duration::from_secs(90);

/// Of which runs, and where.
pub struct RemovalRequest {
    /// The cluster.
    pub context: Context,
    /// Whose.
    pub owner: Owner,
    /// The environment of the program that gives the credential, if the context has one.
    pub environment: BTreeMap<String, String>,
    /// Where such a program is kept while it runs, and no longer.
    pub runs: PathBuf,
    /// This program: it is started again as the keeper of such a program.
    pub executable: PathBuf,
}

/// A namespace that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftNamespace {
    /// Its name.
    pub name: String,
    /// Why it is still there, if it is.
    pub problem: Option<String>,
}

/// Removes namespaces, and gives those that were found.
///
/// # Errors
/// The cluster cannot be asked.
pub async fn remove_namespaces(request: RemovalRequest) -> Result<Vec<LeftNamespace>, Fault> {
    let RemovalRequest {
        context,
        owner,
        environment,
        runs,
        executable,
    } = request;
    let credential = match context.plugin() {
        None => None,
        // What is left of the program's keeper is found by whoever removes the directories of killed runs.
        Some(plugin) => Some(ask_apart(plugin, &runs, executable, &environment, drop).await?),
    };
    let own = OwnNamespaces::of("", &runs);
    let kubernetes = connect(context, credential, Some(own.clone()))?;
    let found = own.find(&kubernetes, &owner).await.map_err(|error| Fault {
        class: FaultClass::Environment,
        message: format!("the cluster of the context cannot be asked: {}", chain(&error)),
        attachments: Vec::new(),
    })?;
    let watches = Watches::new(kubernetes);
    let deadline = Instant::now() + WITHIN;
    let removing = found.iter().map(async |object| {
        let namespace = OwnNamespace::of(object);
        LeftNamespace {
            name: namespace.name().to_owned(),
            problem: namespace.remove(&watches, deadline).await.err(),
        }
    });
    Ok(futures::future::join_all(removing).await)
}
