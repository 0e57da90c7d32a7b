// What identity providers pushed, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import { NotFoundException } from "@workos-inc/node";
import { Directory, MISSING, ids, organization, refused, unique, within, workos } from "./support.mjs";

const { directorySync: sync } = workos;
const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

test("directories are listed, read and deleted", async () => {
  const { id: organizationId } = await organization();
  const okta = await Directory.of(organizationId);
  const entra = await Directory.of(organizationId, "Entra ID");
  await okta.user("ada@corp.example");
  assert.deepEqual(ids((await sync.listDirectories({ organizationId })).data), [entra.id, okta.id]);
  assert.deepEqual(ids((await sync.listDirectories({ organizationId, search: "okt" })).data), [okta.id]);
  const read = await sync.getDirectory(okta.id);
  // This SDK calls a linked directory active.
  assert.deepEqual([read.name, read.type, read.state], ["Okta", "generic scim v2.0", "active"]);
  assert.equal(read.organizationId, organizationId);
  assert.ok(read.externalKey);
  // A run deletes what it holds.
  await sync.deleteDirectory(okta.id);
  const left = async () => ids((await sync.listDirectories({ organizationId })).data);
  await within(20, "the end of the directory", async () => (await left()).length === 1);
  await refused(NotFoundException, 404, "entity_not_found", () => sync.getDirectory(okta.id));
  assert.deepEqual(await left(), [entra.id]);
});

test("a directory user shows what was pushed", async () => {
  const { id: organizationId } = await organization();
  const directory = await Directory.of(organizationId);
  await directory.user("ada@corp.example", {
    externalId: "okta-1",
    name: { givenName: "Ada", familyName: "Lovelace" },
    emails: [{ value: "ada@corp.example", type: "work", primary: true }],
    title: "Countess",
    active: true,
    [ENTERPRISE]: { department: "Engines" },
  });
  const [listed] = (await sync.listUsers({ directory: directory.id })).data;
  assert.match(listed.id, /^directory_user_/);
  assert.deepEqual([listed.directoryId, listed.organizationId], [directory.id, organizationId]);
  assert.deepEqual([listed.idpId, listed.email, listed.state], ["okta-1", "ada@corp.example", "active"]);
  assert.deepEqual([listed.firstName, listed.lastName, listed.groups], ["Ada", "Lovelace", []]);
  assert.equal(listed.customAttributes.department_name, "Engines");
  assert.equal(listed.rawAttributes.title, "Countess");
  assert.deepEqual(await sync.getUser(listed.id), listed);
});

test("directory users and groups are listed over many pages and by each other", async () => {
  const { id: organizationId } = await organization();
  const directory = await Directory.of(organizationId);
  const users = await directory.users(unique(), 105);
  await directory.group("One", users.slice(0, 3));
  await directory.group("Two", users.slice(0, 1));
  await directory.group("Three", []);

  const first = await sync.listUsers({ directory: directory.id, limit: 10 });
  assert.equal(first.data.length, 10);
  const pages = await sync.listUsers({ directory: directory.id });
  const everybody = await pages.autoPagination();
  assert.equal(new Set(ids(everybody)).size, 105);
  assert.deepEqual(ids(everybody.slice(0, 10)), ids(first.data));

  const groups = (await sync.listGroups({ directory: directory.id })).data;
  assert.deepEqual(
    groups.map(({ name, directoryId, idpId }) => [name, directoryId, idpId]),
    ["Three", "Two", "One"].map((name) => [name, directory.id, name]),
  );
  assert.deepEqual(await sync.getGroup(groups[1].id), groups[1]);
  const members = (await sync.listUsers({ group: groups[2].id })).data;
  assert.equal(members.length, 3);
  const both = [];
  for (const { id } of members) both.push(ids((await sync.listGroups({ user: id })).data));
  assert.deepEqual(both.filter((theirs) => theirs.length === 2), [ids(groups.slice(1))]);
});

test("what is not there is not found", async () => {
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => sync.getDirectory(`directory_${MISSING}`),
    () => sync.getUser(`directory_user_${MISSING}`),
    () => sync.getGroup(`directory_group_${MISSING}`),
    () => sync.listUsers({ directory: `directory_${MISSING}` }),
    () => sync.listGroups({ user: `directory_user_${MISSING}` }),
  );
});
