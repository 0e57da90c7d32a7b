// Why somebody has something, and why not.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { people } from "./data.mjs";
import { Directory, api, organization, rule } from "./server.mjs";

/** Ada is in a mirrored group by a rule; Max is in none, since his group does not match. */
async function two() {
  const { id } = await organization();
  const okta = await Directory.of(id, "Okta");
  const [ada, max] = await people(okta, ["Ada Lovelace", "Max Planck"]);
  await okta.group("physics", [max]);
  await rule(id, "teams", { group: 'displayName sw "eng-"' }, [{ mirror_group: { name: "Web" } }]);
  await okta.group("eng-web", [ada]);
  await rule(id, "physicists", { group: 'displayName eq "physics"' }, [{ ensure_membership: {} }]);
  const { data: memberships } = await api("GET", `/user_management/organization_memberships?organization_id=${id}`);
  const names = [];
  for (const membership of memberships) {
    const user = await api("GET", `/user_management/users/${membership.user_id}`);
    names.push([user.first_name, membership.id]);
  }
  const [group] = (await api("GET", `/organizations/${id}/groups`)).data;
  return { id, group, membership: Object.fromEntries(names) };
}

test("a person's page says why they are in a group: by which rule, directory group and request", async (t) => {
  const { id, membership } = await two();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/people`);
  await visitor.follow("Ada Lovelace");
  assert.equal(visitor.path, `/console/${id}/people/${membership.Ada}`);
  await visitor.press("Why?", "link");
  const why = await visitor.text("#why");
  for (const word of [/yes/i, /teams/, /eng-web/, /Okta/, /POST \S*\/Groups/]) assert.match(why, word);
});

test("a person's page says why they are not in a group, and what would do", async (t) => {
  const { id, group, membership } = await two();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/people/${membership.Max}`);
  const field = await visitor.page.$("input[name=why]");
  await field.type(group.id);
  await visitor.press("Explain");
  const why = await visitor.text("#why");
  for (const word of [/no/, /Why not the group Web/, /teams/, /eng-web/]) assert.match(why, word);
});

test("a group's members each have their reason, and only those by hand can be taken out", async (t) => {
  const { id, membership } = await two();
  const board = await api("POST", `/organizations/${id}/groups`, { name: "Board" });
  await api("POST", `/organizations/${id}/groups/${board.id}/organization-memberships`, {
    organization_membership_id: membership.Max,
  });
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/groups`);
  await visitor.follow("Web");
  assert.match(await visitor.text("#members"), /Ada Lovelace[\s\S]*teams/);
  assert.deepEqual(await visitor.all("button", /Remove/), []);
  await visitor.follow("Groups");
  await visitor.follow("Board");
  assert.match(await visitor.text("#members"), /Max Planck[\s\S]*hand/);
  await visitor.press("Remove 1 person");
  await visitor.sees("Nobody is in it", "#members");
});
