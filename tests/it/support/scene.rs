//! A directory with somebody in a group, to see that they stay as they are.

use super::server::{TestDirectory, TestServer};

/// A directory and what it held at first.
pub struct Scene {
    pub directory: TestDirectory,
    /// The path of the user.
    pub user: String,
    /// The path of the group.
    pub group: String,
    before: String,
}

impl Scene {
    /// Makes them.
    pub async fn set(server: &TestServer) -> Self {
        let directory = server.directory().await;
        let user = directory.user("ada@x.example").await;
        let group = directory.group("Eng", &[&user]).await;
        let before = server.state(&directory).await;
        Scene { directory, user: format!("/Users/{user}"), group: format!("/Groups/{group}"), before }
    }

    /// Takes what is there now for how it was.
    pub async fn remember(&mut self, server: &TestServer) {
        self.before = server.state(&self.directory).await;
    }

    /// Every request that takes a body.
    pub fn writes(&self) -> [(&'static str, &str); 9] {
        [
            ("POST", "/Users"),
            ("PUT", &self.user),
            ("PATCH", &self.user),
            ("POST", "/Groups"),
            ("PUT", &self.group),
            ("PATCH", &self.group),
            ("POST", "/Users/.search"),
            ("POST", "/.search"),
            ("POST", "/Bulk"),
        ]
    }

    /// Demands that nothing has changed, and no event was emitted.
    pub async fn unchanged(&self, server: &TestServer, what: &str) {
        assert_eq!(server.state(&self.directory).await, self.before, "{what}");
    }
}
