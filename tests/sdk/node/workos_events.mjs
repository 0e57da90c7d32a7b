// The feed of events, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import { BadRequestException, UnprocessableEntityException } from "@workos-inc/node";
import { Directory, ids, organization, refused, unique, within, workos } from "./support.mjs";

const { events, groups, organizations, userManagement: users } = workos;

/** An organization in which groups were made one after the other. */
async function withGroups() {
  const { id: organizationId } = await organization();
  const names = ["Team 0", "Team 1", "Team 2", "Team 3", "Team 4"];
  for (const name of names) await groups.createGroup({ organizationId, name });
  return { organizationId, names };
}

test("what happens to an organization is told in order", async () => {
  const { id: organizationId } = await organization();
  const { id: userId } = await users.createUser({ email: `${unique()}@corp.example` });
  const { id } = await users.createOrganizationMembership({ userId, organizationId });
  const { id: groupId } = await groups.createGroup({ organizationId, name: "Engineering" });
  await groups.addOrganizationMembership({ organizationId, groupId, organizationMembershipId: id });
  await groups.updateGroup({ organizationId, groupId, name: "Research" });
  await users.deactivateOrganizationMembership(id);
  await groups.deleteGroup({ organizationId, groupId });
  await users.deleteOrganizationMembership(id);
  const directory = await Directory.of(organizationId);
  const ada = await directory.user("ada@corp.example", { title: "Countess" });
  const pushed = await directory.group("Pilots", [ada]);
  await directory.patch(`/Users/${ada}`, { op: "replace", path: "title", value: "Duchess" });
  await directory.patch(`/Groups/${pushed}`, { op: "replace", path: "displayName", value: "Crew" });
  await directory.patch(`/Groups/${pushed}`, { op: "remove", path: `members[value eq "${ada}"]` });
  await directory.request("DELETE", `/Groups/${pushed}`);
  await directory.request("DELETE", `/Users/${ada}`);
  await workos.directorySync.deleteDirectory(directory.id);
  const left = async () => (await workos.directorySync.listDirectories({ organizationId })).data.length;
  await within(20, "the end of the directory", async () => (await left()) === 0);
  await organizations.deleteOrganization(organizationId);

  const wanted = [
    "organization.created",
    "organization_membership.created",
    "group.created",
    "group.member_added",
    "group.updated",
    "organization_membership.updated",
    "group.member_removed",
    "group.deleted",
    "organization_membership.deleted",
    "dsync.activated",
    "dsync.user.created",
    "dsync.group.created",
    "dsync.group.user_added",
    "dsync.user.updated",
    "dsync.group.updated",
    "dsync.group.user_removed",
    "dsync.group.deleted",
    "dsync.user.deleted",
    "dsync.deleted",
    "organization.deleted",
  ];
  const told = (await events.listEvents({ events: wanted, organizationId, limit: 100 })).data;
  assert.deepEqual(new Set(told.map(({ event }) => event)), new Set(wanted));
  assert.deepEqual(ids(told), ids(told).sort(), "in order");
  const of = (name) => told.find(({ event }) => event === name).data;
  assert.deepEqual(of("group.member_added"), { groupId, organizationMembershipId: id });
  assert.deepEqual([of("group.created").name, of("group.updated").name], ["Engineering", "Research"]);
  assert.equal(of("organization_membership.updated").status, "inactive");
  assert.equal(of("dsync.user.created").email, "ada@corp.example");
  const added = of("dsync.group.user_added");
  assert.deepEqual([added.user.email, added.group.name, added.directoryId], ["ada@corp.example", "Pilots", directory.id]);
  assert.equal(of("dsync.group.updated").previousAttributes.name, "Pilots");
  assert.ok(told.every(({ context }) => context.actor.id));
});

test("events are read oldest first, page by page", async () => {
  const { organizationId, names } = await withGroups();
  const list = (options) => events.listEvents({ events: ["group.created"], organizationId, ...options });
  const namesOf = ({ data }) => data.map((event) => event.data.name);
  const first = await list({ limit: 2 });
  assert.deepEqual(namesOf(first), names.slice(0, 2));
  const second = await list({ limit: 2, after: first.listMetadata.after });
  assert.deepEqual(namesOf(second), names.slice(2, 4));
  const last = await list({ limit: 2, after: second.listMetadata.after });
  assert.deepEqual([namesOf(last), last.listMetadata.after ?? null], [names.slice(4), null]);
  assert.deepEqual(namesOf(await list({ order: "desc", limit: 2 })), names.toReversed().slice(0, 2));
  assert.deepEqual((await list({ after: last.data[0].id })).data, []);
  await groups.createGroup({ organizationId, name: "Later" });
  assert.deepEqual(namesOf(await list({ after: last.data[0].id })), ["Later"]);
});

test("events are chosen by name, organization and time", async () => {
  const { organizationId, names } = await withGroups();
  const wanted = { events: ["group.created", "organization.created"], organizationId };
  const chosen = (await events.listEvents(wanted)).data;
  assert.deepEqual(
    chosen.map(({ event }) => event),
    ["organization.created", ...names.map(() => "group.created")],
  );
  const around = (hours) => new Date(Date.parse(chosen[0].createdAt) + hours * 3_600_000).toISOString();
  const within = async (rangeStart, rangeEnd) =>
    (await events.listEvents({ ...wanted, rangeStart, rangeEnd })).data.length;
  assert.deepEqual([await within(around(-1), around(1)), await within(around(1)), await within(undefined, around(-1))], [6, 0, 0]);
});

test("a feed that cannot go on says so", async () => {
  for (const after of ["nonsense", "event_nonsense"]) {
    await refused(BadRequestException, 400, undefined, () => events.listEvents({ events: ["group.created"], after }));
  }
  await refused(UnprocessableEntityException, 422, undefined, () => events.listEvents({ events: [] }));
});
