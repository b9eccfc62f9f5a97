//! The truth of a part with its variables unknown.

use super::{
    constant::{fold, same},
    contradiction::is_contradictory,
};
use crate::{
    comprehension::Macro,
    types::{Checked, Type},
};
use kube_cel::cel::{
    Value,
    common::ast::{CallExpr, Expr, IdedExpr, operators},
};

/// A truth that no value of the variables changes, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) truth: bool,
    pub(super) reason: Reason,
}

/// What is known while an expression is judged.
pub(super) struct Judge<'judge> {
    pub(super) checked: &'judge Checked,
    /// Variables whose value is known.
    pub(super) known: Vec<(&'judge str, Value)>,
}

/// Why a truth never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing in it can change.
    Constant,
    /// Both sides are the same.
    Itself,
    /// A size is never below 0.
    Size,
    /// Every text contains the empty text.
    EmptyText,
    /// The pattern matches every text.
    EveryText,
    /// Every object has the field.
    There,
    /// Nothing is in an empty list.
    EmptyList,
    /// Its parts exclude each other.
    Contradiction,
    /// One of its parts is true in any case.
    Tautology,
}

impl Reason {
    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Constant => "nothing in it can change",
            Self::Itself => "both sides are the same",
            Self::Size => "a size is never below 0",
            Self::EmptyText => "every text contains the empty text",
            Self::EveryText => "the pattern matches every text",
            Self::There => "every object has this field",
            Self::EmptyList => "nothing is in an empty list",
            Self::Contradiction => "its parts exclude each other",
            Self::Tautology => "whatever the value is, one of its parts is true",
        }
    }

    /// What to do.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Constant => "leave it out, or look at something that can change",
            Self::Itself => "compare with the value that it must have",
            Self::Size => "leave it out, or write `> 0` if there must be some",
            Self::EmptyText => "name the text that must be there",
            Self::EveryText => "write a pattern that some texts do not match",
            Self::There => "leave it out, or say which value the field must have",
            Self::EmptyList => "name what it may be",
            Self::Contradiction => "write `||` if one of them is enough",
            Self::Tautology => "write `&&` if all of them must be true",
        }
    }
}

/// Texts of all sorts: a pattern that matches each of them matches everything.
const TEXTS: [&str; 5] = ["", "\u{0}", "a", "0 Z\u{10ffff}", "- ü\n\n;"];

