//! What every part of the running program shares, built once.

use std::sync::Arc;

use crate::domain::Clock;
use crate::store::Db;

/// The program's shared parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// How it was started.
    pub config: Arc<Config>,
}

/// What a server needs to know from its flags and environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL under which clients reach the server, without a trailing slash.
    pub public_url: String,
    /// The digest of the root key of the environment, if one was given.
    pub root_key_digest: Option<String>,
    /// The key that signs cursors. Replicas that share clients share it.
    pub cursor_key: [u8; 32],
    /// Requests per second and directory or key before 429.
    pub requests_per_second: u32,
    /// The largest request body, in bytes.
    pub max_body: usize,
}

impl Config {
    /// The default of [`Config::requests_per_second`]: never touches an honest client.
    pub const REQUESTS_PER_SECOND: u32 = 5_000;
    /// The default of [`Config::max_body`]: 100,000 members with room to spare.
    pub const MAX_BODY: usize = 16 << 20;

    /// The SCIM base URL of a directory.
    pub fn scim_base_url(&self, directory: crate::domain::id::DirectoryId) -> String {
        format!("{}/scim/v2/{directory}", self.public_url)
    }
}
