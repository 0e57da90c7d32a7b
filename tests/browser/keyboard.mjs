// The console without a mouse.

import assert from "node:assert/strict";
import test from "node:test";
import { asOwner } from "./browser.mjs";
import { organization } from "./server.mjs";

const focused = (visitor) =>
  visitor.page.evaluate(() => {
    const { activeElement: here } = document;
    return here.id || here.className || here.textContent.trim();
  });

test("a slash goes to the search, but is a slash while one types", async (t) => {
  const { id } = await organization();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}`);
  await visitor.page.keyboard.press("/");
  assert.equal(await focused(visitor), "search");
  await visitor.page.keyboard.type("a/b");
  assert.equal(await visitor.page.$eval("#search", (field) => field.value), "a/b");
});

test("Tab begins with the way past the navigation, and every stop can be seen", async (t) => {
  const { id } = await organization();
  const visitor = await asOwner(t);
  await visitor.go(`/console/${id}`);
  await visitor.page.keyboard.press("Tab");
  assert.equal(await focused(visitor), "skip");
  const skip = await visitor.page.$eval(".skip", (link) => link.getBoundingClientRect().left);
  assert.ok(skip >= 0, "the link is on the page while it has the focus");
  await visitor.page.keyboard.press("Enter");
  await visitor.page.waitForFunction(() => document.activeElement.id === "main");
  await visitor.go(`/console/${id}`);
  const stops = new Set();
  for (;;) {
    await visitor.page.keyboard.press("Tab");
    const stop = await visitor.page.evaluate(() => {
      const here = document.activeElement;
      if (here === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(here);
      const { width, height } = here.getBoundingClientRect();
      const name = here.getAttribute("aria-label") ?? (here.textContent.trim() || here.outerHTML);
      return { name, seen: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 && width > 0 && height > 0 };
    });
    if (stop === null || stops.has(stop.name)) break;
    stops.add(stop.name);
    assert.ok(stop.seen, `nobody sees that ${stop.name} has the focus`);
  }
  for (const name of ["Overview", "Rules", "Connect a directory"]) assert.ok(stops.has(name), `${name} is a stop`);
});

test("the menu opens by Enter and closes by Escape", async (t) => {
  const visitor = await asOwner(t);
  await visitor.go("/console");
  const open = () => visitor.page.$eval("details.me", (menu) => menu.open);
  await visitor.page.focus("details.me summary");
  await visitor.page.keyboard.press("Enter");
  assert.equal(await open(), true);
  await visitor.page.keyboard.press("Escape");
  assert.equal(await open(), false);
});
