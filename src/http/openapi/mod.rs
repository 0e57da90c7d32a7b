//! Routes that describe themselves: an endpoint is a route, a handler and its description in one place, so that none can
//! be there without the others. `/openapi.json` is made of the descriptions.
//!
//! What lives here: the builder that `routes()` of each API is written with, the schemas of bodies, the document. What
//! does not: handlers of the APIs.

mod document;
mod operation;
pub mod page;
mod parameters;
pub mod schema;
pub mod schemas;
pub mod serve;
pub mod tags;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::app::App;
pub use document::Document;
pub use operation::Operation;
use tags::Tag;

/// Routes with their descriptions.
pub struct Endpoints {
    tag: &'static Tag,
    router: Router<App>,
    operations: Vec<Operation>,
}

impl Endpoints {
    /// No routes yet; those that follow are described in this group.
    pub fn of(tag: &'static Tag) -> Self {
        Endpoints { tag, router: Router::new(), operations: Vec::new() }
    }

    /// A GET.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(("get", MethodFilter::GET), path, handler, describe)
    }

    /// A POST.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(("post", MethodFilter::POST), path, handler, describe)
    }

    /// A PUT.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(("put", MethodFilter::PUT), path, handler, describe)
    }

    /// A PATCH.
    #[must_use]
    pub fn patch<H, T>(self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(("patch", MethodFilter::PATCH), path, handler, describe)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(("delete", MethodFilter::DELETE), path, handler, describe)
    }

    /// Any method. Described as a GET: an endpoint that says the same to all of them.
    #[must_use]
    pub fn any<H, T>(mut self, path: &'static str, handler: H, describe: impl FnOnce(Operation) -> Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, axum::routing::any(handler));
        self.operations.push(describe(Operation::new(self.tag, "get", path)));
        self
    }

    fn on<H, T>(
        mut self,
        (method, filter): (&'static str, MethodFilter),
        path: &'static str,
        handler: H,
        describe: impl FnOnce(Operation) -> Operation,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        self.operations.push(describe(Operation::new(self.tag, method, path)));
        self
    }

    /// A path that answers any method and is no endpoint: what it says is that there is none. Not described.
    #[must_use]
    pub fn nowhere(mut self, path: &'static str, handler: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, handler);
        self
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, other: Endpoints) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    /// Middleware around the routes so far.
    #[must_use]
    pub fn within(mut self, wrap: impl FnOnce(Router<App>) -> Router<App>) -> Self {
        self.router = wrap(self.router);
        self
    }

    /// The descriptions.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The routes, and the descriptions of them.
    pub fn into_parts(self) -> (Router<App>, Vec<Operation>) {
        (self.router, self.operations)
    }
}
