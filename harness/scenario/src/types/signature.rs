//! How a function is called and what comes out.

use super::Type;
use std::fmt;

/// One way to call a function.
pub(super) struct Signature {
    style: Style,
    /// The first of a method is what it is called on.
    parameters: Vec<Type>,
    /// How many of the last may be left out.
    optional: usize,
    /// Whether the last may be there any number of times.
    repeated: bool,
    result: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)` only.
    Function,
    /// `x.f()`, and `f(x)` as well.
    Method,
}

/// What comes out.
pub(super) enum Answer {
    Type(Type),
    /// What the first argument is.
    Same,
    /// What the first argument, a list, has in it.
    Element,
}

impl Signature {
    /// A way to call a function with these parameters, all of them once.
    pub(super) fn new<const COUNT: usize>(style: Style, parameters: [Type; COUNT], result: Answer) -> Self {
        Self {
            style,
            parameters: parameters.into(),
            optional: 0,
            repeated: false,
            result,
        }
    }

    /// The same with the last parameter any number of times.
    pub(super) fn repeated(self) -> Self {
        Self {
            repeated: true,
            ..self
        }
    }

    /// The same with the last parameters, so many, left out at will.
    pub(super) fn with_optional(self, optional: usize) -> Self {
        Self { optional, ..self }
    }

    /// Whether a call looks like this, types aside.
    pub(super) fn takes(&self, as_method: bool, count: usize) -> bool {
        let most = if self.repeated {
            usize::MAX
        } else {
            self.parameters.len()
        };
        (self.style == Style::Method || !as_method)
            && (self.parameters.len() - self.optional..=most).contains(&count)
    }

    /// The first argument that does not go with it.
    pub(super) fn misfit(&self, arguments: &[Type]) -> Option<usize> {
        let parameter = |index: usize| self.parameters.get(index).or(self.parameters.last());
        arguments
            .iter()
            .enumerate()
            .find(|(index, argument)| parameter(*index).is_some_and(|parameter| !parameter.fits(argument)))
            .map(|(index, _)| index)
    }

    /// The type of the result.
    pub(super) fn result(&self, arguments: &[Type]) -> Type {
        match (&self.result, arguments.first()) {
            (Answer::Type(type_), _) => type_.clone(),
            (Answer::Same, Some(first)) => first.clone(),
            (Answer::Element, Some(Type::List(element))) => Type::clone(element),
            _ => Type::Dynamic,
        }
    }

    /// What it takes as the argument with this number.
    pub(super) fn parameter(&self, index: usize) -> &Type {
        self.parameters
            .get(index)
            .or(self.parameters.last())
            .unwrap_or(&Type::Dynamic)
    }

    /// How it is called, for help: `string.contains(string)`.
    pub(super) fn form<'form>(&'form self, name: &'form str) -> impl fmt::Display + 'form {
        Form {
            name,
            signature: self,
        }
    }
}

struct Form<'form> {
    name: &'form str,
    signature: &'form Signature,
}

impl fmt::Display for Form<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |type_: &Type| {
            let words = type_.to_string();
            words
                .trim_start_matches("a ")
                .trim_start_matches("an ")
                .to_owned()
        };
        let mut parameters = self.signature.parameters.as_slice();
        if let (Style::Method, [first, rest @ ..]) = (self.signature.style, parameters) {
            write!(formatter, "{}.", word(first).replace(' ', "-"))?;
            parameters = rest;
        }
        let mut words: Vec<String> = parameters.iter().map(word).collect();
        if self.signature.repeated {
            words.push("…".to_owned());
        }
        write!(formatter, "{}({})", self.name, words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::functions::named;

    #[test]
    fn forms_read_as_one_writes_them() {
        let forms: Vec<String> = named("contains")
            .unwrap()
            .iter()
            .map(|signature| signature.form("contains").to_string())
            .collect();
        assert_eq!(forms[0], "string.contains(string)");
        let forms = |name| named(name).unwrap().last().unwrap().form(name).to_string();
        assert_eq!(forms("math.greatest"), "math.greatest(any value, …)");
        assert_eq!(forms("duration"), "duration(string)");
    }
}
