//! The expressions of Azure Pipelines, as far as the platform's own use them: names, texts, comparisons, and what became of
//! the steps before.

use serde_json::{Map, Value};

/// What names mean, and what became of the steps before.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// `parameters`, `variables`, and the variables of loops.
    pub(super) values: Map<String, Value>,
    /// Whether all went well so far; `None` where an expression is evaluated before anything runs.
    pub(super) succeeded: Option<bool>,
}

/// Evaluates an expression.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn evaluate(text: &str, scope: &Scope) -> Result<Value, String> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.expression(scope)?;
    match reader.rest.trim_start() {
        "" => Ok(value),
        rest => Err(format!("`{text}` goes on with `{rest}`, which is not understood")),
    }
}

/// Whether a condition holds.
///
/// # Errors
/// It is not understood, or is neither true nor false.
pub(super) fn holds(text: &str, scope: &Scope) -> Result<bool, String> {
    let value = evaluate(text, scope)?;
    value
        .as_bool()
        .ok_or_else(|| format!("`{text}` is {value}, which is neither true nor false"))
}

struct Reader<'text> {
    rest: &'text str,
}

impl Reader<'_> {
    fn expression(&mut self, scope: &Scope) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        if self.takes('\'') {
            return self.text().map(Value::String);
        }
        let name = self.name()?;
        if self.takes('(') {
            let arguments = self.arguments(scope)?;
            return call(&name, &arguments, scope);
        }
        match name.as_str() {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            _ => {}
        }
        let mut path = name.clone();
        let mut value = scope.values.get(&name);
        loop {
            let field = if self.takes('.') {
                self.name()?
            } else if self.takes('[') {
                if !self.takes('\'') {
                    return Err(format!("`{path}[` needs a name in quotes"));
                }
                let field = self.text()?;
                if !self.takes(']') {
                    return Err(format!("`{path}['{field}'` is not closed"));
                }
                field
            } else {
                break;
            };
            path = format!("{path}.{field}");
            value = value.and_then(|value| value.get(&field));
        }
        // A variable that is not set is empty, as pipelines have it; a parameter must be there.
        match value {
            Some(value) => Ok(value.clone()),
            None if path.starts_with("variables.") => Ok(Value::String(String::new())),
            None => Err(format!("there is no `{path}`")),
        }
    }

    fn arguments(&mut self, scope: &Scope) -> Result<Vec<Value>, String> {
        let mut arguments = Vec::new();
        self.rest = self.rest.trim_start();
        if self.takes(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(scope)?);
            self.rest = self.rest.trim_start();
            if self.takes(')') {
                return Ok(arguments);
            }
            if !self.takes(',') {
                return Err("a call is not closed".to_owned());
            }
        }
    }

    /// The rest of a text in quotes; two quotes are one.
    fn text(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let end = self.rest.find('\'').ok_or("a text has no end")?;
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            if !self.takes('\'') {
                return Ok(text);
            }
            text.push('\'');
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        let end = self
            .rest
            .find(|character| !is_part(character))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(format!("`{rest}` does not begin with a name"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn takes(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn call(name: &str, arguments: &[Value], scope: &Scope) -> Result<Value, String> {
    let truth = |value: &Value| {
        value
            .as_bool()
            .ok_or_else(|| format!("`{name}` takes what is true or false, not {value}"))
    };
    let succeeded = || {
        scope
            .succeeded
            .ok_or_else(|| format!("`{name}()` can only be told while the pipeline runs"))
    };
    let result = match (name, arguments) {
        ("eq", [one, other]) => equal(one, other),
        ("ne", [one, other]) => !equal(one, other),
        ("not", [one]) => !truth(one)?,
        ("and", [_, _, ..]) => arguments
            .iter()
            .map(truth)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .all(|one| one),
        ("or", [_, _, ..]) => arguments
            .iter()
            .map(truth)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .any(|one| one),
        ("always", []) => true,
        ("succeeded", []) => succeeded()?,
        ("failed", []) => !succeeded()?,
        _ => {
            return Err(format!(
                "`{name}` with {} arguments is not understood here; understood are eq, ne, and, or, not, always, succeeded, failed",
                arguments.len()
            ));
        }
    };
    Ok(Value::Bool(result))
}

/// Texts are equal whatever their case, as pipelines compare them.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.eq_ignore_ascii_case(other),
        (Value::Bool(truth), Value::String(text)) | (Value::String(text), Value::Bool(truth)) => {
            text.eq_ignore_ascii_case(if *truth { "true" } else { "false" })
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let values = json!({
            "parameters": {"mode": "audit", "publish": true, "images": ["a", "b"]},
            "variables": {"Build.Reason": "PullRequest"},
            "image": "a",
        });
        let Value::Object(values) = values else {
            panic!("it is an object")
        };
        Scope {
            values,
            succeeded: Some(false),
        }
    }

    #[test]
    fn names_texts_and_comparisons_mean_what_they_mean_in_pipelines() {
        for (text, expected) in [
            ("parameters.mode", json!("audit")),
            ("image", json!("a")),
            ("parameters.images", json!(["a", "b"])),
            ("variables['Build.Reason']", json!("PullRequest")),
            ("variables['Build.Nothing']", json!("")),
            ("'it''s'", json!("it's")),
            ("eq(parameters.mode, 'AUDIT')", json!(true)),
            ("eq(parameters.publish, true)", json!(true)),
            ("eq(parameters.publish, 'True')", json!(true)),
            ("and(eq(image, 'a'), ne(image, 'b'), true)", json!(true)),
            ("or(false, not(false))", json!(true)),
            ("and(succeeded(), true)", json!(false)),
            ("failed()", json!(true)),
            (" always( ) ", json!(true)),
        ] {
            assert_eq!(evaluate(text, &scope()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, expected) in [
            ("parameters.nothing", "there is no `parameters.nothing`"),
            (
                "contains('a', 'b')",
                "`contains` with 2 arguments is not understood here",
            ),
            ("eq('a'", "a call is not closed"),
            ("'a", "a text has no end"),
            ("image b", "goes on with `b`"),
            ("variables[x]", "needs a name in quotes"),
            ("and('a', true)", "`and` takes what is true or false"),
            ("", "does not begin with a name"),
        ] {
            let said = evaluate(text, &scope()).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
        let before = Scope::default();
        assert!(
            evaluate("succeeded()", &before)
                .unwrap_err()
                .contains("while the pipeline runs")
        );
        assert!(
            holds("'a'", &before)
                .unwrap_err()
                .contains("neither true nor false")
        );
    }
}
