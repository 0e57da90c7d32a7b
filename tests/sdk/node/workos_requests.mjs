// What all requests have in common: errors and their classes, keys, repeated requests; through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import {
  BadRequestException,
  GenericServerException,
  NotFoundException,
  UnauthorizedException,
  UnprocessableEntityException,
} from "@workos-inc/node";
import { MISSING, member, organization, organizationKey, refused, unique, workos, workosClient } from "./support.mjs";

test("an error has its class, a message and a request id", async () => {
  const { organizations, userManagement } = workos;
  for (const [kind, status, attempt] of [
    [BadRequestException, 400, () => organizations.listOrganizations({ after: "nonsense" })],
    [NotFoundException, 404, () => organizations.getOrganization(`org_${MISSING}`)],
    [NotFoundException, 404, () => organizations.getOrganization("nonsense")],
    [NotFoundException, 404, () => organizations.getOrganizationByExternalId("no/body")],
    [UnprocessableEntityException, 422, () => organizations.createOrganization({ name: "" })],
    [UnprocessableEntityException, 422, () => organizations.listOrganizations({ limit: 101 })],
    [BadRequestException, 400, () => userManagement.createUser({ email: "ada" })],
  ]) {
    await refused(kind, status, undefined, attempt);
    await assert.rejects(attempt, (error) => Boolean(error.message && error.code && error.requestID));
  }
});

test("a wrong key is refused", async () => {
  const stranger = workosClient("sk_test_wrong");
  await refused(
    UnauthorizedException,
    401,
    undefined,
    () => stranger.organizations.listOrganizations(),
    () => stranger.organizations.createOrganization({ name: "Mine" }),
    () => stranger.events.listEvents({ events: ["group.created"] }),
  );
});

test("a key that may only read may not write", async () => {
  const { id: organizationId } = await organization();
  const reader = workosClient(await organizationKey(organizationId, "read"));
  await refused(
    GenericServerException,
    403,
    undefined,
    () => reader.groups.createGroup({ organizationId, name: "Mine" }),
    () => reader.organizations.deleteOrganization(organizationId),
  );
  assert.deepEqual((await reader.groups.listGroups({ organizationId })).data, []);
});

test("a key of an organization sees nothing of another", async () => {
  const { id: organizationId } = await organization();
  const membership = await member(organizationId);
  const { id: other } = await organization();
  const theirs = workosClient(await organizationKey(other));
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => theirs.organizations.getOrganization(organizationId),
    () => theirs.organizations.updateOrganization({ organization: organizationId, name: "Mine" }),
    () => theirs.organizations.deleteOrganization(organizationId),
    () => theirs.groups.listGroups({ organizationId }),
    () => theirs.userManagement.getUser(membership.userId),
    () => theirs.userManagement.deactivateOrganizationMembership(membership.id),
  );
  assert.deepEqual(
    (await theirs.organizations.listOrganizations()).data.map(({ id }) => id),
    [other],
  );
});

test("a repeated request is answered and not done again", async () => {
  const name = unique();
  const externalIds = { name, metadata: { once: name } };
  const options = { idempotencyKey: name };
  const first = await workos.organizations.createOrganization(externalIds, options);
  assert.deepEqual(await workos.organizations.createOrganization(externalIds, options), first);
  await assert.rejects(
    workos.organizations.createOrganization({ name: `${name} other` }, options),
    ({ status }) => status >= 400 && status < 500,
  );
});
