// Organizations with something in them: for the pages that are looked at, and for the pictures of the documentation.

import { Directory, acme, api, organization, rule, unique, within } from "./server.mjs";

const LEAVING = ["Noor Haddad", "Pavel Novak", "Jana Ortiz", "Sven Lind", "Hana Kim", "Tomás Silva", "Ruth Adler", "Ola Berg"];

/** Pushes people with these names, whose addresses are made of them; their ids. */
export async function people(directory, names, domain = `${unique()}.example`) {
  const ids = [];
  for (const name of names) {
    const [givenName, familyName] = name.split(" ");
    const address = `${givenName}.${familyName}@${domain}`.toLowerCase().normalize("NFD").replace(/[^\x20-\x7e]/g, "");
    const emails = [{ value: address, type: "work", primary: true }];
    ids.push(await directory.user(address, { name: { givenName, familyName }, displayName: name, emails }));
  }
  return ids;
}

/**
 * A directory whose guard parked what a slip would have taken away: eight people were in a group, all of them were
 * taken out at once, two of these removals passed. What is answered has the run that waits.
 */
export async function parked(organizationId, domain = `${unique()}.example`) {
  const name = "OneLogin";
  const directory = await Directory.of(organizationId, name, { type: "generic scim v2.0" });
  await api("PATCH", `/directories/${directory.id}`, { settings: { guard: { minimum: 2, percent: 0 } } });
  const members = await people(directory, LEAVING, domain);
  const group = await directory.group("support-emea", members);
  await rule(organizationId, "support", { group: 'displayName sw "support-"' }, [
    { mirror_group: { name: "Support EMEA" } },
  ]);
  await directory.patch(`/Groups/${group}`, { op: "replace", path: "members", value: [] });
  const waiting = `/sync_runs?organization_id=${organizationId}&state=awaiting_approval&kind=guard`;
  const run = await within(10, "a parked run", async () => (await api("GET", waiting)).data[0]);
  return { directory, run, names: LEAVING, group };
}

/** An account that another organization has. */
export async function foreign() {
  const { id: organization_id } = await organization("Initech");
  const email = `grace.${unique()}@initech.example`;
  const user = await api("POST", "/user_management/users", { email, first_name: "Grace", email_verified: true });
  await api("POST", "/user_management/organization_memberships", { user_id: user.id, organization_id });
  return user;
}

/** Acme with everything that a page can show: what is parked, refused, saved and not applied, contested, pending. */
export async function rich(suffix = `-${unique()}`) {
  const acmes = await acme(suffix);
  const { id, okta, entra } = acmes;
  const { run, directory } = await parked(id, `acme${suffix}.example`);
  // Saved, and not in force.
  const { data: rules } = await api("GET", `/mapping_rules?organization_id=${id}`);
  const departments = rules.find(({ key }) => key === "departments");
  await api("PATCH", `/mapping_rules/${departments.id}`, { when: { group: 'displayName eq "Design"' } });
  await api("POST", "/mapping_rules", {
    organization_id: id,
    key: "everybody",
    state: "draft",
    when: { user: "active eq true" },
    then: [{ ensure_membership: {} }],
  });
  // A name that is taken.
  await api("POST", `/organizations/${id}/groups`, { name: "Legal" });
  await okta.group("Legal", []);
  await rule(id, "legal", { group: 'displayName eq "Legal"' }, [{ mirror_group: {} }]);
  // A member who is not there yet, somebody whose account is another's, and requests that are refused.
  await okta.group("eng-data", ["00000000-0000-4000-8000-000000000000"]).catch(() => {});
  const { email } = await foreign();
  const guest = await okta.user(email, { emails: [{ value: email, primary: true }], displayName: "Grace Guest" });
  await okta.group("eng-guests", [guest]);
  await entra.request("POST", "/Users", { userName: "" }).catch(() => {});
  await entra.request("GET", '/Users?filter=userNam%20eq%20"x"').catch(() => {});
  // A plan, keys, a webhook that nobody answers.
  const plan = await api("POST", "/mapping_plans", {
    organization_id: id,
    changes: [
      { delete: { rule: "departments", origins: "retract" } },
      {
        save: {
          key: "all-hands",
          when: { user: "active eq true" },
          then: [{ mirror_group: { name: "x" } }].slice(1).concat({ grant_role: { role: "member" } }),
        },
      },
    ],
  });
  await api("POST", "/api_keys", { name: "Billing service", organization_id: id, role: "read" });
  await api("POST", "/webhook_endpoints", {
    endpoint_url: "http://127.0.0.1:1/webhooks",
    events: ["group.created", "group.member_added"],
    organization_id: id,
  });
  await api("POST", `/organizations/${id}/groups`, { name: "Board" });
  return { ...acmes, run, plan, parkedDirectory: directory };
}
