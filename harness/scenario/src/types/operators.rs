//! What the operators give for which types, as the interpreter has them.

use super::Type;
use kube_cel::cel::common::ast::operators;

/// What an operator makes of two types.
pub(super) enum Outcome {
    /// A value of this type.
    Gives(Type),
    /// Values that are never equal.
    NeverEqual,
    /// An error.
    Refused,
}

/// The operator as it is written; `None` for names that are no operators of two values.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::ADD => "+",
        operators::SUBSTRACT => "-",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        operators::IN => "in",
        _ => return None,
    })
}

/// What comes of `left symbol right`.
pub(super) fn apply(symbol: &str, left: &Type, right: &Type) -> Outcome {
    let unknown = || *left == Type::Dynamic || *right == Type::Dynamic;
    let alike = |allowed: &[Type]| {
        let one_of = |type_: &Type| *type_ == Type::Dynamic || allowed.contains(type_);
        (one_of(left) && one_of(right) && left.fits(right)).then(|| {
            if *left == Type::Dynamic {
                right.clone()
            } else {
                left.clone()
            }
        })
    };
    let given = match symbol {
        "==" | "!=" if left.fits(right) => Some(Type::Bool),
        "==" | "!=" => return Outcome::NeverEqual,
        "<" | "<=" | ">" | ">=" => is_ordered(left, right).then_some(Type::Bool),
        "in" => return contained(left, right),
        "+" => alike(&[Type::Int, Type::Uint, Type::Double, Type::String, Type::Bytes])
            .filter(|_| !unknown() || !is_time(left) && !is_time(right))
            .or_else(|| added(left, right)),
        "-" => alike(&[Type::Int, Type::Uint, Type::Double]).or_else(|| subtracted(left, right)),
        "*" | "/" => alike(&[Type::Int, Type::Uint, Type::Double]),
        "%" => alike(&[Type::Int, Type::Uint]),
        _ => Some(Type::Dynamic),
    };
    given.map_or(Outcome::Refused, Outcome::Gives)
}

const fn is_time(type_: &Type) -> bool {
    matches!(type_, Type::Timestamp | Type::Duration)
}

fn is_ordered(left: &Type, right: &Type) -> bool {
    let has_order = |type_: &Type| {
        type_.is_number()
            || is_time(type_)
            || matches!(type_, Type::Dynamic | Type::Bool | Type::String | Type::Bytes)
    };
    has_order(left) && has_order(right) && (left.fits(right) || left.is_number() && right.is_number())
}

fn added(left: &Type, right: &Type) -> Option<Type> {
    Some(match (left, right) {
        (Type::Timestamp, Type::Duration) | (Type::Duration, Type::Timestamp) => Type::Timestamp,
        (Type::Duration, Type::Duration) => Type::Duration,
        (Type::Timestamp | Type::Duration, Type::Dynamic)
        | (Type::Dynamic, Type::Timestamp | Type::Duration) => Type::Dynamic,
        (Type::List(one), Type::List(other)) => {
            Type::list(Type::common([Type::clone(one), Type::clone(other)]))
        }
        (Type::List(_), Type::Dynamic) | (Type::Dynamic, Type::List(_)) => Type::list(Type::Dynamic),
        _ => return None,
    })
}

fn subtracted(left: &Type, right: &Type) -> Option<Type> {
    Some(match (left, right) {
        (Type::Timestamp, Type::Timestamp) | (Type::Duration, Type::Duration) => Type::Duration,
        (Type::Timestamp, Type::Duration) => Type::Timestamp,
        (Type::Timestamp | Type::Duration, Type::Dynamic)
        | (Type::Dynamic, Type::Timestamp | Type::Duration) => Type::Dynamic,
        _ => return None,
    })
}

fn contained(element: &Type, container: &Type) -> Outcome {
    let inner = match container {
        Type::Dynamic => return Outcome::Gives(Type::Bool),
        Type::List(inner) | Type::Map(inner, _) => inner,
        Type::Record(_) => &Type::String,
        _ => return Outcome::Refused,
    };
    if element.fits(inner) {
        Outcome::Gives(Type::Bool)
    } else {
        Outcome::NeverEqual
    }
}
