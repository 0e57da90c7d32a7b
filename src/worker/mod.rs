//! What goes on beside requests.

pub mod requests;
pub mod sweep;
