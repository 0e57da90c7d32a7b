// What other sites, other organizations' guests and hostile texts try, and do not get.

import assert from "node:assert/strict";
import test from "node:test";
import { OWNER, Visitor, asOwner } from "./browser.mjs";
import { foreign } from "./data.mjs";
import { Directory, api, base, organization, portalLink, rule, site, unique } from "./server.mjs";

const { hostname } = new URL(base);

/** A page that sends a form to the console as soon as it is opened. */
const forged = (path, fields) => `<!doctype html><title>Elsewhere</title>
  <form method="post" action="${base}${path}">${Object.entries(fields)
    .map(([name, value]) => `<input name="${name}" value="${value}">`)
    .join("")}</form><script>document.forms[0].submit()</script>`;

test("a form of another site changes nothing, neither of a stranger nor of a neighbour", async (t) => {
  const name = `Forged ${unique()}`;
  const { port: elsewhere, close } = await site(forged("/console", { name }));
  t.after(close);
  const other = hostname === "localhost" ? "127.0.0.1" : "localhost";
  for (const host of [hostname, other]) {
    const visitor = (await asOwner(t)).expect(/status of [34]\d\d/, /asks elsewhere/, /favicon/);
    const arrived = visitor.page.waitForResponse((answer) => answer.url() === `${base}/console`);
    await visitor.page.goto(`http://${host}:${elsewhere}/`).catch(() => {});
    // Of a site that is a stranger, the browser sends no cookie; of one on this machine it does, and is refused.
    assert.equal((await arrived).status(), 403, `a form from ${host}`);
    await visitor.go(`/console?q=${encodeURIComponent(name)}`);
    assert.equal(await visitor.page.$("tbody tr"), null, "nothing was made");
  }
});

test("a script of another site reads nothing", async (t) => {
  const { port: elsewhere, close } = await site("<!doctype html><title>Elsewhere</title>");
  t.after(close);
  const visitor = (await asOwner(t)).expect(/asks elsewhere/, /CORS/, /Failed to (load|fetch)/, /favicon/, /status of/);
  await visitor.page.goto(`http://${hostname}:${elsewhere}/`);
  const read = await visitor.page.evaluate(
    (url) =>
      fetch(url, { credentials: "include" }).then(
        (answer) => answer.text(),
        () => "refused",
      ),
    `${base}/console`,
  );
  assert.equal(read, "refused");
});

test("the console is shown in no frame", async (t) => {
  const { port: elsewhere, close } = await site(
    `<!doctype html><title>Elsewhere</title><iframe src="${base}/console"></iframe>`,
  );
  t.after(close);
  const visitor = (await asOwner(t)).expect(/asks elsewhere/, /fram/i, /favicon/, /status of/);
  await visitor.page.goto(`http://${hostname}:${elsewhere}/`);
  const frame = await (await visitor.page.$("iframe")).contentFrame();
  const shown = await frame.evaluate(() => document.body?.innerText ?? "").catch(() => "");
  assert.doesNotMatch(shown, /Organizations/);
});

test("an address that leads elsewhere after the sign-in leads to the console", async (t) => {
  await asOwner(t);
  const visitor = await Visitor.of(t);
  await visitor.go("/console/sign-in?next=//evil.example/console");
  await visitor.fill("E-mail", OWNER.email);
  await visitor.fill("Password", OWNER.password);
  await visitor.press("Sign in");
  assert.equal(visitor.page.url(), `${base}/console`);
});

test("an address cannot make a page say what somebody else wants", async (t) => {
  const { id } = await organization();
  const visitor = await asOwner(t);
  for (const text of ["<b id=planted>Call 555</b>", "Your password has expired, call 555"]) {
    await visitor.go(`/console/${id}?said=${encodeURIComponent(text)}`);
    assert.doesNotMatch(await visitor.text(), /555/);
    await visitor.go(`/console?q=${encodeURIComponent(`"><img src=x onerror="window.__hit=1">`)}`);
    assert.equal(await visitor.page.$("img[src=x]"), null);
  }
});

test("a guest of the portal sees their organization and nothing else", async (t) => {
  const [own, other] = [await organization(), await organization()];
  const link = await portalLink(own.id, { return_url: "https://app.example/settings" });
  const guest = (await Visitor.of(t)).expect(/status of 40[134]/);
  await guest.go(link);
  assert.match(await guest.text("h1"), new RegExp(own.name));
  await guest.press("Open the portal");
  assert.equal(guest.path, `/console/${own.id}`);
  assert.equal(await guest.text("h1"), own.name);
  const sections = await guest.page.$$eval("nav.side a", (links) => links.map((link) => link.innerText));
  assert.deepEqual(
    ["Overview", "Directories", "Rules", "API keys", "Audit", "Webhooks"].map((name) => sections.includes(name)),
    [true, true, true, false, false, false],
  );
  // The way home, from wherever.
  await guest.go("/console");
  assert.equal(guest.path, `/console/${own.id}`);
  for (const path of ["/console/account", `/console/${other.id}`, `/console/${other.id}/rules`]) {
    const answer = await guest.go(path);
    assert.ok([403, 404].includes(answer.status()), `${path}: ${answer.status()}`);
    assert.doesNotMatch(await guest.text(), new RegExp(other.name));
  }
  for (const path of ["keys", "audit", "webhooks", "events"]) {
    assert.equal((await guest.go(`/console/${own.id}/${path}`)).status(), 403, path);
  }
  // Nor do forms that the guest makes up.
  await guest.go(`/console/${own.id}`);
  const forms = [`${own.id}/keys`, `${own.id}/portal-link`, `${other.id}/rules/save`, `${other.id}/runs`, "operators"];
  for (const path of forms) {
    const send = async (to) => {
      const body = new URLSearchParams({ name: "x", do: "save" });
      return (await fetch(to, { method: "POST", body })).status;
    };
    const status = await guest.page.evaluate(send, `/console/${path}`);
    assert.ok([403, 404].includes(status), `${path}: ${status}`);
  }
  const again = (await Visitor.of(t)).expect(/status of 40[134]/);
  assert.ok((await again.go(link)).status() >= 400, "the link works once");
  await guest.go(`/console/${own.id}`);
  const back = await guest.page.$eval(".menu a[href^=https]", (way) => way.href);
  assert.equal(back, "https://app.example/settings");
});

test("a guest of the portal cannot take an account that is another organization's", async (t) => {
  const own = await organization();
  const okta = await Directory.of(own.id, "Okta");
  const { email, id: account } = await foreign();
  await rule(own.id, "everybody", { user: "active eq true" }, [{ ensure_membership: {} }]);
  const person = await okta.user(email, { emails: [{ value: email, primary: true }] });
  const guest = (await Visitor.of(t)).expect(/status of 4\d\d/);
  await guest.go(await portalLink(own.id));
  await guest.press("Open the portal");
  const page = `/console/${own.id}/directories/${okta.id}/users/${person}`;
  assert.equal((await guest.go(page)).status(), 200);
  assert.match(await guest.text("main"), /pending/);
  for (const fields of [{}, { user_id: account }]) {
    await guest.page.evaluate(
      (to, body) => fetch(to, { method: "POST", body: new URLSearchParams(body) }),
      `${page}/confirm`,
      fields,
    );
    const { data } = await api("GET", `/identity_links?organization_id=${own.id}`);
    assert.deepEqual(data.map(({ state }) => state), ["pending"]);
  }
});
