//! The check of one expression against the types of its variables.

use super::{
    Environment, Type,
    operators::{self, Outcome},
};
use crate::{comprehension::Macro, flaw::Flaw, places::Places, suggestion};
use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SelectExpr,
    operators as names,
};
use std::collections::HashMap;

/// What is known of the types of an expression.
#[derive(Default)]
pub(crate) struct Checked {
    types: HashMap<u64, Type>,
    pub(crate) flaws: Vec<Flaw>,
}

impl Checked {
    /// The type of a part of the expression.
    pub(crate) fn type_of(&self, part: &IdedExpr) -> &Type {
        self.types.get(&part.id).unwrap_or(&Type::Dynamic)
    }
}

/// Finds the type of every part and what does not go together; the whole has to be true or false. Variables that the environment does not
/// have are of any type.
pub(crate) fn check(expression: &IdedExpr, text: &str, environment: &Environment) -> Checked {
    let mut checker = Checker {
        environment,
        places: Places::new(text),
        bound: Vec::new(),
        depth: 0,
        checked: Checked::default(),
    };
    let whole = checker.infer(expression);
    if !whole.fits(&Type::Bool) {
        let message = format!("a condition is true or false, and this is {whole}");
        checker.note(expression, message, Some("compare it with something".to_owned()));
    }
    checker.checked.flaws.sort_by_key(|flaw| flaw.offset);
    checker.checked
}

/// Parts within parts beyond this depth are of any type.
const DEEPEST: usize = 150;

pub(super) struct Checker<'check> {
    environment: &'check Environment,
    pub(super) places: Places<'check>,
    /// What the macros around a part bind.
    bound: Vec<(&'check str, Type)>,
    depth: usize,
    pub(super) checked: Checked,
}

impl<'check> Checker<'check> {
    pub(super) fn note(&mut self, part: &IdedExpr, message: String, help: Option<String>) {
        self.checked
            .flaws
            .push(Flaw::new(&self.places, part, message, help));
    }

    /// `` `x` is an int``.
    pub(super) fn words(&self, part: &IdedExpr, type_: &Type) -> String {
        format!("`{}` is {type_}", self.places.words(part))
    }

    pub(super) fn infer(&mut self, part: &'check IdedExpr) -> Type {
        if self.depth >= DEEPEST {
            return Type::Dynamic;
        }
        self.depth += 1;
        let type_ = match &part.expr {
            Expr::Unspecified => Type::Dynamic,
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(part, select),
            Expr::Call(call) => self.call(part, call),
            Expr::List(list) => self.list(&list.elements),
            Expr::Map(map) => self.map(&map.entries),
            Expr::Struct(_) => self.message(part),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        };
        self.depth -= 1;
        self.checked.types.insert(part.id, type_.clone());
        type_
    }

    fn variable(&self, name: &str) -> Type {
        let bound = self.bound.iter().rev().find(|(bound, _)| *bound == name);
        bound
            .map(|(_, type_)| type_)
            .or_else(|| self.environment.get(name))
            .cloned()
            .unwrap_or(Type::Dynamic)
    }

    fn message(&mut self, part: &IdedExpr) -> Type {
        self.note(
            part,
            "there are no messages here".to_owned(),
            Some("a map is written `{\"key\": value}`".to_owned()),
        );
        Type::Dynamic
    }

    fn list(&mut self, elements: &'check [IdedExpr]) -> Type {
        let types: Vec<Type> = elements.iter().map(|element| self.infer(element)).collect();
        Type::list(Type::common(types))
    }

