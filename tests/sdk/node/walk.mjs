// The SDKs of WorkOS and OpenAI in Node meet a running server. Run by tests/sdk/run.sh.

import assert from "node:assert/strict";
import test from "node:test";
import { called } from "./support.mjs";
import "./workos_organizations.mjs";
import "./workos_groups.mjs";
import "./workos_memberships.mjs";
import "./workos_users.mjs";
import "./workos_directories.mjs";
import "./workos_events.mjs";
import "./workos_webhooks.mjs";
import "./workos_requests.mjs";
import "./openai.mjs";

const methods = (prefix, names) => names.trim().split(/\s+/).map((name) => `${prefix}.${name}`);

/** What the walk must call, successfully, at least once: one that leaves a method out must not pass for a whole one. */
const SCOPE = [
  ...methods(
    "workos.organizations",
    `createOrganization getOrganization getOrganizationByExternalId listOrganizations updateOrganization
    deleteOrganization`,
  ),
  ...methods(
    "workos.organizationDomains",
    "createOrganizationDomain getOrganizationDomain verifyOrganizationDomain deleteOrganizationDomain",
  ),
  ...methods(
    "workos.groups",
    `createGroup getGroup listGroups updateGroup deleteGroup addOrganizationMembership listOrganizationMemberships
    removeOrganizationMembership`,
  ),
  ...methods(
    "workos.userManagement",
    `createOrganizationMembership getOrganizationMembership listOrganizationMemberships
    updateOrganizationMembership deleteOrganizationMembership deactivateOrganizationMembership
    reactivateOrganizationMembership listGroupsForOrganizationMembership
    createUser getUser getUserByExternalId listUsers updateUser deleteUser`,
  ),
  ...methods("workos.authorization", "listOrganizationRoles"),
  ...methods("workos.directorySync", "listDirectories getDirectory deleteDirectory listUsers getUser listGroups getGroup"),
  ...methods("workos.events", "listEvents"),
  ...methods(
    "workos.webhooks",
    "createWebhookEndpoint listWebhookEndpoints updateWebhookEndpoint deleteWebhookEndpoint constructEvent",
  ),
  ...methods(
    "openai.admin.organization",
    `groups.create groups.list groups.retrieve groups.update groups.delete
    groups.users.create groups.users.list groups.users.retrieve groups.users.delete
    groups.roles.create groups.roles.list groups.roles.retrieve groups.roles.delete
    roles.create roles.list roles.retrieve roles.update roles.delete
    users.list users.retrieve users.update users.delete
    users.roles.create users.roles.list users.roles.retrieve users.roles.delete`,
  ),
];

test("every method in scope was called", (t) => {
  for (const [name, times] of [...called].sort()) t.diagnostic(`${times} × ${name}`);
  t.diagnostic(`${called.size} methods`);
  assert.deepEqual(
    SCOPE.filter((name) => !called.has(name)),
    [],
  );
});
