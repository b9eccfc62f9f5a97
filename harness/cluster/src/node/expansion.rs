//! `$(VARIABLE)` references in arguments, commands and environment values, by the rules of Kubernetes.

use std::collections::BTreeMap;

/// Replaces each `$(NAME)` whose name is in `variables`. `$$` stands for `$`, so `$$(NAME)` stays `$(NAME)`;
/// an unknown name or an unclosed reference stays as it is written.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('$') {
        expanded.push_str(&rest[..position]);
        let after = &rest[position + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            expanded.push('$');
            rest = tail;
            continue;
        }
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match reference {
            Some((name, tail)) => {
                match variables.get(name) {
                    Some(value) => expanded.push_str(value),
                    None => {
                        expanded.push_str("$(");
                        expanded.push_str(name);
                        expanded.push(')');
                    }
                }
                rest = tail;
            }
            None => {
                expanded.push('$');
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("NAMESPACE".to_owned(), "flux-system".to_owned()),
            ("EMPTY".to_owned(), String::new()),
            ("NESTED".to_owned(), "$(NAMESPACE)".to_owned()),
        ])
    }

    #[test]
    fn references_are_replaced_once_and_only_where_known() {
        for (text, expected) in [
            (
                "source-controller.$(NAMESPACE).svc",
                "source-controller.flux-system.svc",
            ),
            ("$(NAMESPACE)$(NAMESPACE)", "flux-systemflux-system"),
            ("$(UNKNOWN)", "$(UNKNOWN)"),
            ("$$(NAMESPACE)", "$(NAMESPACE)"),
            ("$$$(NAMESPACE)", "$flux-system"),
            ("$(NAMESPACE", "$(NAMESPACE"),
            ("a$", "a$"),
            ("$NAMESPACE", "$NAMESPACE"),
            ("<$(EMPTY)>", "<>"),
            ("$(NESTED)", "$(NAMESPACE)"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &variables()), expected, "of {text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_without_a_dollar_is_untouched(text in "[^$]*") {
            prop_assert_eq!(expand(&text, &variables()), text);
        }

        #[test]
        fn any_text_is_survived(text in "[$()A-Zé]{0,40}") {
            expand(&text, &variables());
        }
    }
}
