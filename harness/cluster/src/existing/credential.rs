//! Programs that give credentials, as clouds have them: what they are asked, and what they answer.

use super::ExistingError;
use kube::config::{Cluster, ExecConfig, ExecInteractiveMode};
use plumbline_keeper::{Command, Keeper};
use plumbline_model::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// How long a plugin may take; nobody is there to type anything.
const WITHIN: Duration = Duration::from_secs(60);
/// In which variable a plugin finds what it is asked.
const QUESTION: &str = "KUBERNETES_EXEC_INFO";
/// The kind of what is asked and answered.
const KIND: &str = "ExecCredential";
/// How much of what a plugin complains of is told.
const TOLD: usize = 300;

/// A program that gives a credential.
#[derive(Clone, Debug)]
pub struct CredentialPlugin {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    question: Value,
    hint: Option<String>,
}

/// What a plugin gave.
#[derive(Debug)]
pub struct Credential {
    /// A token.
    pub token: Option<Secret<String>>,
    /// A client certificate, PEM.
    pub certificate_pem: Option<String>,
    /// Its key, PEM.
    pub key_pem: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct Answer {
    kind: String,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Credential {
    /// What of it must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret<String>> {
        self.token.iter().chain(&self.key_pem)
    }
}

impl CredentialPlugin {
    pub(super) fn new(plugin: &ExecConfig, cluster: &Cluster) -> Result<Self, String> {
        let program = plugin.command.clone().unwrap_or_default();
        if program.is_empty() {
            return Err("its user has an `exec` without `command`".to_owned());
        }
        if plugin.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(format!(
                "`{program}` wants to ask somebody, and here nobody answers"
            ));
        }
        let mut spec = json!({"interactive": false});
        if plugin.provide_cluster_info {
            spec["cluster"] = json!({
                "server": cluster.server,
                "tls-server-name": cluster.tls_server_name,
                "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
                "certificate-authority-data": cluster.certificate_authority_data,
            });
        }
        let variable = |entry: &std::collections::HashMap<String, String>| {
            Some((entry.get("name")?.clone(), entry.get("value")?.clone()))
        };
        Ok(Self {
            program,
            arguments: plugin.args.clone().unwrap_or_default(),
            environment: plugin.env.iter().flatten().filter_map(variable).collect(),
            question: json!({"apiVersion": plugin.api_version, "kind": KIND, "spec": spec}),
            hint: plugin.install_hint.clone(),
        })
    }

    /// The program, as it is written.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Asks it, in the user's own `environment`.
    ///
    /// # Errors
    /// It cannot be started, fails, takes too long, or answers something else.
    pub async fn ask(
        &self,
        keeper: &Keeper,
        environment: &BTreeMap<String, String>,
    ) -> Result<Credential, ExistingError> {
        let failed = |problem: String| ExistingError::Plugin {
            program: self.program.clone(),
            problem,
        };
        let command = Command::new("credential plugin", &self.program)
            .arguments(&self.arguments)
            .environment(environment)
            .environment(self.environment.iter().map(|(name, value)| (name, value)))
            .environment([(QUESTION, self.question.to_string())]);
        let finished = match tokio::time::timeout(WITHIN, keeper.output(command)).await {
            Ok(Ok(finished)) => finished,
            Ok(Err(error)) => {
                let hint = self.hint.iter().map(|hint| format!("; {}", hint.trim()));
                return Err(failed(format!("{error}{}", hint.collect::<String>())));
            }
            Err(_) => return Err(failed(format!("no answer within {} s", WITHIN.as_secs()))),
        };
        if !finished.status.success() {
            let complaint: String = finished.stderr.text().trim().chars().take(TOLD).collect();
            return Err(failed(format!("{}: {complaint}", finished.status)));
        }
        credential(&finished.stdout.text()).map_err(|problem| failed(problem.to_owned()))
    }
}

/// Reads an answer. What is wrong in it is not quoted: it holds secrets.
fn credential(text: &str) -> Result<Credential, &'static str> {
    let answer: Answer = serde_json::from_str(text).map_err(|_| "what it printed is no ExecCredential")?;
    if answer.kind != KIND {
        return Err("what it printed is no ExecCredential");
    }
    let Status {
        token,
        client_certificate_data,
        client_key_data,
    } = answer.status;
    if token.is_none() && (client_certificate_data.is_none() || client_key_data.is_none()) {
        return Err("its answer has neither a token nor a certificate with its key");
    }
    Ok(Credential {
        token: token.map(Secret::new),
        certificate_pem: client_certificate_data,
        key_pem: client_key_data.map(Secret::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_token_or_a_certificate_with_its_key() {
        let answer = |status: Value| json!({"kind": KIND, "status": status}).to_string();
        let token = credential(&answer(json!({"token": "hunter22"}))).unwrap();
        assert_eq!(token.token, Some(Secret::new("hunter22".to_owned())));
        let pair = json!({"clientCertificateData": "CERT", "clientKeyData": "KEY"});
        assert_eq!(
            credential(&answer(pair)).unwrap().certificate_pem.as_deref(),
            Some("CERT")
        );
        for text in [
            answer(json!({"clientCertificateData": "CERT"})),
            json!({"kind": "Pod", "status": {"token": "hunter22"}}).to_string(),
            "token=hunter22".to_owned(),
        ] {
            let told = credential(&text).unwrap_err();
            assert!(!told.contains("hunter22"), "{told}");
        }
    }
}
