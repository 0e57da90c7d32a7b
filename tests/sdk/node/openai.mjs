// The groups, roles and people of an organization, through the SDK of OpenAI.

import assert from "node:assert/strict";
import test from "node:test";
import { AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError } from "openai";
import {
  Directory,
  MISSING,
  all,
  ids,
  key,
  member,
  openaiClient,
  openaiOf,
  organization,
  organizationKey,
  refused,
  rule,
  unique,
} from "./support.mjs";

/** An organization, a key to it, and the SDK with that key. */
async function start() {
  const { id } = await organization();
  const bearer = await organizationKey(id);
  return { id, bearer, openai: openaiOf(bearer) };
}

test("a group is made, read, renamed and deleted", async () => {
  const { openai } = await start();
  const made = await openai.groups.create({ name: "Support Team" });
  assert.match(made.id, /^group_/);
  assert.deepEqual([made.name, made.is_scim_managed, made.group_type], ["Support Team", false, "group"]);
  assert.ok(Number.isInteger(made.created_at) && Math.abs(made.created_at - Date.now() / 1000) < 60);
  assert.deepEqual(await openai.groups.retrieve(made.id), made);
  const renamed = await openai.groups.update(made.id, { name: "Escalations" });
  assert.deepEqual([renamed.id, renamed.name, renamed.created_at], [made.id, "Escalations", made.created_at]);
  const deleted = await openai.groups.delete(made.id);
  assert.deepEqual([deleted.object, deleted.id, deleted.deleted], ["group.deleted", made.id, true]);
  await refused(
    NotFoundError,
    404,
    undefined,
    () => openai.groups.retrieve(made.id),
    () => openai.groups.update(made.id, { name: "Again" }),
    () => openai.groups.delete(made.id),
    () => openai.groups.users.list(made.id),
  );
});

test("groups are listed oldest first over many pages", async () => {
  const { openai } = await start();
  const made = [];
  for (let n = 0; n < 5; n += 1) made.push((await openai.groups.create({ name: `Team ${n}` })).id);
  const page = await openai.groups.list({ limit: 2 });
  assert.deepEqual([ids(page.data), page.has_more], [made.slice(0, 2), true]);
  assert.deepEqual(ids(await all(page)), made, "the SDK goes on by itself");
  assert.deepEqual(ids(await all(await openai.groups.list({ limit: 2, order: "desc" }))), made.toReversed());
});

test("people are put into a group and taken out", async () => {
  const { id, openai } = await start();
  const group = await openai.groups.create({ name: "Support Team" });
  const people = [];
  for (let n = 0; n < 5; n += 1) {
    const { userId: user_id } = await member(id);
    const added = await openai.groups.users.create(group.id, { user_id });
    assert.deepEqual([added.object, added.group_id, added.user_id], ["group.user", group.id, user_id]);
    people.push(user_id);
  }
  const pages = await openai.groups.users.list(group.id, { limit: 2 });
  assert.equal(pages.data.length, 2);
  assert.deepEqual(ids(await all(pages)), people.toReversed(), "newest first");
  const one = await openai.groups.users.retrieve(people[0], { group_id: group.id });
  assert.deepEqual([one.id, one.user_type, one.is_service_account], [people[0], "user", false]);
  const removed = await openai.groups.users.delete(people[0], { group_id: group.id });
  assert.deepEqual([removed.object, removed.deleted], ["group.user.deleted", true]);
  await refused(
    NotFoundError,
    404,
    undefined,
    () => openai.groups.users.retrieve(people[0], { group_id: group.id }),
    () => openai.groups.users.create(group.id, { user_id: `user_${MISSING}` }),
  );
});

test("a role is made, read, changed and deleted", async () => {
  const { openai } = await start();
  const role_name = unique();
  const made = await openai.roles.create({ role_name, permissions: ["api.groups.read"], description: "Reads" });
  assert.deepEqual([made.object, made.name, made.description], ["role", role_name, "Reads"]);
  assert.deepEqual([made.permissions, made.predefined_role], [["api.groups.read"], false]);
  assert.deepEqual(await openai.roles.retrieve(made.id), made);
  const changed = await openai.roles.update(made.id, { description: "Reads groups" });
  assert.deepEqual([changed.name, changed.description], [role_name, "Reads groups"]);
  const roles = await all(await openai.roles.list());
  assert.ok(ids(roles).includes(made.id) && roles.some(({ predefined_role }) => predefined_role));
  assert.deepEqual(ids(await all(await openai.roles.list({ limit: 1 }))), ids(roles));
  const deleted = await openai.roles.delete(made.id);
  assert.deepEqual([deleted.object, deleted.id, deleted.deleted], ["role.deleted", made.id, true]);
  await refused(NotFoundError, 404, undefined, () => openai.roles.retrieve(made.id));
});

