//! CEL: compiled when a file is read, evaluated when the cluster answers.

use crate::{
    Environment, Flaw,
    cel_value::to_cel,
    reads::Reads,
    syntax::{SyntaxError, compile},
    truth, types,
};
use kube_cel::{
    KubeCelExt,
    cel::{Context, ExecutionError, Program, Value as CelValue},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A condition in CEL. One that comes out of a loaded [`crate::Suite`] always compiles.
#[derive(Clone)]
pub struct Predicate {
    source: Arc<str>,
    program: Result<Arc<Program>, SyntaxError>,
}

impl Predicate {
    /// Compiles an expression.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self {
            source: source.into(),
            program: compile(source).map(Arc::new),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Why it does not compile.
    #[must_use]
    pub fn syntax_error(&self) -> Option<&SyntaxError> {
        self.program.as_ref().err()
    }

    /// The variables that it reads, without those that its macros bind.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        self.reads().variables
    }

    /// Reads of `outputs.<name>.<field>`; the field is missing where only the name is read.
    pub(crate) fn output_reads(&self) -> BTreeSet<(String, Option<String>)> {
        let mut outputs = self.reads().outputs;
        let with_fields: BTreeSet<String> = outputs
            .iter()
            .filter(|(_, field)| field.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        outputs.retain(|(name, field)| field.is_some() || !with_fields.contains(name));
        outputs
    }

    fn reads(&self) -> Reads {
        let mut reads = Reads::default();
        if let Ok(program) = &self.program {
            reads.visit(program.expression());
        }
        reads
    }

    /// What does not go together, given the types of the variables. Nothing is said of an expression that does not compile.
    #[must_use]
    pub fn check(&self, environment: &Environment) -> Vec<Flaw> {
        self.program.as_ref().map_or_else(
            |_| Vec::new(),
            |program| types::check(program.expression(), &self.source, environment).flaws,
        )
    }

    /// The parts whose truth no value of the variables can change, and what is true only because there is nothing to look at. The
    /// expression is `wanted` to be true, or false as under `never`. Nothing is said of an expression with other flaws.
    #[must_use]
    pub fn vacuities(&self, environment: &Environment, wanted: bool) -> Vec<Flaw> {
        let Ok(program) = &self.program else {
            return Vec::new();
        };
        let checked = types::check(program.expression(), &self.source, environment);
        if !checked.flaws.is_empty() {
            return Vec::new();
        }
        truth::vacuities(program.expression(), &self.source, &checked, wanted)
    }

    /// Whether it is true of these variables.
    ///
    /// # Errors
    /// It cannot be said, in words: a key is not there, types do not fit, the result is not true or false. To the one who waits this means
    /// *not met*.
    pub fn evaluate(&self, variables: &Map<String, Value>) -> Result<bool, String> {
        let program = self.program.as_ref().map_err(ToString::to_string)?;
        // The interpreter is not ours: should it panic, the condition is not met and says why.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::default().with_all();
            for (name, value) in variables {
                context.add_variable_from_value(name.as_str(), to_cel(value));
            }
            program.execute(&context)
        }));
        match result {
            Ok(Ok(CelValue::Bool(truth))) => Ok(truth),
            Ok(Ok(other)) => Err(format!(
                "the expression gives {}, not true or false",
                type_of(&other)
            )),
            Ok(Err(error)) => Err(words_of(&error)),
            Err(_) => Err("the CEL interpreter panicked on this expression".to_owned()),
        }
    }
}

fn words_of(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("no variable or function `{name}`"),
        ExecutionError::NoSuchOverload => {
            "an operator or function does not go with values of these types".to_owned()
        }
        other => other.to_string(),
    }
}

fn type_of(value: &CelValue) -> &'static str {
    match value {
        CelValue::List(_) => "a list",
        CelValue::Map(_) => "a map",
        CelValue::Int(_) | CelValue::UInt(_) | CelValue::Float(_) => "a number",
        CelValue::String(_) => "a string",
        CelValue::Null => "null",
        _ => "a value of another type",
    }
}

