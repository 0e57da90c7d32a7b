//! What the tests share.

pub mod console;
pub mod database;
pub mod described;
pub mod desk;
pub mod events;
pub mod explain;
pub mod native;
pub mod openai;
pub mod people;
pub mod receiver;
pub mod runs;
pub mod scene;
pub mod scim;
pub mod server;