test("groups and people are given roles", async () => {
  const { id, openai } = await start();
  const group = await openai.groups.create({ name: "Support Team" });
  const { userId } = await member(id);
  await openai.groups.users.create(group.id, { user_id: userId });
  const role = await openai.roles.create({ role_name: unique(), permissions: [] });
  const toGroup = await openai.groups.roles.create(group.id, { role_id: role.id });
  assert.deepEqual([toGroup.object, toGroup.group.id, toGroup.role], ["group.role", group.id, role]);
  assert.equal(toGroup.group.scim_managed, false);
  assert.deepEqual(ids(await all(await openai.groups.roles.list(group.id))), [role.id]);
  assert.equal((await openai.groups.roles.retrieve(role.id, { group_id: group.id })).name, role.name);
  assert.ok(ids(await all(await openai.users.roles.list(userId))).includes(role.id), "they reach its people");
  const fromGroup = await openai.groups.roles.delete(role.id, { group_id: group.id });
  assert.deepEqual([fromGroup.object, fromGroup.deleted], ["group.role.deleted", true]);

  const toUser = await openai.users.roles.create(userId, { role_id: role.id });
  assert.deepEqual([toUser.object, toUser.user.id, toUser.role], ["user.role", userId, role]);
  assert.equal((await openai.users.roles.retrieve(role.id, { user_id: userId })).id, role.id);
  const fromUser = await openai.users.roles.delete(role.id, { user_id: userId });
  assert.deepEqual([fromUser.object, fromUser.deleted], ["user.role.deleted", true]);
  await refused(NotFoundError, 404, undefined, () => openai.users.roles.retrieve(role.id, { user_id: userId }));
});

test("people are listed over many pages, read, changed and removed", async () => {
  const { id, openai } = await start();
  const people = [];
  for (let n = 0; n < 5; n += 1) people.push((await member(id)).userId);
  const pages = await openai.users.list({ limit: 2 });
  assert.equal(pages.data.length, 2);
  assert.deepEqual(ids(await all(pages)).sort(), people.toSorted());
  const one = await openai.users.retrieve(people[0]);
  assert.deepEqual([one.object, one.id, one.is_scim_managed], ["organization.user", people[0], false]);
  const found = await openai.users.list({ emails: [one.email] });
  assert.deepEqual(ids(found.data), [people[0]]);
  assert.equal((await openai.users.update(people[0], { role: "owner" })).role, "owner");
  const deleted = await openai.users.delete(people[0]);
  assert.deepEqual([deleted.object, deleted.id, deleted.deleted], ["organization.user.deleted", people[0], true]);
  await refused(NotFoundError, 404, undefined, () => openai.users.retrieve(people[0]));
});

test("a group of a directory says so and is not changed by hand", async () => {
  const { id, bearer, openai } = await start();
  const directory = await Directory.of(id);
  await directory.group("eng-ios", await directory.users(unique(), 1));
  await rule(id, "mirror", { group: 'displayName sw "eng-"' }, [{ mirror_group: {} }]);
  const [group] = (await openai.groups.list()).data;
  assert.equal(group.is_scim_managed, true);
  const [ada] = (await openai.groups.users.list(group.id)).data;
  let requests = 0;
  const counting = (...given) => {
    requests += 1;
    return fetch(...given);
  };
  // With the retries that the SDK makes by default.
  const patient = openaiClient(bearer, { maxRetries: 2, fetch: counting }).admin.organization;
  await refused(
    PermissionDeniedError,
    403,
    "group_scim_managed",
    () => patient.groups.update(group.id, { name: "Mine" }),
    () => patient.groups.delete(group.id),
    () => patient.groups.users.delete(ada.id, { group_id: group.id }),
  );
  assert.equal(requests, 3, "no attempt was repeated");
});

test("errors have their classes and explain themselves", async () => {
  const { openai } = await start();
  const group = await openai.groups.create({ name: "Support Team" });
  const stranger = openaiClient("sk_test_wrong").admin.organization;
  const theirs = (await start()).openai;
  for (const [kind, status, attempt] of [
    [BadRequestError, 400, () => openai.groups.create({ name: "" })],
    [BadRequestError, 400, () => openai.groups.list({ limit: 1001 })],
    [AuthenticationError, 401, () => stranger.groups.list()],
    [NotFoundError, 404, () => theirs.groups.retrieve(group.id)],
    [NotFoundError, 404, () => openai.groups.retrieve("nonsense")],
  ]) {
    await refused(kind, status, undefined, attempt);
    await assert.rejects(attempt, ({ error, requestID }) => {
      assert.ok(requestID);
      assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
      return true;
    });
  }
});

test("a key of the environment names the organization", async () => {
  const { id, openai } = await start();
  const group = await openai.groups.create({ name: "Support Team" });
  const named = openaiClient(key, { organization: id }).admin.organization;
  assert.deepEqual((await named.groups.list()).data, [group]);
  await refused(BadRequestError, 400, undefined, () => openaiClient(key).admin.organization.groups.list());
});
