// Native users, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import { BadRequestException, NotFoundException } from "@workos-inc/node";
import { ids, member, organization, refused, unique, user, workos } from "./support.mjs";

const { userManagement: users } = workos;

test("a user is found by everything they were made with", async () => {
  const name = unique();
  const made = await users.createUser({
    email: `Ada.${name}@corp.example`,
    firstName: "Ada",
    lastName: "Lovelace",
    emailVerified: true,
    metadata: { locker: "12" },
    externalId: `hr/${name} 1`,
  });
  assert.match(made.id, /^user_/);
  assert.deepEqual([made.firstName, made.lastName, made.emailVerified], ["Ada", "Lovelace", true]);
  assert.deepEqual([made.metadata, made.lastSignInAt, made.profilePictureUrl], [{ locker: "12" }, null, null]);
  const read = await users.getUser(made.id);
  assert.deepEqual([read.id, read.email, read.externalId], [made.id, made.email, made.externalId]);
  assert.deepEqual(await users.getUserByExternalId(`hr/${name} 1`), read);
  assert.deepEqual((await users.listUsers({ email: `ada.${name}@CORP.example` })).data, [read]);
});

test("users are listed by organization over many pages", async () => {
  const { id: organizationId } = await organization();
  const made = [];
  for (let n = 0; n < 5; n += 1) made.push((await member(organizationId)).userId);
  const first = await users.listUsers({ organizationId, limit: 2 });
  assert.deepEqual(ids(first.data), made.slice(3).toReversed());
  const second = await users.listUsers({ organizationId, limit: 2, after: first.listMetadata.after });
  assert.deepEqual(ids(second.data), made.slice(1, 3).toReversed());
  const pages = await users.listUsers({ organizationId });
  assert.deepEqual(ids(await pages.autoPagination()), made.toReversed());
});

test("an update of a user changes what it names", async () => {
  const { id: userId, email } = await user();
  const name = unique();
  const update = (changes) => users.updateUser({ userId, ...changes });
  const named = await update({ lastName: "Lovelace", metadata: { a: "1", b: "2" }, externalId: name });
  assert.deepEqual([named.firstName, named.lastName, named.email], ["Ada", "Lovelace", email]);
  const moved = await update({ email: `countess.${name}@corp.example`, metadata: { a: null } });
  assert.deepEqual([moved.email, moved.metadata], [`countess.${name}@corp.example`, { b: "2" }]);
  assert.deepEqual([moved.lastName, moved.externalId], ["Lovelace", name]);
  assert.deepEqual((await update({ externalId: null })).externalId, null);
  await refused(NotFoundException, 404, "entity_not_found", () => users.getUserByExternalId(name));
});

test("addresses and external ids are unique", async () => {
  const first = await user();
  const name = unique();
  const second = await users.createUser({ email: `${name}@corp.example`, externalId: name });
  const taken = first.email.toUpperCase();
  await refused(BadRequestException, 400, "external_id_already_used", () =>
    users.updateUser({ userId: first.id, externalId: name }),
  );
  for (const attempt of [
    () => users.createUser({ email: taken }),
    () => users.updateUser({ userId: second.id, email: taken }),
  ]) {
    await assert.rejects(attempt, (error) => error.status === 400 && error.message.length > 0);
  }
});

test("a deleted user is gone with their memberships", async () => {
  const { id: organizationId } = await organization();
  const membership = await member(organizationId);
  await users.deleteUser(membership.userId);
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => users.getUser(membership.userId),
    () => users.updateUser({ userId: membership.userId, firstName: "Nobody" }),
    () => users.deleteUser(membership.userId),
    () => users.getOrganizationMembership(membership.id),
  );
});
