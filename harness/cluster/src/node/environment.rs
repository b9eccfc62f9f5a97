//! A container's environment: image, ConfigMaps, Secrets, fields and plain values, in the order of a kubelet.
//!
//! Unlike a kubelet's, it has no `KUBERNETES_SERVICE_HOST` and no variables of Services: a process is outside of the
//! cluster's network and is told of the API server by `KUBECONFIG`.

use super::{configuration::Configuration, expansion::expand, fields::PodFacts};
use k8s_openapi::api::core::v1::{Container, EnvVarSource};
use std::collections::BTreeMap;

/// The variables of `container`; the error is the message of a `CreateContainerConfigError`.
pub(crate) fn environment(
    container: &Container,
    image: &[(String, String)],
    facts: &PodFacts,
    configuration: &Configuration,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables: BTreeMap<String, String> = image.iter().cloned().collect();
    let mut own = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let config_map = source.config_map_ref.as_ref().map(|reference| {
            (
                configuration.config_maps.get(&reference.name),
                "configmap",
                &reference.name,
                reference.optional,
            )
        });
        let secret = source.secret_ref.as_ref().map(|reference| {
            (
                configuration.secrets.get(&reference.name),
                "secret",
                &reference.name,
                reference.optional,
            )
        });
        for (data, kind, name, optional) in config_map.into_iter().chain(secret) {
            match data {
                Some(data) => own.extend(data.iter().filter_map(|(key, value)| {
                    Some((
                        format!("{prefix}{key}"),
                        std::str::from_utf8(value).ok()?.to_owned(),
                    ))
                })),
                None if optional == Some(true) => {}
                None => return Err(format!("{kind} \"{name}\" not found")),
            }
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), &own)),
            Some(source) => referenced(source, container, facts, configuration)?,
        };
        if let Some(value) = value {
            own.insert(variable.name.clone(), value);
        }
    }
    variables.extend(own);
    Ok(variables)
}

fn referenced(
    source: &EnvVarSource,
    container: &Container,
    facts: &PodFacts,
    configuration: &Configuration,
) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return facts.field(&field.field_path).map(Some);
    }
    if let Some(resource) = &source.resource_field_ref {
        return facts.resource(resource, &container.name).map(Some);
    }
    let config_map = source.config_map_key_ref.as_ref().map(|reference| {
        let data = configuration.config_maps.get(&reference.name);
        (
            data,
            "configmap",
            "ConfigMap",
            &reference.name,
            &reference.key,
            reference.optional,
        )
    });
    let secret = source.secret_key_ref.as_ref().map(|reference| {
        let data = configuration.secrets.get(&reference.name);
        (
            data,
            "secret",
            "Secret",
            &reference.name,
            &reference.key,
            reference.optional,
        )
    });
    let Some((data, kind, title, name, key, optional)) = config_map.or(secret) else {
        return Err("the source of an environment variable is not supported by the node agent".to_owned());
    };
    let namespace = facts.pod.metadata.namespace.as_deref().unwrap_or_default();
    match (data, optional == Some(true)) {
        (None, false) => Err(format!("{kind} \"{name}\" not found")),
        (None, true) => Ok(None),
        (Some(data), optional) => match data.get(key) {
            Some(value) => String::from_utf8(value.clone())
                .map(Some)
                .map_err(|_| format!("key {key} in {title} {namespace}/{name} is not text")),
            None if optional => Ok(None),
            None => Err(format!("couldn't find key {key} in {title} {namespace}/{name}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fields::tests::facts, *};
    use serde_json::{Value, json};

    fn evaluate(container: Value) -> Result<BTreeMap<String, String>, String> {
        let container: Container = serde_json::from_value(container).unwrap();
        let configuration = Configuration {
            config_maps: BTreeMap::from([(
                "settings".into(),
                BTreeMap::from([("MODE".into(), b"calm".to_vec()), ("RAW".into(), vec![0xff])]),
            )]),
            secrets: BTreeMap::from([("login".into(), BTreeMap::from([("USER".into(), b"eve".to_vec())]))]),
        };
        let image = [
            ("PATH".to_owned(), "/bin".to_owned()),
            ("MODE".to_owned(), "image".to_owned()),
        ];
        environment(
            &container,
            &image,
            &facts(json!({"containers": [container]})),
            &configuration,
        )
    }

    #[test]
    fn later_sources_win_and_references_see_earlier_ones() {
        let variables = evaluate(json!({"name": "a",
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "P_", "secretRef": {"name": "login"}}],
        "env": [
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "HOST", "value": "web.$(NAMESPACE).svc $(LATER) $(PATH)"},
            {"name": "LATER", "value": "x"},
            {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "MODE"}}},
            {"name": "GONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": true}}},
        ]}))
        .unwrap();
        let expected = [
            ("HOST", "web.shop.svc $(LATER) $(PATH)"),
            ("KEY", "calm"),
            ("LATER", "x"),
            ("MODE", "calm"),
            ("NAMESPACE", "shop"),
            ("PATH", "/bin"),
            ("P_USER", "eve"),
        ];
        assert_eq!(
            variables,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (variable, message) in [
            (
                json!({"configMapKeyRef": {"name": "none", "key": "k"}}),
                "configmap \"none\" not found",
            ),
            (
                json!({"configMapKeyRef": {"name": "settings", "key": "k"}}),
                "couldn't find key k in ConfigMap shop/settings",
            ),
            (
                json!({"secretKeyRef": {"name": "login", "key": "k"}}),
                "couldn't find key k in Secret shop/login",
            ),
            (
                json!({"configMapKeyRef": {"name": "settings", "key": "RAW"}}),
                "key RAW in ConfigMap shop/settings is not text",
            ),
        ] {
            let container = json!({"name": "a", "env": [{"name": "X", "valueFrom": variable}]});
            assert_eq!(evaluate(container), Err(message.to_owned()));
        }
        let container = json!({"name": "a", "envFrom": [{"secretRef": {"name": "none"}}]});
        assert_eq!(evaluate(container), Err("secret \"none\" not found".to_owned()));
    }
}
