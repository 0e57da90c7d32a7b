// What the walk starts from: clients of the SDKs, and what they cannot do themselves. The server runs already: see
// tests/sdk/run.sh.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { WorkOS } from "@workos-inc/node";
import OpenAI from "openai";

const { MUSTER_URL, MUSTER_API_KEY } = process.env;
if (!MUSTER_URL || !MUSTER_API_KEY) throw new Error("run this with tests/sdk/muster_server.py");

export const key = MUSTER_API_KEY;
export const MISSING = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";

/** How often each method of an SDK was called and answered. */
export const called = new Map();

/** Passes everything on to a client of an SDK, and counts the calls that were answered. */
function counted(target, name) {
  return new Proxy(target, {
    get(_, attribute) {
      const value = target[attribute];
      const path = `${name}.${String(attribute)}`;
      if (typeof value === "function") {
        return (...given) => {
          const answer = value.apply(target, given);
          const count = () => called.set(path, (called.get(path) ?? 0) + 1);
          answer.then(count, () => {});
          return answer;
        };
      }
      return value !== null && typeof value === "object" ? counted(value, path) : value;
    },
  });
}

export function workosClient(apiKey) {
  const { hostname, port } = new URL(MUSTER_URL);
  // Without retries: a failure of the server must not be covered up by a second attempt.
  return new WorkOS(apiKey, { apiHostname: hostname, port: Number(port), https: false, maxRetries: 0 });
}

export function openaiClient(adminAPIKey, options = {}) {
  return new OpenAI({ adminAPIKey, apiKey: null, baseURL: `${MUSTER_URL}/v1`, maxRetries: 0, ...options });
}

export const workos = counted(workosClient(key), "workos");
export const openaiOf = (adminAPIKey) => counted(openaiClient(adminAPIKey), "openai").admin.organization;

/** A text that no other test uses. */
export const unique = () => randomUUID().replaceAll("-", "");
export const ids = (rows) => rows.map((row) => row.id);

/** All rows of a list of OpenAI's, page by page. */
export async function all(pages) {
  const rows = [];
  for await (const row of pages) rows.push(row);
  return rows;
}

/** What the attempt answers as soon as it answers something. */
export async function within(seconds, what, attempt) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await attempt();
    if (answer) return answer;
    if (Date.now() > deadline) assert.fail(`${what}: not within ${seconds} s`);
    await pause(20);
  }
}

/** Whether each attempt is refused with this class, status and code; undefined stands for any code. */
export async function refused(kind, status, code, ...attempts) {
  for (const attempt of attempts) {
    await assert.rejects(attempt, (error) => {
      assert.equal(error.constructor.name, kind.name, `${attempt}: ${error}`);
      assert.equal(error.status, status, `${attempt}: ${error}`);
      if (code !== undefined) assert.equal(error.code, code, `${attempt}: ${error}`);
      return true;
    });
  }
}

async function send(method, url, bearer, mediaType, body) {
  const headers = { Authorization: `Bearer ${bearer}`, "Content-Type": mediaType };
  const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

/** A request to Muster's own API, which no SDK knows. */
export const api = (method, path, body) => send(method, MUSTER_URL + path, key, "application/json", body);

/** A key that reaches one organization. */
export async function organizationKey(organizationId, role = "owner") {
  return (await api("POST", "/api_keys", { name: "sdk", organization_id: organizationId, role })).key;
}

/** A mapping rule, in force at once. */
export async function rule(organizationId, name, when, then) {
  await api("POST", "/mapping_rules", { organization_id: organizationId, key: name, when, then, apply: true });
}

/** A SCIM directory, as an identity provider sees it. */
export class Directory {
  static async of(organizationId, name = "Okta") {
    const made = await api("POST", "/directories", { organization_id: organizationId, name });
    const { token } = await api("POST", `/directories/${made.id}/tokens`, { name });
    return Object.assign(new Directory(), { id: made.id, base: made.scim_base_url, token });
  }

  request(method, path, body) {
    return send(method, this.base + path, this.token, "application/scim+json", body);
  }

  /** Pushes a person; the id. */
  async user(userName, attributes = {}) {
    return (await this.request("POST", "/Users", { schemas: [USER], userName, ...attributes })).id;
  }

  /** Pushes many people in one request; their ids in the same order. */
  async users(prefix, count) {
    const names = Array.from({ length: count }, (_, n) => `${prefix}.${n}@corp.example`);
    const Operations = names.map((userName) => ({
      method: "POST",
      path: "/Users",
      bulkId: userName,
      data: { schemas: [USER], userName },
    }));
    const answer = await this.request("POST", "/Bulk", { schemas: [BULK], Operations });
    for (const operation of answer.Operations) assert.equal(operation.status, "201");
    return answer.Operations.map((operation) => operation.location.split("/").at(-1));
  }

  /** Pushes a group with people as its members; the id. */
  async group(displayName, members) {
    const body = { schemas: [GROUP], displayName, members: members.map((value) => ({ value })) };
    return (await this.request("POST", "/Groups", body)).id;
  }

  patch(path, operation) {
    return this.request("PATCH", path, { schemas: [PATCH], Operations: [operation] });
  }
}

/** An organization of the test's own. */
export const organization = (name = `Acme ${unique()}`) => workos.organizations.createOrganization({ name });
/** A user without any membership. */
export const user = () => workos.userManagement.createUser({ email: `${unique()}@corp.example`, firstName: "Ada" });
/** A user who is a member of an organization. */
export async function member(organizationId) {
  const { id } = await user();
  return workos.userManagement.createOrganizationMembership({ userId: id, organizationId });
}

/** Receives webhooks on this machine until it is closed, as an application would. */
export async function receiver() {
  const deliveries = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      deliveries.push({ signature: request.headers["workos-signature"], body, event: JSON.parse(body) });
      response.end();
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const close = () => new Promise((closed) => server.close(closed) && server.closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/webhooks`, deliveries, close };
}
