//! Kyverno, which looks at the signature of each image before its pod is made.

use crate::{
    Patience, Platform, VerbError,
    names::{ENVIRONMENTS, KYVERNO_CHART, KYVERNO_NAMESPACE, POLICIES_CHART, TRUSTED_KEYS},
};
use plumbline_cluster::{KindSelector, conditions::Verdict, kubernetes::KindReference};
use plumbline_images::PublicKey;
use plumbline_model::Progress;
use serde_json::json;
use std::collections::BTreeMap;

impl Platform {
    /// Brings Kyverno's image in, installs it and what it enforces, and waits until it does.
    ///
    /// # Errors
    /// The image cannot be had, a chart cannot be installed, or a policy is not Ready before the deadline.
    pub async fn install_admission(
        &self,
        environment: &str,
        patience: Patience<'_>,
    ) -> Result<(), VerbError> {
        self.supply().admit_kyverno(&Progress::silent()).await?;
        self.install(KYVERNO_CHART, environment, patience).await?;
        self.install(POLICIES_CHART, environment, patience).await?;
        let policies = KindSelector::all(KindReference::new("kyverno.io", "v1", "ClusterPolicy"));
        for policy in self.kubernetes().list(&policies).await? {
            let reference = policy.reference();
            let what = format!("{} to be Ready", reference.short());
            patience
                .wait(self.watches(), reference, &what, |view| {
                    match view.object().and_then(|policy| policy.condition("Ready")) {
                        Some(condition) if condition.holds() => Verdict::Met,
                        Some(condition) => Verdict::NotYet(condition.to_string()),
                        None => Verdict::NotYet("Kyverno has not looked at it yet".to_owned()),
                    }
                })
                .await?;
        }
        Ok(())
    }

    /// Makes what Kyverno's charts lean on: its namespace with the login of the registry, and the public keys that count
    /// now. Git names them; they are made per run and therefore are in no repository.
    pub(crate) async fn prepare_admission(&self) -> Result<(), VerbError> {
        self.prepare_namespace(KYVERNO_NAMESPACE).await?;
        let mut keys = BTreeMap::new();
        for environment in ENVIRONMENTS {
            let trusted = self.trusted_keys(environment).await?;
            let pems: Result<String, _> = trusted.counting().map(PublicKey::pem).collect();
            keys.insert(environment, pems?);
        }
        self.kubernetes()
            .apply(&json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": TRUSTED_KEYS, "namespace": KYVERNO_NAMESPACE},
                "data": keys,
            }))
            .await?;
        Ok(())
    }
}
