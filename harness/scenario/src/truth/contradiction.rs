//! Whether the parts of a conjunction can be true together.

use super::constant::{fold, same};
use kube_cel::cel::{
    Value,
    common::ast::{Expr, IdedExpr, operators},
};

/// One claim of a conjunction: `left is right`.
struct Claim<'expression> {
    left: &'expression IdedExpr,
    relation: Relation,
    right: Side<'expression>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

enum Side<'expression> {
    Value(Value),
    Part(&'expression IdedExpr),
}

/// Whether the expression, or with `negated` its opposite, claims things that cannot be true together.
pub(super) fn is_contradictory(expression: &IdedExpr, negated: bool) -> bool {
    let mut claims = Vec::new();
    collect(expression, negated, &mut claims);
    claims.iter().enumerate().any(|(index, one)| {
        let mut rest = claims[index + 1..].iter();
        rest.any(|other| same(one.left, other.left) && exclude(one, other))
    })
}

/// The claims that are all true when the expression is true, or with `negated` when it is false; those that are no comparisons stand for
/// `part == true`.
fn collect<'expression>(
    expression: &'expression IdedExpr,
    negated: bool,
    claims: &mut Vec<Claim<'expression>>,
) {
    let claim = |left, relation: Relation, right| Claim {
        left,
        relation: if negated { relation.opposite() } else { relation },
        right,
    };
    if let Expr::Call(call) = &expression.expr {
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, [left, right]) if !negated => {
                collect(left, negated, claims);
                return collect(right, negated, claims);
            }
            (operators::LOGICAL_OR, [left, right]) if negated => {
                collect(left, negated, claims);
                return collect(right, negated, claims);
            }
            (operators::LOGICAL_NOT, [operand]) => return collect(operand, !negated, claims),
            (name, [left, right]) => {
                if let Some(relation) = Relation::of(name) {
                    claims.push(match (fold(left, &[]), fold(right, &[])) {
                        (_, Some(value)) => claim(left, relation, Side::Value(value)),
                        (Some(value), None) => claim(right, relation.mirrored(), Side::Value(value)),
                        (None, None) => claim(left, relation, Side::Part(right)),
                    });
                    return;
                }
            }
            _ => {}
        }
    }
    claims.push(claim(expression, Relation::Equal, Side::Value(Value::Bool(true))));
}

/// Whether two claims about the same part exclude each other.
fn exclude(one: &Claim<'_>, other: &Claim<'_>) -> bool {
    match (&one.right, &other.right) {
        (Side::Part(left), Side::Part(right)) => same(left, right) && one.relation.excludes(other.relation),
        (Side::Value(left), Side::Value(right)) => match (one.relation, other.relation) {
            (Relation::Equal, relation) => !relation.admits(left, right),
            (relation, Relation::Equal) => !relation.admits(right, left),
            (relation, opposite) => apart(relation, left, opposite, right),
        },
        _ => false,
    }
}

/// Whether nothing is, say, above the one bound and below the other.
fn apart(relation: Relation, bound: &Value, other: Relation, other_bound: &Value) -> bool {
    use Relation::{AtLeast, AtMost, Less, More};
    let Some(order) = bound.partial_cmp(other_bound) else {
        return false;
    };
    match (relation, other) {
        (More, Less | AtMost) | (AtLeast, Less) => order.is_ge(),
        (AtLeast, AtMost) => order.is_gt(),
        (Less, More | AtLeast) | (AtMost, More) => order.is_le(),
        (AtMost, AtLeast) => order.is_lt(),
        _ => false,
    }
}

impl Relation {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            operators::EQUALS => Self::Equal,
            operators::NOT_EQUALS => Self::Unequal,
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::AtMost,
            operators::GREATER => Self::More,
            operators::GREATER_EQUALS => Self::AtLeast,
            _ => return None,
        })
    }

    const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::More,
            Self::More => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }

    /// The same said from the other side.
    const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
            Self::Equal | Self::Unequal => self,
        }
    }

    /// Whether both can never be true of the same two values.
    const fn excludes(self, other: Self) -> bool {
        use Relation::{AtLeast, AtMost, Equal, Less, More, Unequal};
        matches!(
            (self, other),
            (Equal, Unequal | Less | More)
                | (Unequal | Less | More, Equal)
                | (Less, AtLeast | More)
                | (AtLeast | More, Less)
                | (More, AtMost)
                | (AtMost, More)
        )
    }

    /// Whether `value` can stand in this relation to `bound`.
    fn admits(self, value: &Value, bound: &Value) -> bool {
        let order = value.partial_cmp(bound);
        match self {
            Self::Equal => value == bound,
            Self::Unequal => value != bound,
            Self::Less => order.is_none_or(|order| order.is_lt()),
            Self::AtMost => order.is_none_or(|order| order.is_le()),
            Self::More => order.is_none_or(|order| order.is_gt()),
            Self::AtLeast => order.is_none_or(|order| order.is_ge()),
        }
    }
}
