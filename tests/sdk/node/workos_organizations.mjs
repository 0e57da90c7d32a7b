// Organizations and their domains, through the SDK of WorkOS.

import assert from "node:assert/strict";
import test from "node:test";
import { BadRequestException, ConflictException, NotFoundException } from "@workos-inc/node";
import { ids, member, organization, refused, unique, workos } from "./support.mjs";

const { organizations, organizationDomains: domains } = workos;
const states = ({ domains }) => Object.fromEntries(domains.map(({ domain, state }) => [domain, state]));

test("an organization is found by everything it was made with", async () => {
  const name = unique();
  const made = await organizations.createOrganization({
    name: `Åkerö ${name}`,
    domainData: [
      { domain: `a${name}.example`, state: "verified" },
      { domain: `b${name}.example`, state: "pending" },
    ],
    metadata: { tier: "gold" },
    externalId: `crm/${name} 7%`,
  });
  assert.match(made.id, /^org_/);
  assert.deepEqual(made.metadata, { tier: "gold" });
  assert.deepEqual(states(made), { [`a${name}.example`]: "verified", [`b${name}.example`]: "pending" });
  assert.ok(made.domains.every((domain) => domain.organizationId === made.id));
  assert.deepEqual(await organizations.getOrganization(made.id), made);
  assert.deepEqual(await organizations.getOrganizationByExternalId(`crm/${name} 7%`), made);
  const found = await organizations.listOrganizations({ domains: [`nobody.${name}.example`, `b${name}.example`] });
  assert.deepEqual(found.data, [made]);
});

test("organizations are listed newest first over many pages", async () => {
  const name = unique();
  const domain = (n) => `${n}.${name}.example`;
  const made = [];
  for (let n = 0; n < 5; n += 1) {
    const domainData = [{ domain: domain(n), state: "pending" }];
    made.push((await organizations.createOrganization({ name, domainData })).id);
  }
  const wanted = { domains: made.map((_, n) => domain(n)), limit: 2 };
  const first = await organizations.listOrganizations(wanted);
  assert.deepEqual(ids(first.data), [made[4], made[3]]);
  assert.equal(first.listMetadata.before, null);
  const second = await organizations.listOrganizations({ ...wanted, after: first.listMetadata.after });
  assert.deepEqual(ids(second.data), [made[2], made[1]]);
  const back = await organizations.listOrganizations({ ...wanted, before: second.listMetadata.before });
  assert.deepEqual(ids(back.data), ids(first.data));
  const oldest = await organizations.listOrganizations({ ...wanted, order: "asc" });
  assert.deepEqual(ids(oldest.data), made.slice(0, 2));
  const all = await organizations.listOrganizations({ domains: wanted.domains });
  assert.deepEqual(ids(await all.autoPagination()), made.toReversed());
});

test("an update of an organization changes what it names and keeps the rest", async () => {
  const { id } = await organization();
  const name = unique();
  const update = (changes) => organizations.updateOrganization({ organization: id, ...changes });
  const renamed = await update({ name: "Acme Corp", externalId: name, stripeCustomerId: `cus_${name}` });
  assert.deepEqual([renamed.name, renamed.externalId, renamed.metadata], ["Acme Corp", name, {}]);
  assert.equal(renamed.stripeCustomerId, `cus_${name}`);
  await update({ metadata: { a: "1", b: "2" } });
  assert.deepEqual((await update({ metadata: { b: "3", c: "4" } })).metadata, { a: "1", b: "3", c: "4" });
  assert.deepEqual((await update({ metadata: { a: null } })).metadata, { b: "3", c: "4" });
  const cleared = await update({ metadata: {}, externalId: null, stripeCustomerId: null });
  assert.deepEqual([cleared.name, cleared.externalId, cleared.metadata], ["Acme Corp", null, {}]);
  assert.equal(cleared.stripeCustomerId, undefined);
  assert.deepEqual(await organizations.getOrganization(id), cleared);
  await refused(NotFoundException, 404, "entity_not_found", () => organizations.getOrganizationByExternalId(name));
});

test("an update replaces the domains of an organization", async () => {
  const { id } = await organization();
  const [first, second] = [`a${unique()}.example`, `b${unique()}.example`];
  const update = (domainData) => organizations.updateOrganization({ organization: id, domainData });
  const before = await update([first, second].map((domain) => ({ domain, state: "pending" })));
  const after = await update([{ domain: first, state: "verified" }]);
  assert.deepEqual(states(after), { [first]: "verified" });
  assert.equal(after.domains[0].id, before.domains.find(({ domain }) => domain === first).id);
  assert.deepEqual((await update([])).domains, []);
});

test("what must be unique is refused the second time", async () => {
  const name = unique();
  const first = { name, externalId: name, domainData: [{ domain: `${name}.example`, state: "verified" }] };
  await organizations.createOrganization(first);
  const { id } = await organization();
  await refused(
    BadRequestException,
    400,
    "external_id_already_used",
    () => organizations.createOrganization({ name, externalId: name }),
    () => organizations.updateOrganization({ organization: id, externalId: name }),
  );
  const { domainData } = first;
  await refused(ConflictException, 409, undefined, () => organizations.createOrganization({ name, domainData }));
});

test("a deleted organization is gone with all that it had", async () => {
  const { id } = await organization();
  const membership = await member(id);
  await organizations.deleteOrganization(id);
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => organizations.getOrganization(id),
    () => organizations.updateOrganization({ organization: id, name: "Acme" }),
    () => workos.groups.listGroups({ organizationId: id }),
    () => workos.userManagement.getOrganizationMembership(membership.id),
  );
});

test("a domain is claimed, read, proved and given up", async () => {
  const { id: organizationId } = await organization();
  const domain = await domains.createOrganizationDomain({ domain: `${unique()}.invalid`, organizationId });
  assert.match(domain.id, /^org_domain_/);
  assert.deepEqual([domain.state, domain.verificationStrategy], ["pending", "dns"]);
  assert.ok(domain.verificationToken && domain.verificationPrefix);
  assert.deepEqual(await domains.getOrganizationDomain(domain.id), domain);
  // Nobody can publish a record under .invalid.
  assert.equal((await domains.verifyOrganizationDomain(domain.id)).state, "pending");
  await domains.deleteOrganizationDomain(domain.id);
  await refused(NotFoundException, 404, "entity_not_found", () => domains.getOrganizationDomain(domain.id));
  const name = unique();
  const domainData = [{ domain: `${name}.example`, state: "verified" }];
  const owner = await organizations.createOrganization({ name, domainData });
  await refused(BadRequestException, 400, "domain_already_verified", () =>
    domains.verifyOrganizationDomain(owner.domains[0].id),
  );
});
