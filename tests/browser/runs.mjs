// What the guard parked, decided by name.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { parked } from "./data.mjs";
import { api, organization, within } from "./server.mjs";

const effects = async ({ id }, state) => (await api("GET", `/sync_runs/${id}/effects?limit=100&state=${state}`)).data;

test("one person of a parked run is approved by name, the rest is rejected", async (t) => {
  const { id } = await organization();
  const { run } = await parked(id);
  const waiting = await effects(run, "parked");
  assert.ok(waiting.length > 3, "something waits");
  const { person } = waiting[0];
  const theirs = waiting.filter((effect) => effect.person === person).length;

  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}`);
  await visitor.press(/held back|park|wait/i, "link");
  assert.equal(visitor.path, `/console/${id}/runs/${run.id}`);
  const boxes = await visitor.page.$$("input[name=effect]");
  assert.equal(boxes.length, waiting.length);
  for (const box of boxes) {
    if ((await box.evaluate((input) => input.closest("tr").innerText)).includes(person)) await box.click();
  }
  await visitor.press(`Remove what is ticked (${theirs})`);
  assert.match(await visitor.text("[role=status]"), /Approved/);
  assert.deepEqual([...new Set((await effects(run, "approved")).map((effect) => effect.person))], [person]);
  const left = (await effects(run, "parked")).length;
  assert.equal(left, waiting.length - theirs);

  // What a button removes or keeps is counted on it.
  await visitor.find("button", `Remove all ${left} that wait`);
  await visitor.press(`Keep all ${left}`);
  assert.equal((await effects(run, "rejected")).length, left);
  await within(5, "the run is over", async () => (await api("GET", `/sync_runs/${run.id}`)).state === "succeeded");
  await visitor.go(`/console/${id}/runs/${run.id}`);
  assert.match(await visitor.text("main"), /succeeded/);
});

test("nothing is decided where nothing is ticked", async (t) => {
  const { id } = await organization();
  const { run } = await parked(id);
  const before = (await effects(run, "parked")).length;
  const visitor = (await asOwner(t)).expect(/status of 422/);
  await visitor.go(`/console/${id}/runs/${run.id}`);
  await visitor.press("Remove what is ticked");
  assert.match(await visitor.text("[role=alert]"), /Tick/);
  assert.equal((await effects(run, "parked")).length, before);
});

test("a run ends on the page of whoever looks", async (t) => {
  const { id } = await organization();
  const { run } = await parked(id);
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/runs`);
  await visitor.page.waitForSelector("body[data-following]");
  await visitor.sees(/awaiting|waits/i, "#runs");
  await api("POST", `/sync_runs/${run.id}/approve`, {});
  await visitor.sees(/succeeded|done/i, "#runs");
});
