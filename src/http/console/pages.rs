//! The table of pages: a path, who may come, and what a form does, in one place. So there is no page without the gate,
//! and no form without an entry in the audit log.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::gate::{self, Gate};
use crate::app::App;

/// Who may come to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who asks: pages by which one comes in.
    Everybody,
    /// Whoever is signed in: operators, and guests of the portal.
    SignedIn,
    /// Operators only.
    Operators,
}

/// A page or a form, as tests go through all of them.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo {
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// Who may come.
    pub audience: Audience,
    /// What the form does, as the audit log calls it; `None` for a page.
    pub action: Option<&'static str>,
}

/// Pages and forms.
pub struct Pages {
    app: App,
    audience: Audience,
    router: Router<App>,
    list: Vec<PageInfo>,
}

impl Pages {
    /// No pages yet; those that follow are for `audience`.
    pub fn for_(app: &App, audience: Audience) -> Self {
        Pages { app: app.clone(), audience, router: Router::new(), list: Vec::new() }
    }

    /// A page.
    #[must_use]
    pub fn page<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(path, None, get(handler))
    }

    /// A form, and what it does.
    #[must_use]
    pub fn form<H, T>(self, path: &'static str, action: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(path, Some(action), post(handler))
    }

    fn on(mut self, path: &'static str, action: Option<&'static str>, handler: MethodRouter<App>) -> Self {
        let gate = Gate { app: self.app.clone(), audience: self.audience, action };
        self.router = self.router.route(path, handler.layer(from_fn_with_state(gate, gate::pass)));
        self.list.push(PageInfo { path, audience: self.audience, action });
        self
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, other: Pages) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }

    /// The routes.
    pub fn into_router(self) -> Router<App> {
        self.router
    }

    /// What there is.
    pub fn list(&self) -> &[PageInfo] {
        &self.list
    }
}
