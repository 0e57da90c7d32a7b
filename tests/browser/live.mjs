// Pages follow what happens: a directory connects while somebody looks.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { Directory, base, organization } from "./server.mjs";

/** Marks the document, so that it is known whether it is still the same one. */
const mark = (visitor) => visitor.page.evaluate(() => (window.__same = true));
const isSame = (visitor) => visitor.page.evaluate(() => window.__same === true);

test("a directory arrives in the overview while it is looked at", async (t) => {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}`);
  await visitor.sees("waiting for its first request");
  await visitor.page.waitForSelector("body[data-following]");
  await mark(visitor);
  await okta.replay("okta/tour");
  await visitor.sees(/14 people/, ".cards");
  await visitor.sees(/5 groups/, ".cards");
  await visitor.sees("in sync", ".cards");
  assert.ok(await isSame(visitor), "the page was not loaded anew");
});

test("what somebody opened or has the focus on stays while news arrive", async (t) => {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}`);
  await visitor.page.waitForSelector("body[data-following]");
  await (await visitor.find("link", "Okta")).focus();
  await okta.user("ada@corp.example");
  await visitor.sees(/1 people|1 person/, ".cards");
  const here = await visitor.page.evaluate(() => document.activeElement.textContent);
  assert.equal(here, "Okta");
});

test("pages that nobody looks at leave room for the one that is", async (t) => {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const visitor = await asOwner(t);
  const tabs = [];
  // A browser has six connections to a server, and a page that follows takes one.
  for (let n = 0; n < 8; n += 1) {
    const tab = await visitor.context.newPage();
    await tab.goto(`${base}/console/${id}`);
    await tab.waitForSelector("body[data-following]");
    tabs.push(tab);
  }
  await okta.user("ada@corp.example");
  // One that was left comes back to what is true by then.
  await tabs[0].bringToFront();
  await tabs[0].waitForFunction(() => /1 (people|person)/.test(document.querySelector(".cards").innerText));
});
