// Texts that identity providers, applications and browsers may send, wherever the console shows them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { asOwner, PHONE } from "./browser.mjs";
import { crawl } from "./crawl.mjs";
import { overflow } from "./checks.mjs";
import { Directory, api, organization, rule, unique } from "./server.mjs";

const SCRIPT = "<script>window.__hit='script'</script>";
const IMAGE = `"><img src=x onerror="window.__hit='image'">`;
const QUOTE = "' onmouseover='window.__hit=1' x='";
const TURNED = "admin\u202Egnp.exe";
const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
const TEMPLATE = "{{ 7 * 7 }} ${7*7} &lt;b&gt; %00 \\";
const TEXTS = [SCRIPT, IMAGE, QUOTE, TURNED, LONG, TEMPLATE];

/** An organization in which everything that has a name has a hostile one. */
async function hostile() {
  const { id } = await organization(`${IMAGE} ${SCRIPT}`.slice(0, 200));
  const key = unique();
  const directory = await Directory.of(id, SCRIPT);
  await api("POST", `/directories/${directory.id}/tokens`, { name: IMAGE });
  await Directory.of(id, TURNED);
  await Directory.of(id, LONG.slice(0, 200));
  const people = [];
  for (const [n, text] of TEXTS.entries()) {
    const address = `h${n}.${key}@corp.example`;
    people.push(
      await directory.request(
        "POST",
        "/Users",
        {
          schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
          // Names that identify somebody may not look like others' names.
          userName: `${text.slice(0, 150)} ${key}`.replace("\u202E", "+"),
          externalId: `${text}${key}`.slice(0, 200),
          displayName: text,
          name: { givenName: text.slice(0, 100), familyName: text.slice(0, 100), formatted: text },
          title: text,
          emails: [{ value: address, type: "work", primary: true }],
        },
        { "User-Agent": `Agent ${text.replace(/[^\x20-\x7e]/g, "")}`.slice(0, 400) },
      ),
    );
  }
  const members = people.map((person) => person.id);
  for (const text of TEXTS) await directory.group(text, members, { externalId: `${text}${key}`.slice(0, 200) });
  for (const text of TEXTS) await api("POST", `/organizations/${id}/groups`, { name: text.slice(0, 200), description: text.slice(0, 150) });
  await rule(id, "hostile.rule-1", { group: "displayName pr" }, [{ mirror_group: { on_collision: "suffix" } }]);
  const long = "r".repeat(100);
  await rule(id, long, { group: `displayName eq "${LONG}"`, user: 'title co "<script>"' }, [{ grant_role: { role: "admin" } }]);
  for (const name of [SCRIPT, LONG.slice(0, 200)]) await api("POST", "/api_keys", { name, organization_id: id, role: "read" });
  // A receiver that answers with a page of its own.
  const receiver = createServer((_, response) => response.writeHead(500).end(`${SCRIPT}${IMAGE}`));
  await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${receiver.address().port}/${encodeURIComponent(SCRIPT)}?${"x".repeat(300)}='"`;
  await api("POST", "/webhook_endpoints", { endpoint_url: url, events: ["group.created"], organization_id: id }).catch(
    (error) => assert.match(error.message, /422/, "the address may be refused, and nothing else"),
  );
  await api("POST", `/organizations/${id}/groups`, { name: IMAGE });
  // A request that is refused, with a text that the answer may repeat.
  await directory.request("GET", `/Users?filter=${encodeURIComponent(`x eq "${SCRIPT}"`)}`).catch(() => {});
  await directory.request("POST", "/Groups", { displayName: { [SCRIPT]: IMAGE } }).catch(() => {});
  return { id, directory, close: () => receiver.closeAllConnections() ?? receiver.close() };
}

test("hostile texts are shown as texts, on every page", async (t) => {
  const { id, close } = await hostile();
  t.after(close);
  const visitor = await asOwner(t);
  // Whom owners invite, the API does not know.
  await visitor.go("/console/operators");
  for (const [n, name] of TEXTS.entries()) {
    const invited = { email: `h${n}.${unique()}@muster.example`, name: name.slice(0, 250), role: "read" };
    const status = await visitor.page.evaluate(
      (fields) => fetch("/console/operators", { method: "POST", body: new URLSearchParams(fields) }).then((it) => it.status),
      invited,
    );
    assert.ok(status < 500, `${status}`);
  }
  const shown = new Map(TEXTS.map((text) => [text, 0]));
  const look = async ({ page }) => {
    const { words, planted, hit } = await page.evaluate(() => ({
      words: document.body.textContent,
      planted: document.querySelectorAll("img[src=x], [onmouseover], main script").length,
      hit: window.__hit,
    }));
    for (const text of TEXTS) if (words.includes(text.slice(0, 60))) shown.set(text, shown.get(text) + 1);
    const found = [];
    if (planted > 0) found.push("a text became markup");
    if (hit !== undefined) found.push(`a text became script: ${hit}`);
    found.push(...(await overflow(page)));
    const desktop = page.viewport();
    await page.setViewport(PHONE);
    for (const problem of await overflow(page)) found.push(`phone: ${problem}`);
    await page.setViewport(desktop);
    return found;
  };
  const own = ({ pathname }) => !pathname.startsWith("/console/org_") || pathname.startsWith(`/console/${id}`);
  const { pages, problems } = await crawl(t, [`/console/${id}`, "/console"], look, own);
  t.diagnostic(`${pages.length} pages`);
  assert.deepEqual(problems, []);
  for (const [text, times] of shown) assert.ok(times > 0, `no page shows ${text.slice(0, 40)}`);
});
