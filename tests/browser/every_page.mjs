// Every page of the console, looked at in light, in dark and on a phone.

import assert from "node:assert/strict";
import test from "node:test";
import { Visitor, asOwner } from "./browser.mjs";
import { crawl, everything } from "./crawl.mjs";
import { rich } from "./data.mjs";
import { Directory, organization, portalLink, unique } from "./server.mjs";

test("no page keeps anybody out, scrolls sideways, or complains", async (t) => {
  const { id, plan } = await rich();
  const { pages, kinds, problems } = await crawl(t, [`/console/${id}`, "/console", `/console/${id}/plans/${plan.id}`, `/console/${id}/search?q=eng`], everything, ({ pathname }) =>
    // Other tests have organizations of their own.
    !pathname.startsWith("/console/org_") || pathname.startsWith(`/console/${id}`),
  );
  t.diagnostic(`${pages.length} pages of ${kinds.length} kinds`);
  for (const kind of kinds) t.diagnostic(kind);
  assert.deepEqual(problems, []);
});

test("an organization where nothing is yet has no page that fails", async (t) => {
  const { id } = await organization();
  const { problems } = await crawl(t, [`/console/${id}`], everything, (link) =>
    link.pathname.startsWith(`/console/${id}`),
  );
  assert.deepEqual(problems, []);
});

test("pages before the sign-in are held to the same", async (t) => {
  const visitor = (await Visitor.of(t)).expect(/status of 40[14]/);
  const { pathname: portal } = new URL(await portalLink((await organization()).id));
  for (const path of ["/console/sign-in", "/console/enter/enter_nonsense", portal, "/portal/portal_nonsense"]) {
    await visitor.go(path);
    assert.deepEqual(await everything(visitor), [], path);
  }
});

test("pages that answer a form are held to the same", async (t) => {
  const { id } = await organization();
  const { id: directory } = await Directory.of(id, "Okta");
  const visitor = (await asOwner(t)).expect(/status of 422/);
  /** Fills in the form that has these fields, and looks at the page that answers it. */
  const answers = async (path, what, fields) => {
    await visitor.go(path);
    for (const [name, value] of Object.entries(fields)) {
      await visitor.page.$eval(`main [name=${name}]`, (field, to) => (field.value = to), value);
    }
    const button = await visitor.page.$(`main form:has([name=${Object.keys(fields)[0]}]) button`);
    await button.evaluate((pressed) => pressed.closest("details")?.setAttribute("open", ""));
    await Promise.all([visitor.page.waitForNavigation(), button.press("Enter")]);
    assert.deepEqual(await everything(visitor), [], what);
  };
  await answers(`/console/${id}/keys`, "a key", { name: "Export" });
  await answers(`/console/${id}`, "a link to the portal", { return_url: "https://app.example/" });
  await answers(`/console/${id}/directories/new`, "a directory", { name: "Okta" });
  await answers(`/console/${id}/directories/${directory}`, "a token", { name: "Second" });
  await answers("/console/operators", "an invitation", { email: `${unique()}@muster.example` });
  await answers(`/console/${id}/rules/new`, "a rule that is wrong", { key: "wrong", group: "nonsense" });
});