impl Judge<'_> {
    /// The truth of a part if it is always the same; an evaluation that ends in an error aside.
    pub(super) fn judge(&self, part: &IdedExpr) -> Option<Verdict> {
        match &part.expr {
            Expr::Select(select) if select.test => self
                .checked
                .type_of(&select.operand)
                .always_has(&select.field)
                .then_some(Verdict {
                    truth: true,
                    reason: Reason::There,
                }),
            Expr::Call(call) => self.call(part, call),
            Expr::Comprehension(comprehension) => {
                if self.is_empty(&comprehension.iter_range) {
                    return match Macro::of(comprehension)? {
                        Macro::All(_) => Some(constant(true)),
                        Macro::Exists(_) | Macro::ExistsOne(_) => Some(constant(false)),
                        Macro::Map { .. } => None,
                    };
                }
                match Macro::of(comprehension)? {
                    Macro::All(body) => self.judge(body).filter(|verdict| verdict.truth),
                    Macro::Exists(body) | Macro::ExistsOne(body) => {
                        self.judge(body).filter(|verdict| !verdict.truth)
                    }
                    Macro::Map { .. } => None,
                }
            }
            _ => self.folded(part),
        }
    }

    fn folded(&self, part: &IdedExpr) -> Option<Verdict> {
        match fold(part, &self.known) {
            Some(Value::Bool(truth)) => Some(constant(truth)),
            _ => None,
        }
    }

    fn call(&self, part: &IdedExpr, call: &CallExpr) -> Option<Verdict> {
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, [left, right]) => self.connected(part, left, right, true),
            (operators::LOGICAL_OR, [left, right]) => self.connected(part, left, right, false),
            (operators::LOGICAL_NOT, [operand]) => self.judge(operand).map(Verdict::negated),
            (operators::CONDITIONAL, [condition, then, otherwise]) => match self.judge(condition) {
                Some(Verdict { truth: true, .. }) => self.judge(then),
                Some(Verdict { truth: false, .. }) => self.judge(otherwise),
                None => {
                    let (one, other) = (self.judge(then)?, self.judge(otherwise)?);
                    (one.truth == other.truth).then_some(one)
                }
            },
            (operator, [left, right]) => self
                .compared(operator, left, right)
                .or_else(|| self.text(part, call))
                .or_else(|| self.folded(part)),
            _ => self.text(part, call).or_else(|| self.folded(part)),
        }
    }

    /// `&&` with `and`, else `||`.
    fn connected(&self, part: &IdedExpr, left: &IdedExpr, right: &IdedExpr, and: bool) -> Option<Verdict> {
        let sides = [self.judge(left), self.judge(right)];
        if let Some(verdict) = sides.iter().flatten().find(|verdict| verdict.truth != and) {
            return Some(*verdict);
        }
        if let [Some(verdict), Some(_)] = sides {
            return Some(verdict);
        }
        is_contradictory(part, !and).then_some(Verdict {
            truth: !and,
            reason: if and {
                Reason::Contradiction
            } else {
                Reason::Tautology
            },
        })
    }

    fn compared(&self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Option<Verdict> {
        if same(left, right) && fold(left, &self.known).is_none() {
            let truth = match operator {
                operators::EQUALS | operators::LESS_EQUALS | operators::GREATER_EQUALS => true,
                operators::NOT_EQUALS | operators::LESS | operators::GREATER => false,
                _ => return None,
            };
            return Some(Verdict {
                truth,
                reason: Reason::Itself,
            });
        }
        if operator == operators::IN {
            return self.is_empty(right).then_some(Verdict {
                truth: false,
                reason: Reason::EmptyList,
            });
        }
        let truth = match (
            self.is_size(left),
            self.number(right),
            self.is_size(right),
            self.number(left),
        ) {
            (true, Some(bound), ..) => size_against(operator, bound),
            (_, _, true, Some(bound)) => size_against(mirrored(operator), bound),
            _ => None,
        };
        truth.map(|truth| Verdict {
            truth,
            reason: Reason::Size,
        })
    }

    /// A size of something unknown.
    fn is_size(&self, part: &IdedExpr) -> bool {
        matches!(&part.expr, Expr::Call(call) if call.func_name == "size")
            && fold(part, &self.known).is_none()
    }

    fn number(&self, part: &IdedExpr) -> Option<i64> {
        match fold(part, &self.known) {
            Some(Value::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// Whether it is an empty list, or what comes of one by `map` or `filter`.
    fn is_empty(&self, part: &IdedExpr) -> bool {
        match &part.expr {
            Expr::Comprehension(comprehension) => {
                matches!(Macro::of(comprehension), Some(Macro::Map { .. }))
                    && self.is_empty(&comprehension.iter_range)
            }
            _ => matches!(fold(part, &self.known), Some(Value::List(elements)) if elements.is_empty()),
        }
    }

    /// `contains`, `startsWith`, `endsWith` and `matches` of what every text has.
    fn text(&self, part: &IdedExpr, call: &CallExpr) -> Option<Verdict> {
        let (text, sought) = match (&call.target, &call.args[..]) {
            (Some(text), [sought]) => (text.as_ref(), sought),
            (None, [text, sought]) => (text, sought),
            _ => return self.folded(part),
        };
        let Some(Value::String(sought)) = fold(sought, &self.known) else {
            return None;
        };
        let reason = match call.func_name.as_str() {
            // Of a list the empty text may well be an element.
            "contains" if sought.is_empty() && *self.checked.type_of(text) == Type::String => {
                Reason::EmptyText
            }
            "startsWith" | "endsWith" if sought.is_empty() => Reason::EmptyText,
            "matches" if matches_everything(&sought) => Reason::EveryText,
            _ => return None,
        };
        Some(Verdict { truth: true, reason })
    }
}

/// Whether a regular expression matches a part of every text.
pub(crate) fn matches_everything(pattern: &str) -> bool {
    TEXTS.iter().all(|text| {
        crate::TextCondition::Matches(pattern.to_owned())
            .holds(text)
            .unwrap_or(false)
    })
}

const fn constant(truth: bool) -> Verdict {
    Verdict {
        truth,
        reason: Reason::Constant,
    }
}

impl Verdict {
    const fn negated(self) -> Self {
        Self {
            truth: !self.truth,
            reason: self.reason,
        }
    }
}

fn mirrored(operator: &str) -> &str {
    match operator {
        operators::LESS => operators::GREATER,
        operators::LESS_EQUALS => operators::GREATER_EQUALS,
        operators::GREATER => operators::LESS,
        operators::GREATER_EQUALS => operators::LESS_EQUALS,
        other => other,
    }
}

/// What is always so of a size, which is 0 or more, and a bound.
fn size_against(operator: &str, bound: i64) -> Option<bool> {
    match operator {
        operators::GREATER_EQUALS if bound <= 0 => Some(true),
        operators::GREATER | operators::NOT_EQUALS if bound < 0 => Some(true),
        operators::LESS if bound <= 0 => Some(false),
        operators::LESS_EQUALS | operators::EQUALS if bound < 0 => Some(false),
        _ => None,
    }
}
