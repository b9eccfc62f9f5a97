//! Which parts of an expression are true or false whatever its variables are.
//!
//! A part like `size(x) >= 0`, `x == x` or `x != "a" || x != "b"` makes a test that cannot fail, and one like `x == "a" && x == "b"` a wait
//! that cannot end. They are found by evaluating the expression with its variables unknown: constants fold, sizes are not negative, a part
//! is equal to itself, and what all parts of a conjunction say of one value must be possible together.

mod constant;
mod contradiction;
mod judge;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use judge::matches_everything;
pub(crate) use report::vacuities;
