// The running server, as programs see it: Muster's API, SCIM, and identity providers that are played. What starts it
// is tests/sdk/muster_server.py; every test has an organization of its own in it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const { MUSTER_URL, MUSTER_API_KEY, MUSTER_FIRST_OWNER, MUSTER = "target/debug/muster" } = process.env;
if (!MUSTER_URL || !MUSTER_API_KEY) throw new Error("run this with tests/sdk/muster_server.py");

export const base = MUSTER_URL;
/** The link by which the first owner comes in; it works once. */
export const firstOwnerLink = MUSTER_FIRST_OWNER;

const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/** A text that no other test uses. */
export const unique = () => randomUUID().replaceAll("-", "").slice(0, 12);

/** What the attempt answers as soon as it answers something. */
export async function within(seconds, what, attempt) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await attempt();
    if (answer) return answer;
    if (Date.now() > deadline) assert.fail(`${what}: not within ${seconds} s`);
    await pause(50);
  }
}

async function send(method, url, bearer, mediaType, body, headers = {}) {
  const answer = await fetch(url, {
    method,
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": mediaType, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

/** A request to the API with the key of the environment. */
export const api = (method, path, body, bearer = MUSTER_API_KEY) =>
  send(method, base + path, bearer, "application/json", body);

/** An organization of the test's own. */
export const organization = (name = `Acme ${unique()}`, more = {}) => api("POST", "/organizations", { name, ...more });

/** A mapping rule, in force at once. */
export const rule = (organizationId, key, when, then) =>
  api("POST", "/mapping_rules", { organization_id: organizationId, key, when, then, apply: true });

/** A link to the portal of an organization. */
export const portalLink = async (organizationId, more = {}) =>
  (await api("POST", "/portal/generate_link", { organization: organizationId, intent: "dsync", ...more })).link;

/** A SCIM directory, as an identity provider sees it. */
export class Directory {
  static async of(organizationId, name = "Okta", more = {}) {
    const made = await api("POST", "/directories", { organization_id: organizationId, name, ...more });
    const { token } = await api("POST", `/directories/${made.id}/tokens`, { name: `${name} token` });
    return new Directory(made.id, made.scim_base_url, token);
  }

  constructor(id, baseUrl, token) {
    Object.assign(this, { id, baseUrl, token });
  }

  request(method, path, body, headers) {
    return send(method, this.baseUrl + path, this.token, "application/scim+json", body, headers);
  }

  /** Pushes a person; the id. */
  async user(userName, attributes = {}) {
    return (await this.request("POST", "/Users", { schemas: [USER], userName, ...attributes })).id;
  }

  /** Pushes many people in one request; their ids in the same order. */
  async users(prefix, count) {
    const Operations = Array.from({ length: count }, (_, n) => ({
      method: "POST",
      path: "/Users",
      bulkId: `${n}`,
      data: {
        schemas: [USER],
        userName: `${prefix}.${n}@corp.example`,
        name: { givenName: "Person", familyName: `Number ${n}` },
      },
    }));
    const answer = await this.request("POST", "/Bulk", { schemas: [BULK], Operations });
    for (const operation of answer.Operations) assert.equal(operation.status, "201");
    return answer.Operations.map((operation) => operation.location.split("/").at(-1));
  }

  /** Pushes a group with people as its members; the id. */
  async group(displayName, members = [], more = {}) {
    const body = { schemas: [GROUP], displayName, members: members.map((value) => ({ value })), ...more };
    return (await this.request("POST", "/Groups", body)).id;
  }

  patch(path, operation) {
    return this.request("PATCH", path, { schemas: [PATCH], Operations: [operation] });
  }

  /**
   * Plays a recorded conversation of an identity provider to its end, with people whose addresses end in this: an
   * address is one account in all organizations of the server.
   */
  async replay(fixture, suffix = `-${unique()}`) {
    const folder = await mkdtemp(join(tmpdir(), "muster-browser-"));
    try {
      const file = join(folder, basename(fixture) + ".json");
      const recorded = await readFile(`fixtures/${fixture}.json`, "utf8");
      await writeFile(file, recorded.replaceAll(/@(acme|globex)\.example/g, `@$1${suffix}.example`));
      await promisify(execFile)(MUSTER, ["replay", file, "--base-url", this.baseUrl, "--token", this.token]);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

/** Acme, as `muster demo` has it: two identity providers have pushed people and groups, and three rules map them. */
export async function acme(suffix = `-${unique()}`) {
  const domain = { domain: `acme${suffix}.example`, state: "verified" };
  const { id } = await organization("Acme", { domain_data: [domain] });
  const okta = await Directory.of(id, "Okta", { type: "okta scim v2.0" });
  const entra = await Directory.of(id, "Entra ID", { type: "azure scim v2.0" });
  await okta.replay("okta/tour", suffix);
  await entra.replay("entra/tour", suffix);
  const finance = await api("POST", `/organizations/${id}/groups`, { name: "Finance" });
  await rule(
    id,
    "engineering-teams",
    {
      group: 'displayName sw "eng-"',
      capture: "^eng-(?<team>.+)$",
      except_group: 'displayName eq "contractors"',
    },
    [{ mirror_group: { name: "{{ team | title }} Engineering" } }],
  );
  await rule(id, "departments", { group: 'displayName eq "Design" or displayName eq "Sales EMEA"' }, [
    { mirror_group: {} },
  ]);
  await rule(id, "finance-admins", { group: 'displayName eq "Finance Admins"' }, [
    { into_group: { group_id: finance.id } },
    { grant_role: { role: "admin" } },
  ]);
  return { id, okta, entra, finance };
}

/** Serves a page of somebody else's site on this machine until it is closed. */
export async function site(html) {
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(html));
  await new Promise((listening) => server.listen(0, listening));
  const close = () => new Promise((closed) => server.close(closed) && server.closeAllConnections());
  return { port: server.address().port, close };
}
