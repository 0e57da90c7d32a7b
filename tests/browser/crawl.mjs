// Follows every link of the console, as a reader would who wants to see all of it.

import { DESKTOP, PHONE } from "./browser.mjs";
import { accessibility, overflow, structure } from "./checks.mjs";
import { base } from "./server.mjs";

/** How many pages of one kind are looked at: two groups differ less than a group and a run. */
const ALIKE = 3;

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
 * Looks at every page that can be reached from the paths. `look(page, path)` answers the problems of one page.
 * What is answered: the pages by kind, and every problem as one line.
 */
export async function crawl(visitor, paths, look = everything, within = () => true) {
  const [queue, seen, titles, problems, pages] = [[...paths], new Set(), new Map(), [], []];
  const times = new Map();
  while (queue.length > 0) {
    const path = queue.shift();
    const kind = kindOfAddress(path);
    if (seen.has(path) || (times.get(kind) ?? 0) >= ALIKE) continue;
    seen.add(path);
    times.set(kind, (times.get(kind) ?? 0) + 1);
    const before = visitor.problems.length;
    const response = await visitor.go(path);
    if (response.status() !== 200) {
      visitor.problems.splice(before);
      problems.push(`${kind}: status ${response.status()}`);
      continue;
    }
    pages.push(path);
    // Parts that come later are parts of the page.
    if (visitor.script) await visitor.page.waitForFunction(() => !document.querySelector("[data-include]"));
    for (const problem of await look(visitor, path)) problems.push(`${kind}: ${problem}`);
    for (const problem of visitor.problems.splice(before)) problems.push(`${kind}: ${problem}`);
    const title = await visitor.page.title();
    const place = kindOf(new URL(path, base).pathname);
    const other = titles.get(title);
    if (other !== undefined && other !== place) problems.push(`${place} has the title of ${other}: ${title}`);
    titles.set(title, place);
    const links = await visitor.page.$$eval("a[href]", (all) =>
      // Also those in pictures, whose `href` is no text.
      all.map((link) => new URL(link.getAttribute("href"), document.baseURI).href),
    );
    for (const link of links.map((href) => new URL(href))) {
      link.hash = "";
      if (isPage(link) && within(link)) queue.push(link.pathname + link.search);
    }
  }
  return { pages, kinds: [...times.keys()].sort(), problems };
}

/** Everything that holds for a page: in light, in dark, and on a phone. */
export async function everything(visitor) {
  const { page } = visitor;
  const found = [...(await structure(page)), ...(await overflow(page)), ...(await accessibility(page))];
  await visitor.inColours("dark");
  for (const problem of await accessibility(page, ["color-contrast"])) found.push(`dark: ${problem}`);
  await visitor.inColours("light");
  await page.setViewport(PHONE);
  for (const problem of [...(await overflow(page)), ...(await accessibility(page))]) found.push(`phone: ${problem}`);
  await page.setViewport(DESKTOP);
  return found;
}
