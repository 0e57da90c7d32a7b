// Every page of the console, looked at in light, in dark and on a phone.

import assert from "node:assert/strict";
import test from "node:test";
import { Visitor } from "./browser.mjs";
import { crawl, everything } from "./crawl.mjs";
import { rich } from "./data.mjs";
import { organization } from "./server.mjs";

test("no page keeps anybody out, scrolls sideways, or complains", async (t) => {
  const { id, plan } = await rich();
  const { pages, kinds, problems } = await crawl(t, [`/console/${id}`, "/console", `/console/${id}/plans/${plan.id}`], everything, ({ pathname }) =>
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
  for (const path of ["/console/sign-in", "/console/enter/enter_nonsense", "/portal/portal_nonsense"]) {
    await visitor.go(path);
    assert.deepEqual(await everything(visitor), [], path);
  }
});
