//! The signing keys of a run, by name. They are made for it and go with it.

use crate::{
    VerbError,
    names::{ENVIRONMENTS, MAIN_ENVIRONMENT, RETIRED_KEY},
};
use plumbline_images::KeyPair;
use plumbline_model::Secret;
use plumbline_servers::{Credentials, KeyVault};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

/// One key for each name: an environment's name is its own key, any other name is a key of nobody's. A key is made when it is
/// asked for first.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Mutex<BTreeMap<String, KeyPair>>,
}

impl KeyRing {
    /// The key of that name.
    pub fn key(&self, name: &str) -> KeyPair {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.to_owned())
            .or_insert_with(KeyPair::generate)
            .clone()
    }

    /// The key of the main cluster's environment, which signs what the platform itself consists of.
    pub fn main(&self) -> KeyPair {
        self.key(MAIN_ENVIRONMENT)
    }
}

/// Puts the environments' keys into the vault under their names, and one that may sign no more.
pub(crate) fn fill_vault(vault: &KeyVault, ring: &KeyRing) -> Result<(), VerbError> {
    for name in ENVIRONMENTS.into_iter().chain([RETIRED_KEY]) {
        vault.import(name, &ring.key(name).private_pem()?)?;
    }
    vault.set_enabled(RETIRED_KEY, false);
    Ok(())
}

/// The variables in which cosign finds the main environment's key; other keys have their name behind it.
const PUBLIC_KEY: &str = "COSIGN_PUBLIC_KEY";
const PRIVATE_KEY: &str = "COSIGN_PRIVATE_KEY";

/// What cosign reads a key from that is in a variable.
const VARIABLE: &str = "env://";

/// The keys as the cosign CLI takes them: private ones encrypted, all with one password.
pub(crate) struct KeySafe {
    keys: Arc<KeyRing>,
    password: Secret<String>,
    sealed: tokio::sync::Mutex<BTreeMap<String, Secret<String>>>,
}

/// A key as a program takes it.
pub(crate) struct SigningKey {
    /// The private half, encrypted.
    pub(crate) private: Secret<String>,
    /// What it is encrypted with.
    pub(crate) password: Secret<String>,
    /// The public half, in PEM.
    pub(crate) public: String,
}

impl KeySafe {
    /// A safe with the main environment's key in it.
    pub(crate) async fn with_main_key(keys: Arc<KeyRing>) -> Result<Self, VerbError> {
        let safe = Self {
            keys,
            password: Credentials::generate("cosign").password,
            sealed: tokio::sync::Mutex::default(),
        };
        safe.sealed(MAIN_ENVIRONMENT).await?;
        Ok(safe)
    }

    /// The variables for a program with these arguments: the main environment's key, and each key that an argument names as
    /// `env://COSIGN_PUBLIC_KEY_<NAME>` or `env://COSIGN_PRIVATE_KEY_<NAME>`.
    pub(crate) async fn variables(&self, arguments: &[String]) -> Result<Vec<(String, String)>, VerbError> {
        let mut variables = vec![
            ("COSIGN_PASSWORD".to_owned(), self.password.reveal().clone()),
            (PUBLIC_KEY.to_owned(), self.keys.main().public_pem()?),
            (
                PRIVATE_KEY.to_owned(),
                self.sealed(MAIN_ENVIRONMENT).await?.reveal().clone(),
            ),
        ];
        for variable in mentioned(arguments) {
            if let Some(name) = key_name(&variable, PUBLIC_KEY) {
                variables.push((variable, self.keys.key(&name).public_pem()?));
            } else if let Some(name) = key_name(&variable, PRIVATE_KEY) {
                variables.push((variable, self.sealed(&name).await?.reveal().clone()));
            }
        }
        Ok(variables)
    }

    /// The key of that name, for a program that signs with it and verifies.
    pub(crate) async fn signing_key(&self, name: &str) -> Result<SigningKey, VerbError> {
        Ok(SigningKey {
            private: self.sealed(name).await?,
            password: self.password.clone(),
            public: self.keys.key(name).public_pem()?,
        })
    }

    /// The private key of that name, encrypted; that is meant to take memory and time, so it has a thread of its own.
    async fn sealed(&self, name: &str) -> Result<Secret<String>, VerbError> {
        let mut sealed = self.sealed.lock().await;
        if let Some(pem) = sealed.get(name) {
            return Ok(pem.clone());
        }
        let (key, password) = (self.keys.key(name), self.password.clone());
        let sealing = tokio::task::spawn_blocking(move || key.to_cosign(&password));
        let pem = sealing.await.map_err(|error| VerbError::environment(&error))??;
        sealed.insert(name.to_owned(), pem.clone());
        Ok(pem)
    }
}

/// The variables that arguments name as `env://…`.
fn mentioned(arguments: &[String]) -> BTreeSet<String> {
    let is_part =
        |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
    arguments
        .iter()
        .flat_map(|argument| argument.split(VARIABLE).skip(1))
        .map(|rest| {
            rest.split(|character| !is_part(character))
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

/// The name of the key in a variable: `NEXT_YEAR` behind the prefix is the key `next-year`.
fn key_name(variable: &str, prefix: &str) -> Option<String> {
    let name = variable.strip_prefix(prefix)?.strip_prefix('_')?;
    (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_gets_the_keys_that_its_arguments_name_and_no_others() {
        let keys = Arc::new(KeyRing::default());
        let safe = KeySafe::with_main_key(keys.clone()).await.unwrap();
        let arguments = [
            "sign",
            "--key=env://COSIGN_PRIVATE_KEY_NEXT_YEAR",
            "env://COSIGN_PUBLIC_KEY_PROD",
            "env://HOME",
        ];
        let variables = safe.variables(&arguments.map(str::to_owned)).await.unwrap();
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        let names: Vec<_> = variables.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "COSIGN_PASSWORD",
                "COSIGN_PRIVATE_KEY",
                "COSIGN_PRIVATE_KEY_NEXT_YEAR",
                "COSIGN_PUBLIC_KEY",
                "COSIGN_PUBLIC_KEY_PROD"
            ]
        );
        let public = |name: &str| keys.key(name).public_pem().unwrap();
        assert_eq!(variables["COSIGN_PUBLIC_KEY_PROD"], public("prod"));
        let password = Secret::new(variables["COSIGN_PASSWORD"].clone());
        let sealed = Secret::new(variables["COSIGN_PRIVATE_KEY_NEXT_YEAR"].clone());
        let opened = KeyPair::from_cosign(&sealed, &password).unwrap();
        assert_eq!(opened.public_pem().unwrap(), public("next-year"));
    }

    #[test]
    fn a_name_stays_with_its_key_and_two_names_have_two() {
        let ring = KeyRing::default();
        let public = |name: &str| ring.key(name).public_pem().unwrap();
        assert_eq!(public("prod"), public("prod"));
        assert_ne!(public("prod"), public("dev"));
        assert_eq!(ring.main().public_pem().unwrap(), public("dev"));
    }
}
