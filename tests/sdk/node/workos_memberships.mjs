// Organization memberships and roles, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import {
  BadRequestException,
  ConflictException,
  NotFoundException,
  UnprocessableEntityException,
} from "@workos-inc/node";
import { Directory, MISSING, ids, member, organization, refused, rule, unique, user, workos } from "./support.mjs";

const { userManagement: memberships, groups } = workos;
const slugs = ({ roles }) => roles.map(({ slug }) => slug).sort();

test("a new member is active and has the roles that were given", async () => {
  const { id: organizationId, name } = await organization();
  const { id: userId } = await user();
  const made = await memberships.createOrganizationMembership({ userId, organizationId });
  assert.match(made.id, /^om_/);
  assert.deepEqual(
    [made.userId, made.organizationId, made.organizationName, made.status, made.directoryManaged],
    [userId, organizationId, name, "active", false],
  );
  assert.deepEqual([made.role.slug, slugs(made)], ["member", ["member"]]);
  assert.deepEqual(await memberships.getOrganizationMembership(made.id), made);

  const roles = await workos.authorization.listOrganizationRoles(organizationId);
  assert.deepEqual(roles.data.map(({ slug }) => slug).sort(), ["admin", "member"]);
  const create = async (given) =>
    memberships.createOrganizationMembership({ userId: (await user()).id, organizationId, ...given });
  assert.deepEqual(slugs(await create({ roleSlug: "admin" })), ["admin"]);
  assert.deepEqual(slugs(await create({ roleSlugs: ["member", "admin"] })), ["admin", "member"]);
});

test("roles are replaced by an update", async () => {
  const { id: organizationId } = await organization();
  const { id } = await member(organizationId);
  const update = (roles) => memberships.updateOrganizationMembership(id, roles);
  assert.equal((await update({ roleSlug: "admin" })).role.slug, "admin");
  assert.deepEqual(slugs(await update({ roleSlugs: ["admin", "member"] })), ["admin", "member"]);
  assert.deepEqual(slugs(await update({ roleSlug: "member" })), ["member"]);
  await refused(UnprocessableEntityException, 422, undefined, () => update({ roleSlug: "emperor" }));
  assert.deepEqual(slugs(await memberships.getOrganizationMembership(id)), ["member"]);
});

test("memberships are listed by organization, user and status", async () => {
  const { id: organizationId } = await organization();
  const made = [];
  for (let n = 0; n < 4; n += 1) made.push(await member(organizationId));
  await memberships.deactivateOrganizationMembership(made[0].id);
  const active = await memberships.listOrganizationMemberships({ organizationId });
  assert.deepEqual(ids(active.data), ids(made.slice(1)).toReversed());
  const both = { organizationId, statuses: ["active", "inactive"], order: "asc" };
  const first = await memberships.listOrganizationMemberships({ ...both, limit: 3 });
  assert.deepEqual(ids(first.data), ids(made.slice(0, 3)));
  const rest = await memberships.listOrganizationMemberships({ ...both, limit: 3, after: first.listMetadata.after });
  assert.deepEqual(ids(rest.data), ids(made.slice(3)));
  const inactive = await memberships.listOrganizationMemberships({ organizationId, statuses: ["inactive"] });
  assert.deepEqual(ids(inactive.data), [made[0].id]);
  const theirs = await memberships.listOrganizationMemberships({ userId: made[1].userId });
  assert.deepEqual(ids(theirs.data), [made[1].id]);
  await refused(BadRequestException, 400, "missing_user_id_or_organization_id", () =>
    memberships.listOrganizationMemberships({}),
  );
});

test("a deactivated member is out of the groups until they return", async () => {
  const { id: organizationId } = await organization();
  const { id, userId } = await member(organizationId);
  await memberships.updateOrganizationMembership(id, { roleSlug: "admin" });
  const { id: groupId } = await groups.createGroup({ organizationId, name: "Engineering" });
  await groups.addOrganizationMembership({ organizationId, groupId, organizationMembershipId: id });
  const inGroup = async () => ids((await groups.listOrganizationMemberships({ organizationId, groupId })).data);
  for (let n = 0; n < 2; n += 1) {
    assert.equal((await memberships.deactivateOrganizationMembership(id)).status, "inactive");
  }
  assert.deepEqual(await inGroup(), []);
  for (let n = 0; n < 2; n += 1) {
    const returned = await memberships.reactivateOrganizationMembership(id);
    assert.deepEqual([returned.status, slugs(returned)], ["active", ["admin"]]);
  }
  assert.deepEqual(await inGroup(), [id]);

  const again = { userId, organizationId, roleSlug: "member" };
  await refused(ConflictException, 409, "user_already_organization_member", () =>
    memberships.createOrganizationMembership(again),
  );
  await memberships.deactivateOrganizationMembership(id);
  const activated = await memberships.createOrganizationMembership(again);
  assert.deepEqual([activated.id, activated.status, slugs(activated)], [id, "active", ["member"]]);
});

test("a deleted membership is gone with its places in groups", async () => {
  const { id: organizationId } = await organization();
  const { id } = await member(organizationId);
  const { id: groupId } = await groups.createGroup({ organizationId, name: "Engineering" });
  await groups.addOrganizationMembership({ organizationId, groupId, organizationMembershipId: id });
  await memberships.deleteOrganizationMembership(id);
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => memberships.getOrganizationMembership(id),
    () => memberships.deleteOrganizationMembership(id),
    () => memberships.updateOrganizationMembership(id, { roleSlug: "admin" }),
    () => memberships.deactivateOrganizationMembership(id),
    () => memberships.reactivateOrganizationMembership(id),
  );
  assert.deepEqual((await groups.listOrganizationMemberships({ organizationId, groupId })).data, []);
});

test("a membership of a directory is kept by the directory", async () => {
  const { id: organizationId } = await organization();
  const directory = await Directory.of(organizationId);
  const ada = await directory.user(`${unique()}@corp.example`, { active: true });
  await rule(organizationId, "all", { user: "userName pr" }, [{ ensure_membership: {} }]);
  const [membership] = (await memberships.listOrganizationMemberships({ organizationId })).data;
  assert.equal(membership.directoryManaged, true);
  const code = "organization_membership_directory_managed";
  await refused(UnprocessableEntityException, 422, code, () => memberships.deleteOrganizationMembership(membership.id));
  await directory.patch(`/Users/${ada}`, { op: "replace", path: "active", value: false });
  assert.equal((await memberships.getOrganizationMembership(membership.id)).status, "inactive");
  await refused(UnprocessableEntityException, 422, code, () =>
    memberships.reactivateOrganizationMembership(membership.id),
  );
});

test("nobody joins what is not there", async () => {
  const { id: organizationId } = await organization();
  const { id: userId } = await user();
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => memberships.createOrganizationMembership({ userId: `user_${MISSING}`, organizationId }),
    () => memberships.createOrganizationMembership({ userId, organizationId: `org_${MISSING}` }),
  );
});
