//! The macros `all`, `exists`, `exists_one`, `map` and `filter`, found again in what the parser makes of them.

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

/// A macro and its parts.
#[derive(Clone, Copy)]
pub(crate) enum Macro<'expression> {
    /// The condition is true of every element.
    All(&'expression IdedExpr),
    /// The condition is true of at least one element.
    Exists(&'expression IdedExpr),
    /// The condition is true of exactly one element.
    ExistsOne(&'expression IdedExpr),
    /// A list of what comes of each element of which the condition is true.
    Map {
        condition: Option<&'expression IdedExpr>,
        element: &'expression IdedExpr,
    },
}

impl<'expression> Macro<'expression> {
    /// Which macro it was; `None` for shapes that the parser does not make.
    pub(crate) fn of(comprehension: &'expression ComprehensionExpr) -> Option<Self> {
        let step = call(&comprehension.loop_step)?;
        let sought = &comprehension.accu_var;
        let is_result =
            |expression: &IdedExpr| matches!(&expression.expr, Expr::Ident(name) if name == sought);
        match (step.func_name.as_str(), &step.args[..]) {
            (operators::LOGICAL_AND, [_, body]) => Some(Self::All(body)),
            (operators::LOGICAL_OR, [_, body]) => Some(Self::Exists(body)),
            (operators::CONDITIONAL, [condition, then, otherwise]) if is_result(otherwise) => {
                match &comprehension.accu_init.expr {
                    Expr::Literal(LiteralValue::Int(_)) => Some(Self::ExistsOne(condition)),
                    _ => Some(Self::Map {
                        condition: Some(condition),
                        element: appended(then)?,
                    }),
                }
            }
            (operators::ADD, _) => Some(Self::Map {
                condition: None,
                element: appended(&comprehension.loop_step)?,
            }),
            _ => None,
        }
    }
}

/// `x` of `@result + [x]`.
fn appended(step: &IdedExpr) -> Option<&IdedExpr> {
    match &call(step)?.args[..] {
        [
            _,
            IdedExpr {
                expr: Expr::List(list),
                ..
            },
        ] => list.elements.first(),
        _ => None,
    }
}

fn call(expression: &IdedExpr) -> Option<&CallExpr> {
    match &expression.expr {
        Expr::Call(call) => Some(call),
        _ => None,
    }
}
