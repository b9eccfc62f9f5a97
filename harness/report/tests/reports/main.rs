//! Every report of recorded and of made-up runs: what it looks like, and that all of them say the same.

mod agreement;
mod goldens;
mod junit;
mod made_up;
mod page;
mod recorded;
mod schema;