    fn map(&mut self, entries: &'check [IdedEntryExpr]) -> Type {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for entry in entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                keys.push(self.infer(&entry.key));
                values.push(self.infer(&entry.value));
            }
        }
        Type::Map(Type::common(keys).into(), Type::common(values).into())
    }

    /// `operand.field`, or `has(operand.field)`.
    fn select(&mut self, part: &IdedExpr, select: &'check SelectExpr) -> Type {
        let operand = self.infer(&select.operand);
        let value = match &operand {
            Type::Dynamic => Type::Dynamic,
            Type::Map(key, value) if key.fits(&Type::String) => Type::clone(value),
            Type::Record(record) => match record.fields.get(&select.field) {
                Some(field) => field.type_.clone(),
                None if record.open => Type::Dynamic,
                None => {
                    let message = format!(
                        "`{}` has no field `{}`",
                        self.places.words(&select.operand),
                        select.field
                    );
                    let known = record.fields.keys().map(String::as_str);
                    self.note(part, message, Some(suggestion::instead(&select.field, known)));
                    Type::Dynamic
                }
            },
            other => {
                let message = format!("{} and has no fields", self.words(&select.operand, other));
                let help = match other {
                    Type::List(_) => {
                        Some("take one element, `[0]`, or ask `exists(…)` or `all(…)`".to_owned())
                    }
                    _ => None,
                };
                self.note(part, message, help);
                Type::Dynamic
            }
        };
        if select.test { Type::Bool } else { value }
    }

    fn call(&mut self, part: &IdedExpr, call: &'check CallExpr) -> Type {
        if call.target.is_none() {
            match (call.func_name.as_str(), &call.args[..]) {
                (names::LOGICAL_AND | names::LOGICAL_OR, [left, right]) => {
                    self.truth(left);
                    self.truth(right);
                    return Type::Bool;
                }
                (names::LOGICAL_NOT | names::NOT_STRICTLY_FALSE, [operand]) => {
                    self.truth(operand);
                    return Type::Bool;
                }
                (names::CONDITIONAL, [condition, then, otherwise]) => {
                    self.truth(condition);
                    return Type::common([self.infer(then), self.infer(otherwise)]);
                }
                (names::NEGATE, [operand]) => return self.negation(part, operand),
                (names::INDEX, [container, index]) => return self.index(part, container, index),
                (name, [left, right]) => {
                    if let Some(symbol) = operators::symbol(name) {
                        return self.operation(part, symbol, left, right);
                    }
                }
                _ => {}
            }
        }
        self.function(part, call)
    }

    /// A part that must be true or false.
    fn truth(&mut self, part: &'check IdedExpr) {
        let type_ = self.infer(part);
        if !type_.fits(&Type::Bool) {
            let message = format!("{}, not true or false", self.words(part, &type_));
            self.note(part, message, Some("compare it with something".to_owned()));
        }
    }

    fn negation(&mut self, part: &IdedExpr, operand: &'check IdedExpr) -> Type {
        let type_ = self.infer(operand);
        if matches!(type_, Type::Dynamic | Type::Int | Type::Double) {
            return type_;
        }
        let message = format!(
            "{}, and `-` goes with an int or a double",
            self.words(operand, &type_)
        );
        self.note(part, message, None);
        Type::Dynamic
    }

    fn index(&mut self, part: &IdedExpr, container: &'check IdedExpr, index: &'check IdedExpr) -> Type {
        let (type_, key) = (self.infer(container), self.infer(index));
        let (wanted, value) = match &type_ {
            Type::Dynamic => return Type::Dynamic,
            Type::List(element) if key != Type::Uint => (Type::Int, Type::clone(element)),
            Type::List(element) => return Type::clone(element),
            Type::Map(key, value) => (Type::clone(key), Type::clone(value)),
            Type::Record(record) => {
                let name = match &index.expr {
                    Expr::Literal(LiteralValue::String(name)) => Some(name.inner()),
                    _ => None,
                };
                let field = name.and_then(|name| record.fields.get(name));
                if let (Some(name), None, false) = (name, field, record.open) {
                    let message = format!("`{}` has no field `{name}`", self.places.words(container));
                    let known = record.fields.keys().map(String::as_str);
                    self.note(part, message, Some(suggestion::instead(name, known)));
                }
                (
                    Type::String,
                    field.map_or(Type::Dynamic, |field| field.type_.clone()),
                )
            }
            other => {
                let message = format!(
                    "{}, and `[…]` goes with a list or a map",
                    self.words(container, other)
                );
                self.note(part, message, None);
                return Type::Dynamic;
            }
        };
        if !key.fits(&wanted) {
            let message = format!(
                "`{}` is {type_}: {wanted} goes between its brackets, and {}",
                self.places.words(container),
                self.words(index, &key)
            );
            self.note(part, message, None);
        }
        value
    }

    fn operation(
        &mut self,
        part: &IdedExpr,
        symbol: &'static str,
        left: &'check IdedExpr,
        right: &'check IdedExpr,
    ) -> Type {
        let (one, other) = (self.infer(left), self.infer(right));
        let outcome = operators::apply(symbol, &one, &other);
        let both = |checker: &Self| {
            format!(
                "{} and {}",
                checker.words(left, &one),
                checker.words(right, &other)
            )
        };
        match outcome {
            Outcome::Gives(type_) => type_,
            Outcome::NeverEqual if symbol == "in" => {
                let message = format!("{}: nothing of the one type is in the other", both(self));
                self.note(part, message, None);
                Type::Bool
            }
            Outcome::NeverEqual => {
                let message = format!("{}: they are never equal", both(self));
                self.note(part, message, conversion(&one, &other));
                Type::Bool
            }
            Outcome::Refused if symbol == "in" => {
                let message = format!(
                    "{}, and `in` goes with a list or a map",
                    self.words(right, &other)
                );
                let help =
                    (other == Type::String).then(|| "a text in a text: `text.contains(part)`".to_owned());
                self.note(part, message, help);
                Type::Bool
            }
            Outcome::Refused => {
                let message = format!("{}: `{symbol}` does not go with them", both(self));
                self.note(part, message, conversion(&one, &other));
                Type::Dynamic
            }
        }
    }

    fn comprehension(&mut self, comprehension: &'check ComprehensionExpr) -> Type {
        let range = self.infer(&comprehension.iter_range);
        let element = match &range {
            Type::List(element) => Type::clone(element),
            Type::Map(key, _) => Type::clone(key),
            Type::Record(_) => Type::String,
            Type::Dynamic => Type::Dynamic,
            other => {
                let message = format!(
                    "{}, and only a list or a map has elements",
                    self.words(&comprehension.iter_range, other)
                );
                self.note(&comprehension.iter_range, message, None);
                Type::Dynamic
            }
        };
        self.bound.push((&comprehension.iter_var, element));
        let type_ = match Macro::of(comprehension) {
            Some(Macro::All(body) | Macro::Exists(body) | Macro::ExistsOne(body)) => {
                self.truth(body);
                Type::Bool
            }
            Some(Macro::Map { condition, element }) => {
                condition.into_iter().for_each(|condition| self.truth(condition));
                Type::list(self.infer(element))
            }
            None => Type::Dynamic,
        };
        self.bound.pop();
        type_
    }
}

const fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

/// How one type is made of the other.
fn conversion(one: &Type, other: &Type) -> Option<String> {
    let pair = [one, other];
    let has = |type_: &Type| pair.contains(&type_);
    Some(match () {
        () if one == other && matches!(one, Type::Special("quantity" | "semver")) => {
            "compare them with `isLessThan(…)` and `isGreaterThan(…)`".to_owned()
        }
        () if has(&Type::Null) => "whether something is there is asked by `has(…)`".to_owned(),
        () if has(&Type::Int) && has(&Type::Double) => {
            "compare with `<` and `>`, or convert one: `int(…)`, `double(…)`".to_owned()
        }
        () if has(&Type::Int) && has(&Type::Uint) => {
            "write the number without `u`, or convert one: `int(…)`".to_owned()
        }
        () if has(&Type::String) && has(&Type::Int) => "convert one: `int(…)`, `string(…)`".to_owned(),
        () if has(&Type::String) && has(&Type::Bool) => {
            "write `\"True\"` or `\"true\"` where the field is a text".to_owned()
        }
        () if has(&Type::Timestamp) && has(&Type::String) => "convert the text: `timestamp(…)`".to_owned(),
        () => return None,
    })
}
