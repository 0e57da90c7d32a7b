// Webhook endpoints, and webhooks that are delivered to this machine and verified by the SDK of WorkOS.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";
import { ConflictException, NotFoundException, UnprocessableEntityException } from "@workos-inc/node";
import { organization, receiver, refused, unique, within, workos } from "./support.mjs";

const { groups, webhooks } = workos;

test("endpoints are made, listed, changed and deleted", async () => {
  const urls = [0, 1, 2].map((n) => `http://127.0.0.1:1/${unique()}/${n}`);
  const made = [];
  for (const endpointUrl of urls) {
    made.push(await webhooks.createWebhookEndpoint({ endpointUrl, events: ["user.created", "group.created"] }));
  }
  for (const [n, endpoint] of made.entries()) {
    assert.match(endpoint.id, /^we_/);
    assert.match(endpoint.secret, /^whsec_/);
    assert.deepEqual([endpoint.endpointUrl, endpoint.status], [urls[n], "enabled"]);
    assert.deepEqual(endpoint.events.toSorted(), ["group.created", "user.created"]);
  }
  const first = await webhooks.listWebhookEndpoints({ limit: 2 });
  assert.deepEqual(first.data, [made[2], made[1]]);
  const pages = await webhooks.listWebhookEndpoints();
  assert.deepEqual((await pages.autoPagination()).slice(0, 3), made.toReversed());

  const { id } = made[0];
  const disabled = await webhooks.updateWebhookEndpoint({ id, status: "disabled" });
  assert.deepEqual([disabled.status, disabled.secret], ["disabled", made[0].secret]);
  const moved = await webhooks.updateWebhookEndpoint({ id, endpointUrl: `${urls[0]}/new`, events: ["group.deleted"] });
  assert.deepEqual([moved.endpointUrl, moved.events, moved.status], [`${urls[0]}/new`, ["group.deleted"], "disabled"]);

  const again = { endpointUrl: urls[1], events: ["group.created"] };
  await refused(ConflictException, 409, "duplicate_endpoint", () => webhooks.createWebhookEndpoint(again));
  await refused(
    UnprocessableEntityException,
    422,
    undefined,
    () => webhooks.createWebhookEndpoint({ endpointUrl: "nonsense", events: ["group.created"] }),
    () => webhooks.createWebhookEndpoint({ endpointUrl: `${urls[0]}/x`, events: ["group.exploded"] }),
  );
  for (const endpoint of made) await webhooks.deleteWebhookEndpoint({ id: endpoint.id });
  await refused(
    NotFoundException,
    404,
    "entity_not_found",
    () => webhooks.deleteWebhookEndpoint({ id }),
    () => webhooks.updateWebhookEndpoint({ id, status: "enabled" }),
  );
});

test("a webhook arrives and is verified; what was tampered with or is old is refused", async (t) => {
  const { url, deliveries, close } = await receiver();
  t.after(close);
  const endpoint = await webhooks.createWebhookEndpoint({ endpointUrl: url, events: ["group.created"] });
  t.after(() => webhooks.deleteWebhookEndpoint({ id: endpoint.id }));
  const { id: organizationId } = await organization();
  // Names that JSON could be written in several ways for.
  const group = await groups.createGroup({ organizationId, name: 'Ingénieurs "é/☃"' });
  const delivery = await within(20, "the webhook", () => deliveries.find(({ event }) => event.data.id === group.id));
  const { body, signature: sigHeader, event } = delivery;
  const verify = (changes) => webhooks.constructEvent({ payload: body, sigHeader, secret: endpoint.secret, ...changes });

  const verified = await verify();
  assert.deepEqual([verified.event, verified.data.name], ["group.created", group.name]);
  assert.deepEqual(verified.data, group);
  const [listed] = (await workos.events.listEvents({ events: ["group.created"], organizationId })).data;
  assert.deepEqual(listed, verified, "the feed and the webhook tell the same");
  // Programs that parse the body before they verify it: it must be what JSON.stringify makes of it.
  assert.equal((await verify({ payload: event })).id, verified.id);

  const tampered = { payload: body.replace("Ing", "Eng") };
  await assert.rejects(verify(tampered), /does not match/);
  await assert.rejects(verify({ secret: "whsec_wrong" }), /does not match/);
  const old = Date.now() - 181_000;
  const hash = createHmac("sha256", endpoint.secret).update(`${old}.${body}`).digest("hex");
  await assert.rejects(verify({ sigHeader: `t=${old}, v1=${hash}` }), /tolerance/);
});