impl<'de> Deserialize<'de> for Predicate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Predicate({:?})", self.source)
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn evaluate(expression: &str) -> Result<bool, String> {
        let variables = json!({
            "object": {"spec": {"replicas": 3, "ratio": 1.5, "big": u64::MAX}, "metadata": {"labels": {"app": "x"}}},
            "objects": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}],
        });
        Predicate::new(expression).evaluate(variables.as_object().unwrap())
    }

    #[test]
    fn numbers_are_ints_as_on_the_api_server() {
        for expression in [
            "object.spec.replicas + 1 == 4",
            "object.spec.replicas - 5 < 0",
            "object.spec.ratio > 1.0",
            "object.spec.replicas == int('3')",
            "object.metadata.labels['app'] == 'x'",
            "objects.all(o, o.metadata.name in ['a', 'b'])",
            "size(objects) == 2",
            "has(object.spec.replicas) && !has(object.status)",
            "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        ] {
            assert_eq!(evaluate(expression), Ok(true), "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_said_in_words() {
        assert_eq!(
            evaluate("object.status.ready"),
            Err("no such key `status`".into())
        );
        assert_eq!(
            evaluate("object.spec.replicas"),
            Err("the expression gives a number, not true or false".into())
        );
        assert!(evaluate("nope == 1").unwrap_err().contains("`nope`"));
        assert!(evaluate("object.spec.replicas == ").is_err());
    }

    #[test]
    fn variables_are_those_that_no_macro_binds() {
        let predicate = Predicate::new(
            "objects.exists(o, o.name == x.y && [1].map(z, z + o)[0] > 1) && has(outputs.change.revision)",
        );
        assert_eq!(
            predicate.variables().into_iter().collect::<Vec<_>>(),
            ["objects", "outputs", "x"]
        );
        assert_eq!(
            predicate.output_reads().into_iter().collect::<Vec<_>>(),
            [("change".to_owned(), Some("revision".to_owned()))]
        );
    }

    /// The stack of a test's or a runtime's thread is 2 MiB: half of it must be enough.
    #[test]
    fn the_worst_expressions_do_not_overflow_the_stack() {
        let worst = [
            format!("a{}", ".b".repeat(999)),
            format!("1{} == 2", "+1".repeat(990)),
            format!("1{} == 2", "*1".repeat(990)),
            format!("{}a{}", "(".repeat(500), ")".repeat(500)),
            format!("{}a", "!".repeat(1999)),
            format!("{}1", "- ".repeat(999)),
            format!("{}1", "true?1:".repeat(280)),
            format!("{}1", "true?".repeat(390)),
            format!("a{}", "[0]".repeat(660)),
            format!("a{}", ".b()".repeat(490)),
            format!("true{}", "&&true".repeat(330)),
            format!("true{}", "||true".repeat(330)),
            format!("1{}", "==1".repeat(660)),
            format!("1{}", " in a".repeat(390)),
            format!("{}1{}", "[".repeat(900), "]".repeat(900)),
            format!("{}1{}", "{1:".repeat(24), "}".repeat(24)),
            format!("{}1{}", "[1].map(x,".repeat(12), ")".repeat(12)),
            format!("\"{}", "(".repeat(1900)),
        ];
        let work = move || {
            for expression in worst {
                let predicate = Predicate::new(&expression);
                let _ = predicate.evaluate(&Map::new());
                let environment = Environment::default();
                let _ = (predicate.variables(), predicate.check(&environment));
                let _ = predicate.vacuities(&environment, true);
            }
        };
        std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(work)
            .unwrap()
            .join()
            .unwrap();
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c0-9.()\\[\\]{}!?:<>=&|+*/%'\"\\\\ \n-]{0,60}") {
            let predicate = Predicate::new(&text);
            let _ = predicate.evaluate(&Map::new());
            if let Some(error) = predicate.syntax_error() {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
