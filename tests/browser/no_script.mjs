// The basic path without script: every page is complete without it.

import assert from "node:assert/strict";
import test from "node:test";
import { OWNER, Visitor, ownerCookie } from "./browser.mjs";
import { people } from "./data.mjs";
import { Directory, api, organization } from "./server.mjs";

test("without script one signs in, writes a rule, mends it, plans it, applies it, and signs out", async (t) => {
  await ownerCookie();
  const { id, name } = await organization();
  const okta = await Directory.of(id, "Okta");
  await okta.group("eng-web", await people(okta, ["Ada Lovelace"]));
  const visitor = await Visitor.of(t, { script: false });
  await visitor.signIn(OWNER);
  await visitor.go(`/console?q=${name}`);
  await visitor.follow(name);
  assert.match(await visitor.text("main"), /1 people|1 person/);
  await visitor.follow("Rules");
  await visitor.follow("New rule");
  await visitor.fill("Key", "engineers");
  await visitor.fill("Directory groups", 'displayNam sw "eng-"');
  await visitor.press("Check");
  assert.match(await visitor.text("#effect"), /did you mean displayName/);
  assert.match(await visitor.text("#effect .mark"), /displayNam/);
  await visitor.fill("Directory groups", 'displayName sw "eng-"');
  await (await visitor.find("checkbox", "Each group becomes a native group")).press("Space");
  await visitor.press("Check");
  assert.match(await visitor.text("#effect"), /1 of 1 directory group/);
  await visitor.press("Show the plan");
  await visitor.press(/^Apply exactly this/);
  const { data } = await api("GET", `/organizations/${id}/groups`);
  assert.deepEqual(data.map((group) => group.name), ["eng-web"]);
  await visitor.go("/console");
  await (await visitor.page.$("details.me summary")).press("Enter");
  await visitor.press("Sign out");
  assert.match(visitor.path, /sign-in/);
});
