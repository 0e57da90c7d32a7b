// Coming in and going out.

import assert from "node:assert/strict";
import test from "node:test";
import { OWNER, Visitor, asOwner, ownerCookie } from "./browser.mjs";
import { base, firstOwnerLink, organization } from "./server.mjs";

test("the printed link makes one owner and works once", async (t) => {
  await ownerCookie();
  const second = (await Visitor.of(t)).expect(/status of 4\d\d/);
  const answer = await second.go(firstOwnerLink);
  assert.ok(answer.status() >= 400 && answer.status() < 500, `${answer.status()}`);
  assert.equal(await second.page.$("form"), null, "there is nothing to fill in");
});

test("a wrong password is told and a right one leads to where one wanted to go", async (t) => {
  await ownerCookie();
  const { id, name } = await organization();
  const visitor = (await Visitor.of(t)).expect(/status of 401/);
  await visitor.go(`/console/${id}`);
  assert.match(visitor.path, /^\/console\/sign-in\?next=/);
  await visitor.fill("E-mail", OWNER.email);
  await visitor.fill("Password", "not the password at all");
  assert.equal((await visitor.press("Sign in")).status(), 401);
  assert.match(await visitor.text("[role=alert]"), /e-mail or the password is wrong/);
  assert.equal(await visitor.cookie(), undefined);
  await visitor.fill("Password", OWNER.password);
  await visitor.press("Sign in");
  assert.equal(visitor.path, `/console/${id}`);
  assert.equal(await visitor.text("h1"), name);
});

test("whoever signs out is out, also with the cookie that they had", async (t) => {
  await ownerCookie();
  const { id } = await organization();
  const visitor = await Visitor.of(t);
  await visitor.signIn(OWNER);
  const cookie = await visitor.cookie();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
  await visitor.go(`/console/${id}`);
  await (await visitor.page.$("details.me summary")).click();
  await visitor.press("Sign out");
  assert.match(visitor.path, /^\/console\/sign-in/);
  assert.equal(await visitor.cookie(), undefined);
  const late = await Visitor.of(t, { cookie });
  await late.go(`/console/${id}`);
  assert.match(late.path, /^\/console\/sign-in/);
});

test("pages are kept by no cache and shown in no frame", async (t) => {
  const visitor = await asOwner(t);
  const answer = await visitor.go("/console");
  const headers = answer.headers();
  assert.match(headers["cache-control"] ?? "", /no-store/);
  assert.equal(headers["x-frame-options"], "DENY");
  assert.match(headers["content-security-policy"], /default-src 'none'/);
  assert.doesNotMatch(headers["content-security-policy"], /unsafe/);
  assert.ok(base.startsWith("http://"), "on one's own machine there is no TLS, and the cookie is not Secure");
});
