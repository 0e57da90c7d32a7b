// Those who use the console: operators of several ranks, keys that they make, what is written down of them.

import assert from "node:assert/strict";
import test from "node:test";
import { Visitor, asOwner } from "./browser.mjs";
import { acme, api, base, organization, unique } from "./server.mjs";

/** Invites somebody by the page of operators; their address and the link that it shows. */
async function invite(owner, role) {
  const email = `${unique()}@muster.example`;
  await owner.go("/console/operators");
  await owner.fill("E-mail", email);
  await owner.fill("Name", "Rita Reader");
  await owner.page.select("section select[name=role]", role);
  await owner.press("Make the invitation");
  return { email, link: await owner.text("code") };
}

test("somebody invited to read sees everything and changes nothing", async (t) => {
  const { id } = await acme();
  const owner = await asOwner(t);
  const { link } = await invite(owner, "read");
  const reader = (await Visitor.of(t)).expect(/status of 403/);
  await reader.go(link);
  await reader.fill("Password", "seven grey geese in a row");
  await reader.fill("The same again", "seven grey geese in a row");
  await reader.press("Set the password and sign in");
  assert.equal(reader.path, "/console");
  for (const page of ["", "directories", "rules", "runs", "groups", "people", "webhooks", "keys", "verification"]) {
    const path = `/console/${id}${page && `/${page}`}`;
    assert.equal((await reader.go(path)).status(), 200, path);
    const forms = await reader.page.$$eval("main form[method=post]", (all) => all.map((form) => form.action));
    assert.deepEqual(forms, [], `${path} offers nothing that is refused`);
  }
  const refused = await reader.page.evaluate(
    (path) => fetch(path, { method: "POST", body: new URLSearchParams({ name: "x" }) }).then((answer) => answer.status),
    `/console/${id}/keys`,
  );
  assert.equal(refused, 403);
});

test("whoever is removed is out at once", async (t) => {
  const owner = await asOwner(t);
  const { link, email } = await invite(owner, "admin");
  const admin = await Visitor.of(t);
  await admin.go(link);
  await admin.fill("Password", "seven grey geese in a row");
  await admin.fill("The same again", "seven grey geese in a row");
  await admin.press("Set the password and sign in");
  await owner.go("/console/operators");
  const row = await owner.page.evaluateHandle(
    (address) => [...document.querySelectorAll("tbody tr")].find((one) => one.innerText.includes(address)),
    email,
  );
  await row.$eval("details", (part) => (part.open = true));
  const remove = await row.$("form[action$=remove] button");
  assert.match(await remove.evaluate((button) => button.innerText), /Remove Rita Reader/);
  await Promise.all([owner.page.waitForNavigation(), remove.press("Enter")]);
  assert.doesNotMatch(await owner.text("main"), new RegExp(email));
  await admin.go("/console");
  assert.match(admin.path, /^\/console\/sign-in/);
});

test("a key is shown once, works, and works no more when it is revoked", async (t) => {
  const { id } = await organization();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/keys`);
  await visitor.fill("Name", "Nightly export");
  await visitor.press("Create the key");
  const key = await visitor.text("#secret");
  assert.match(key, /^sk_\w{20}/);
  assert.equal((await api("GET", `/organizations/${id}`, undefined, key)).id, id);
  await visitor.go(`/console/${id}/keys`);
  assert.ok(!(await visitor.page.content()).includes(key), "it is shown once");
  await visitor.press("Revoke the key Nightly export");
  await assert.rejects(api("GET", `/organizations/${id}`, undefined, key), /401/);

  // Both are written down, in a chain that can be checked, without the key.
  await visitor.go(`/console/${id}/audit`);
  assert.ok(!(await visitor.page.content()).includes(key));
  assert.match(await visitor.text("main"), /Revoke API key[\s\S]*Create API key/);
  await visitor.follow("Check the chain");
  assert.match(await visitor.text("main"), /whole/);
});

test("the search finds people, groups, rules and ids", async (t) => {
  const { id, okta, finance } = await acme();
  const visitor = await asOwner(t);
  const search = async (text) => {
    await visitor.go(`/console/${id}`);
    await visitor.page.keyboard.press("/");
    await visitor.page.keyboard.sendCharacter(text);
    await Promise.all([visitor.page.waitForNavigation(), visitor.page.keyboard.press("Enter")]);
  };
  await search("lindholm");
  await visitor.follow("Grace Lindholm");
  assert.match(visitor.path, /\/people\/om_/);
  await search("eng");
  const found = await visitor.text("main");
  for (const name of ["Platform Engineering", "eng-platform", "engineering-teams"]) assert.ok(found.includes(name), name);
  for (const [of, path] of [
    [okta.id, `/console/${id}/directories/${okta.id}`],
    [finance.id, `/console/${id}/groups/${finance.id}`],
  ]) {
    await search(of);
    assert.equal(visitor.path, path);
  }
  assert.equal(new URL(visitor.page.url()).origin, base);
});
