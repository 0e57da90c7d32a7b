//! What goes on beside requests.

pub mod deliver;
pub mod removals;
pub mod requests;
pub mod runs;
pub mod sweep;
pub mod verify;
