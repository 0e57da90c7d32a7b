//! Somebody who uses the console, without script: pages are read, forms are sent.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;

use super::server::{TestServer, client};

/// Somebody who is signed in.
pub struct Console {
    http: reqwest::Client,
    url: String,
    cookie: String,
}

/// What they see.
#[derive(Debug)]
pub struct Seen {
    /// The status.
    pub status: u16,
    /// Where they are sent; empty if they are not.
    pub location: String,
    /// The page.
    pub text: String,
}

impl Seen {
    /// Demands a status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.location, self.text);
        self
    }

    /// The first path in the page that begins so.
    pub fn path_in(&self, beginning: &str) -> String {
        let at = self.text.find(beginning).unwrap_or_else(|| panic!("no {beginning} in {}", self.text));
        self.text[at..].chars().take_while(|c| !matches!(c, '<' | '"' | '&')).collect()
    }

    /// Whether the page shows this.
    pub fn shows(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// What a browser says of where a form comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// From a page of the console.
    Same,
    /// This, by fetch metadata.
    Site(&'a str),
    /// This, by the name of the origin, as browsers did before.
    Named(&'a str),
    /// Nothing.
    Unsaid,
}

impl Console {
    /// Somebody who is not signed in.
    pub fn nobody(server: &TestServer) -> Self {
        // Also sees to it that there is a provider of cryptography.
        drop(client());
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Console { http, url: server.server.url(), cookie: String::new() }
    }

    /// The first owner, who comes in by the link of the first start.
    pub async fn owner(server: &TestServer) -> Self {
        let link = server.server.first_owner.clone().expect("a link for the first owner");
        let path = link.strip_prefix(&server.server.app.config.public_url).unwrap_or(&link).to_owned();
        let fields = [
            ("email", "owner@example.com"),
            ("name", "Olga Owner"),
            ("password", "correct horse battery"),
            ("password_again", "correct horse battery"),
        ];
        Self::enter(server, &path, &fields).await
    }

    /// A guest of an organization's portal.
    pub async fn guest(server: &TestServer, owner: &Console, organization: &str) -> Self {
        let path = owner.portal_link(organization).await;
        Self::enter(server, &path, &[]).await
    }

    /// Somebody whom an owner invited.
    pub async fn invited(server: &TestServer, owner: &Console, email: &str, role: &str) -> Self {
        let page = owner.post("/console/operators", &[("email", email), ("role", role)]).await.expect(200);
        let fields = [("password", "correct horse battery"), ("password_again", "correct horse battery")];
        Self::enter(server, &page.path_in("/console/enter/"), &fields).await
    }

    /// A new link to the portal of an organization: its path.
    pub async fn portal_link(&self, organization: &str) -> String {
        let page = self.post(&format!("/console/{organization}/portal-link"), &[]).await.expect(200);
        page.path_in("/portal/")
    }

    /// Somebody who comes in by a link, with the fields that its page asks for.
    pub async fn enter(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Self {
        let nobody = Self::nobody(server);
        let answer = nobody.request("POST", path, Origin::Same).body(encoded(fields)).send().await;
        nobody.with_cookie_of(&answer.expect("the server answers"))
    }

    /// Signs in with a password; answers what is seen then.
    pub async fn sign_in(&self, email: &str, password: &str) -> Seen {
        self.post("/console/sign-in", &[("email", email), ("password", password)]).await
    }

    /// Somebody who signed in with a password.
    pub async fn signed_in(&self, email: &str, password: &str) -> Self {
        let fields = [("email", email), ("password", password)];
        let request = self.request("POST", "/console/sign-in", Origin::Same).body(encoded(&fields));
        self.with_cookie_of(&request.send().await.expect("the server answers"))
    }

    fn with_cookie_of(&self, answer: &reqwest::Response) -> Self {
        let cookie = answer.headers().get(SET_COOKIE).map(|value| value.to_str().expect("text").to_owned());
        let cookie = cookie.unwrap_or_else(|| panic!("nobody was let in: {}", answer.status()));
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Console { http: self.http.clone(), url: self.url.clone(), cookie }
    }

    /// A request as a browser sends it from a page of the console.
    fn request(&self, method: &str, path: &str, origin: Origin<'_>) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method.parse().expect("a method"), format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie);
        match origin {
            Origin::Same => request.header("sec-fetch-site", "same-origin"),
            Origin::Site(site) => request.header("sec-fetch-site", site),
            Origin::Named(name) => request.header("origin", name),
            Origin::Unsaid => request,
        }
    }

    /// The status of an answer, and where it sends to; its body is not waited for.
    pub async fn status(&self, method: &str, path: &str, origin: Origin<'_>) -> (u16, String) {
        let answer = self.request(method, path, origin).send().await.expect("the server answers");
        let location = answer.headers().get(LOCATION).map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), location.unwrap_or_default())
    }

    /// Reads a page.
    pub async fn get(&self, path: &str) -> Seen {
        seen(self.request("GET", path, Origin::Same)).await
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        seen(self.request("POST", path, Origin::Same).body(encoded(fields))).await
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn seen(request: reqwest::RequestBuilder) -> Seen {
    let answer = request.send().await.expect("the server answers");
    let status = answer.status().as_u16();
    let location = answer.headers().get(LOCATION).map(|value| value.to_str().expect("text").to_owned());
    Seen { status, location: location.unwrap_or_default(), text: answer.text().await.expect("a page") }
}

/// A text as a page shows it.
pub fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => shown.push_str(&format!("&#{};", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}
