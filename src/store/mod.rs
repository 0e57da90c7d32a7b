//! The only SQL. One text for both engines, one small executor, no traits.
//!
//! What lives here: statements and the rows they read and write. What does not: decisions. Functions
//! take `&mut Tx` first and the scope (organization, directory) second, and answer `Option` where
//! something may be absent: the caller decides what absence means.

pub mod db;
mod dialect;
mod ids;
mod lane;
mod statement;

pub use db::{Db, Tx};
pub use lane::Lane;
pub use statement::{Column, Rows, Stmt, sql};
