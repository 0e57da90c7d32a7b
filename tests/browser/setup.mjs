// From nothing to people in groups: a directory is connected while its identity provider pushes.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { Directory, api, organization } from "./server.mjs";

/** The value that the guide says to paste into this field of the identity provider. */
const toPaste = ({ page }, field) =>
  page.$$eval(
    ".steps tr",
    (rows, wanted) => rows.find((row) => row.innerText.includes(wanted))?.querySelector("code")?.textContent,
    field,
  );

/** Makes a directory on its page; what its identity provider needs. */
async function connect(visitor, id) {
  await visitor.go(`/console/${id}`);
  await visitor.follow("Connect the first directory");
  await (await visitor.find("radio", "Okta")).press("Space");
  await visitor.fill("Name", "Okta of Acme");
  await visitor.press("Create it with its first token");
  const [baseUrl, token] = [await toPaste(visitor, "base URL"), await toPaste(visitor, "Authorization")];
  assert.match(token, /^scim_/);
  const { data } = await api("GET", `/directories?organization_id=${id}`);
  assert.deepEqual(data.map(({ name }) => name), ["Okta of Acme"]);
  return new Directory(data[0].id, baseUrl, token);
}

test("the guide turns green by itself and leads to the first rule and plan", async (t) => {
  const { id } = await organization();
  const visitor = await asOwner(t);
  const okta = await connect(visitor, id);
  await visitor.sees("Waiting for the first request");
  await visitor.page.waitForSelector("body[data-following]");
  await visitor.page.evaluate(() => (window.__same = true));
  const pushed = okta.replay("okta/tour");
  await visitor.sees("Connected");
  await pushed;
  await visitor.sees("5 groups so far", "#setup-people");
  await visitor.sees(/14 people|15 people/, "#setup-people");
  assert.equal(await visitor.page.evaluate(() => window.__same), true, "the page was not loaded anew");
  assert.equal(await toPaste(visitor, "Authorization"), okta.token, "the token, which is shown once, is still there");

  // Three groups that begin alike are a pattern; what is suggested can be planned as it stands.
  for (const name of ["eng-web", "eng-data"]) await okta.group(name);
  const suggestion = await visitor.page.waitForSelector("#setup-rules a[href*='group=']");
  await visitor.go(await suggestion.evaluate((link) => link.href));
  await visitor.fill("Key", "first");
  await visitor.sees("4 of 7 directory groups matched", "#effect");
  await visitor.sees(/people concerned/, "#effect");
  await visitor.press("Show the plan");
  await visitor.press(/^Apply exactly this/);
  await visitor.sees("Applied");
  const { data } = await api("GET", `/organizations/${id}/groups`);
  assert.ok(data.length > 0, "the groups are there");
  await visitor.go(`/console/${id}`);
  await visitor.sees(/[1-9]\d* mapped/, ".cards");
});

test("every identity provider has its guide, with values that can be copied", async (t) => {
  const { id } = await organization();
  const directory = await Directory.of(id, "Anything");
  const visitor = await asOwner(t);
  await visitor.context.setPermission(new URL(visitor.page.url() === "about:blank" ? directory.baseUrl : visitor.page.url()).origin, {
    permission: { name: "clipboard-write" },
    state: "granted",
  });
  for (const idp of ["okta", "entra", "onelogin", "jumpcloud", "generic"]) {
    await visitor.go(`/console/${id}/directories/${directory.id}/setup?idp=${idp}`);
    const values = await visitor.page.$$eval(".steps td code", (codes) => codes.map((code) => code.textContent));
    assert.ok(values.includes(directory.baseUrl), `${idp}: ${values}`);
    const [copy] = await visitor.all("button", "Copy");
    await copy.click();
    await visitor.sees("Copied");
  }
});

test("a request that is refused is seen as it comes, with what to do", async (t) => {
  const { id } = await organization();
  const directory = await Directory.of(id, "Okta");
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}/activity`);
  await visitor.page.waitForSelector("body[data-following]");
  await directory.request("GET", '/Users?filter=userNam%20eq%20"x"').catch(() => {});
  await visitor.sees(/did you mean userName/, "#activity");
  await directory.user("ada@corp.example");
  await visitor.sees("POST /Users", "#activity");
  const newest = await visitor.page.$eval("#activity tbody tr", (row) => row.innerText);
  assert.match(newest, /201[\s\S]*POST \/Users/, "the newest stands above");
  await visitor.press(/POST \/Users/, "link");
  assert.match(visitor.path, /\/activity\/request_/);
  const told = await visitor.text("main");
  for (const step of [/received/i, /stored/i, /linked/i, /mapped/i, /applied/i, /dsync\.user\.created/]) assert.match(told, step);
});
