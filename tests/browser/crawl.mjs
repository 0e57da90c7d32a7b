// Follows every link of the console, as a reader would who wants to see all of it.

import { setTimeout as pause } from "node:timers/promises";
import { DESKTOP, PHONE, asOwner } from "./browser.mjs";
import { accessibility, overflow, structure } from "./checks.mjs";
import { base } from "./server.mjs";

/** How many pages of one kind are looked at: two groups differ less than a group and a run. */
const ALIKE = 2;

/** The path with ids replaced by their kind: pages of the same kind have the same. */
export const kindOf = (path) => path.replaceAll(/\b([a-z_]+)_[0-9A-HJKMNP-TV-Z]{26}\b/g, "{$1}");

/** The kind, with the names of what was asked for. */
function kindOfAddress(address) {
  const { pathname, searchParams } = new URL(address, base);
  const asked = [...new Set(searchParams.keys())].sort().join("&");
  return asked ? `${kindOf(pathname)}?${asked}` : kindOf(pathname);
}

const isPage = ({ origin, pathname }) =>
  origin === base && /^\/console(\/|$)/.test(pathname) && !/\/(live|assets)(\/|$)|\.csv$|\/export/.test(pathname);

/**
 * Looks at every page that can be reached from the paths, as an owner with two windows. `look(visitor)` answers the
 * problems of the page that is open. What is answered: the pages, their kinds, and every problem as one line.
 */
export async function crawl(t, paths, look = everything, within = () => true) {
  const crawler = new Crawler(paths, look, within);
  const windows = [await asOwner(t), await asOwner(t)];
  await Promise.all(windows.map((visitor) => crawler.work(visitor)));
  return { pages: crawler.pages, kinds: [...crawler.times.keys()].sort(), problems: crawler.problems };
}

class Crawler {
  pages = [];
  problems = [];
  times = new Map();
  #seen = new Set();
  #titles = new Map();
  /** Which page led to another. */
  #from = new Map();
  #busy = 0;

  constructor(paths, look, within) {
    Object.assign(this, { queue: [...paths], look, within });
  }

  /** Looks at pages until there is none left, and nobody is at work who could find another. */
  async work(visitor) {
    while (this.queue.length > 0 || this.#busy > 0) {
      const path = this.#next();
      if (path === null) {
        await pause(20);
        continue;
      }
      this.#busy += 1;
      try {
        await this.#visit(visitor, path);
      } finally {
        this.#busy -= 1;
      }
    }
  }

  /** A page of which not enough were looked at, or null. */
  #next() {
    while (this.queue.length > 0) {
      const path = this.queue.shift();
      const [kind, times] = [kindOfAddress(path), this.times.get(kindOfAddress(path)) ?? 0];
      if (this.#seen.has(path) || times >= ALIKE) continue;
      this.#seen.add(path);
      this.times.set(kind, times + 1);
      return path;
    }
    return null;
  }

  async #visit(visitor, path) {
    const kind = kindOfAddress(path);
    const { page } = visitor;
    visitor.forgiven.add(base + path);
    const status = (await visitor.go(path)).status();
    if (status !== 200) return void this.problems.push(`${kind}: status ${status}: ${this.#from.get(path)} leads to ${path}`);
    this.pages.push(path);
    // Parts that come later are parts of the page.
    await page.waitForFunction(() => !document.querySelector("[data-include]"));
    for (const problem of [...(await this.look(visitor)), ...visitor.problems.splice(0)]) {
      this.problems.push(`${kind}: ${problem}`);
    }
    const [title, place] = [await page.title(), kindOf(new URL(path, base).pathname)];
    // Things of different kinds may have the same name.
    const other = (!place.endsWith("}") && this.#titles.get(title)) || place;
    if (other !== place) this.problems.push(`${place} has the title of ${other}: ${title}`);
    if (!place.endsWith("}")) this.#titles.set(title, place);
    const links = await page.$$eval("a[href]", (all) =>
      // Also those in pictures, whose `href` is no text.
      all.map((link) => new URL(link.getAttribute("href"), document.baseURI).href),
    );
    for (const link of links.map((href) => new URL(href))) {
      if (!isPage(link) || !this.within(link)) continue;
      const to = link.pathname + link.search;
      if (!this.#from.has(to)) this.#from.set(to, path);
      this.queue.push(to);
    }
  }
}

/** Everything that holds for a page: in light, in dark, and on a phone. With LOOKS=brief, only that it is there. */
export async function everything(visitor) {
  const { page } = visitor;
  if (process.env.LOOKS === "brief") return structure(page);
  const found = [...(await structure(page)), ...(await overflow(page)), ...(await accessibility(page))];
  await visitor.inColours("dark");
  for (const problem of await accessibility(page, ["color-contrast"])) found.push(`dark: ${problem}`);
  await visitor.inColours("light");
  await page.setViewport(PHONE);
  // The colours of a phone are the same.
  for (const problem of [...(await overflow(page)), ...(await accessibility(page, null, ["color-contrast"]))]) {
    found.push(`phone: ${problem}`);
  }
  await page.setViewport(DESKTOP);
  return found;
}
