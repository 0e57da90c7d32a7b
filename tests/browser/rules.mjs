// Rules: written with their effect beside, marked where they are wrong, planned, applied.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { people } from "./data.mjs";
import { Directory, acme, api, organization } from "./server.mjs";

const MISTAKE = 'displayNam sw "eng-"';
const FILTER = 'displayName sw "eng-"';

/** The letters of a field that are underlined, or null. */
const underlined = ({ page }, field) =>
  page.$eval(`[name=${field}]`, (area) => ({
    letters: area.parentElement.querySelector(".under .mark")?.textContent ?? null,
    invalid: area.getAttribute("aria-invalid"),
    described: document.getElementById(area.getAttribute("aria-describedby"))?.textContent ?? null,
  }));

test("a mistake in a filter is underlined in its place, and goes when it is mended", async (t) => {
  const { id } = await acme();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/rules/new`);
  await visitor.fill("Key", "engineers");
  await visitor.fill("Directory groups", MISTAKE);
  await visitor.page.waitForSelector(".under .mark");
  const wrong = await underlined(visitor, "group");
  assert.equal(wrong.letters, "displayNam");
  assert.equal(wrong.invalid, "true");
  assert.match(wrong.described, /did you mean displayName/);
  // The line is under the letters that it is about.
  const [line, field] = await visitor.page.$$eval(".under .mark, [name=group]", (parts) =>
    parts.map((part) => part.getBoundingClientRect().toJSON()).sort((a, b) => a.width - b.width),
  );
  assert.ok(line.left >= field.left && line.right <= field.right && line.top >= field.top && line.bottom <= field.bottom);

  await visitor.fill("Directory groups", FILTER);
  await visitor.page.waitForFunction(() => !document.querySelector(".under"));
  assert.deepEqual(await underlined(visitor, "group"), { letters: null, invalid: null, described: null });
});

test("what a rule would do follows while it is written", async (t) => {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const [ada, max] = await okta.users("effect", 2);
  await okta.group("eng-ios", [ada]);
  await okta.group("eng-web", [ada, max]);
  await okta.group("sales", [max]);
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/rules/new`);
  await visitor.fill("Key", "engineers");
  await (await visitor.find("checkbox", "Each group becomes a native group")).click();
  await visitor.fill("Directory groups", FILTER);
  await visitor.sees("2 of 3 directory groups matched", "#effect");
  await visitor.sees("eng-ios", "#effect");
  await visitor.fill("Pattern of the name", "^eng-(?<team>.+)$");
  await visitor.fill("Its name", "{{ team | title }} team");
  await visitor.sees("Ios team", "#effect");
  await visitor.sees("2 people concerned", "#effect");
  await visitor.sees("3 group memberships begin", "#effect");
  await visitor.fill("Directory groups", 'displayName eq "eng-web"');
  await visitor.sees("1 of 3 directory groups matched", "#effect");
  const { data } = await api("GET", `/mapping_rules?organization_id=${id}`);
  assert.deepEqual(data, [], "nothing is saved while one writes");
});

test("a plan is looked at and exactly it is applied", async (t) => {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const [ada, max] = await people(okta, ["Ada Lovelace", "Max Planck"]);
  await okta.group("eng-web", [ada]);
  const visitor = (await asOwner(t)).expect(/status of 4(09|22)/);
  await visitor.go(`/console/${id}/rules/new`);
  await visitor.fill("Key", "engineers");
  await visitor.fill("Directory groups", FILTER);
  await (await visitor.find("checkbox", "Each group becomes a native group")).click();
  await visitor.press("Show the plan");
  assert.match(visitor.path, /\/plans\/plan_/);
  const plan = visitor.path;
  assert.match(await visitor.text("main"), /ada\.lovelace|Ada Lovelace/);
  const rules = async () => (await api("GET", `/mapping_rules?organization_id=${id}`)).data;
  assert.deepEqual(await rules(), [], "a plan changes nothing");

  // What would happen is no longer what was shown: it is refused, and planned again.
  await okta.group("eng-api", [max]);
  await visitor.press(/^Apply exactly this/);
  assert.deepEqual(await rules(), []);
  assert.match(await visitor.text("[role=alert]"), /./);
  await visitor.press(/^Plan the same/);
  assert.notEqual(visitor.path, plan);
  assert.match(await visitor.text("main"), /max\.planck|Max Planck/);
  await visitor.press(/^Apply exactly this/);
  assert.match(await visitor.text("[role=status]"), /Applied/);
  const [made] = await rules();
  assert.deepEqual([made.key, made.applied_version], ["engineers", 1]);
  const { data: groups } = await api("GET", `/organizations/${id}/groups`);
  assert.deepEqual(groups.map(({ name }) => name).sort(), ["eng-api", "eng-web"]);
});

test("rules change places by buttons", async (t) => {
  const { id } = await acme();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/rules`);
  const order = () => visitor.page.$$eval("#rules tbody strong", (keys) => keys.map((key) => key.innerText));
  assert.deepEqual(await order(), ["engineering-teams", "departments", "finance-admins"]);
  await visitor.press("Plan to move departments up");
  assert.match(visitor.path, /\/plans\/plan_/);
  await visitor.press(/^Apply/);
  await visitor.go(`/console/${id}/rules`);
  assert.deepEqual(await order(), ["departments", "engineering-teams", "finance-admins"]);
});
