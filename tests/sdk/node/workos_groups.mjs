// Native groups and their members, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import { ConflictException, NotFoundException } from "@workos-inc/node";
import { Directory, ids, member, organization, refused, rule, unique, workos } from "./support.mjs";

const { groups, userManagement } = workos;

async function groupOf(organizationId, name = "Engineering") {
  return groups.createGroup({ organizationId, name });
}

async function membersOf({ organizationId, id: groupId }) {
  return ids((await groups.listOrganizationMemberships({ organizationId, groupId, limit: 100 })).data);
}

test("a group is as it was made", async () => {
  const { id: organizationId } = await organization();
  const plain = await groupOf(organizationId, "Ops");
  assert.match(plain.id, /^group_/);
  assert.deepEqual([plain.name, plain.description, plain.organizationId], ["Ops", null, organizationId]);
  const described = await groups.createGroup({ organizationId, name: "Ops", description: "On call" });
  assert.equal(described.description, "On call");
  for (const made of [plain, described]) {
    assert.deepEqual(await groups.getGroup({ organizationId, groupId: made.id }), made);
  }
});

test("groups are listed over many pages", async () => {
  const { id: organizationId } = await organization();
  const made = [];
  for (let n = 0; n < 105; n += 1) made.push((await groupOf(organizationId, `Team ${n}`)).id);
  const first = await groups.listGroups({ organizationId, limit: 2 });
  assert.deepEqual(ids(first.data), made.slice(-2).toReversed());
  const second = await groups.listGroups({ organizationId, limit: 2, after: first.listMetadata.after });
  assert.deepEqual(ids(second.data), made.slice(-4, -2).toReversed());
  const pages = await groups.listGroups({ organizationId });
  assert.deepEqual(ids(await pages.autoPagination()), made.toReversed(), "more than a page can hold");
  const oldest = await groups.listGroups({ organizationId, order: "asc" });
  assert.deepEqual(ids(await oldest.autoPagination()), made);
});

test("an update of a group changes what it names", async () => {
  const { id: organizationId } = await organization();
  const { id: groupId } = await groups.createGroup({ organizationId, name: "Ops", description: "On call" });
  const renamed = await groups.updateGroup({ organizationId, groupId, name: "Operations", description: "On call" });
  assert.deepEqual([renamed.name, renamed.description], ["Operations", "On call"]);
  const described = await groups.updateGroup({ organizationId, groupId, description: "Awake" });
  assert.deepEqual([described.name, described.description], ["Operations", "Awake"]);
  // This SDK sends null for a description that was left out.
  const cleared = await groups.updateGroup({ organizationId, groupId, name: "Ops" });
  assert.deepEqual([cleared.name, cleared.description], ["Ops", null]);
  assert.deepEqual(await groups.getGroup({ organizationId, groupId }), cleared);
});

test("members are added once, listed, removed, and know their groups", async () => {
  const { id: organizationId } = await organization();
  const group = await groupOf(organizationId);
  const options = { organizationId, groupId: group.id };
  const members = [];
  for (let n = 0; n < 3; n += 1) members.push(await member(organizationId));
  for (const { id: organizationMembershipId } of [...members, members[0]]) {
    const answer = await groups.addOrganizationMembership({ ...options, organizationMembershipId });
    assert.deepEqual([answer.id, answer.name], [group.id, "Engineering"], "the answer is the group");
  }
  const first = await groups.listOrganizationMemberships({ ...options, limit: 2 });
  assert.equal(first.data.length, 2);
  assert.deepEqual([first.data[0].status, first.data[0].directoryManaged], ["active", false]);
  const second = await groups.listOrganizationMemberships({ ...options, limit: 2, after: first.listMetadata.after });
  assert.deepEqual(ids([...first.data, ...second.data]), ids(members).toReversed());
  assert.equal(second.listMetadata.after, null);

  const organizationMembershipId = members[0].id;
  const theirs = await userManagement.listGroupsForOrganizationMembership({ organizationMembershipId });
  assert.deepEqual(ids(theirs.data), [group.id]);
  for (let n = 0; n < 2; n += 1) {
    await groups.removeOrganizationMembership({ ...options, organizationMembershipId });
  }
  assert.deepEqual(await membersOf(group), ids(members.slice(1)).toReversed());
  await groups.deleteGroup(options);
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => groups.getGroup(options),
    () => groups.deleteGroup(options),
    () => groups.listOrganizationMemberships(options),
  );
  const none = await userManagement.listGroupsForOrganizationMembership({ organizationMembershipId: members[1].id });
  assert.deepEqual(none.data, []);
});

test("groups of a rule are changed by the rule alone, and have more members than a page", async () => {
  const { id: organizationId } = await organization();
  const byHand = await member(organizationId);
  const directory = await Directory.of(organizationId);
  await directory.group("eng-ios", await directory.users(unique(), 105));
  await rule(organizationId, "mirror", { group: 'displayName sw "eng-"' }, [{ mirror_group: {} }]);
  const [group] = (await groups.listGroups({ organizationId })).data;
  const options = { organizationId, groupId: group.id };
  const pages = await groups.listOrganizationMemberships(options);
  const people = await pages.autoPagination();
  assert.equal(new Set(ids(people)).size, 105);
  assert.ok(people.every((membership) => membership.directoryManaged));
  await refused(
    ConflictException,
    409,
    "group_managed",
    () => groups.addOrganizationMembership({ ...options, organizationMembershipId: byHand.id }),
    () => groups.removeOrganizationMembership({ ...options, organizationMembershipId: people[0].id }),
    () => groups.updateGroup({ ...options, name: "Mine" }),
    () => groups.deleteGroup(options),
  );
});

test("groups and members of another organization are not found", async () => {
  const { id: organizationId } = await organization();
  const group = await groupOf(organizationId);
  const membership = await member(organizationId);
  const { id: other } = await organization();
  const theirs = await groupOf(other);
  const options = { organizationId: other, groupId: group.id };
  const organizationMembershipId = membership.id;
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => groups.getGroup(options),
    () => groups.updateGroup({ ...options, name: "Mine" }),
    () => groups.deleteGroup(options),
    () => groups.listOrganizationMemberships(options),
    () => groups.addOrganizationMembership({ organizationId: other, groupId: theirs.id, organizationMembershipId }),
    () => groups.removeOrganizationMembership({ ...options, organizationMembershipId }),
  );
  assert.deepEqual(await membersOf(theirs), []);
});
