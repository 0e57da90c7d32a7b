// What holds for every page: it says something, nobody is kept out of it, and it does not scroll sideways.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/** Serious and critical findings of axe, each as one line; of these rules, or of all of WCAG 2.1 AA without some. */
export async function accessibility(page, rules = null, without = []) {
  await page.evaluate(axe);
  const only = rules ? { type: "rule", values: rules } : { type: "tag", values: TAGS };
  const findings = await page.evaluate(async (runOnly, left) => {
    // Experimental, and mistaken where a picture has titles beside its words.
    const rules = Object.fromEntries(["label-content-name-mismatch", ...left].map((id) => [id, { enabled: false }]));
    const { violations } = await axe.run(document, { runOnly, rules, resultTypes: ["violations"] });
    return violations.flatMap(({ id, impact, help, nodes }) =>
      nodes.map(({ target, html, any }) => ({ id, impact, help, target: target.join(" "), html, why: any[0]?.message })),
    );
  }, only, without);
  return findings
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, help, target, html, why }) => `${id} (${help}): ${target}: ${html.slice(0, 160)} ${why ?? ""}`);
}

/** What sticks out of the page to the right, each as one line. Nothing if the page does not scroll sideways. */
export function overflow(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter(
      (part) => part.getBoundingClientRect().right > clientWidth + 1 && !part.closest(".hidden, svg *"),
    );
    const name = (part) => `${part.tagName.toLowerCase()}.${[...part.classList].join(".")}#${part.id}`;
    return [`scrolls sideways: ${scrollWidth} > ${clientWidth}: ${wide.slice(-3).map(name).join(", ")}`];
  });
}

/** Signs that a page was not finished: empty headings, links to nowhere, buttons without a word, ids used twice. */
export function structure(page) {
  return page.evaluate(() => {
    const found = [];
    const complain = (what) => (part) => found.push(`${what}: ${part.outerHTML.slice(0, 160)}`);
    const all = (selector) => [...document.querySelectorAll(selector)];
    if (all("h1").length !== 1) found.push(`${all("h1").length} headings of the first order`);
    const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
    levels.forEach((level, at) => {
      if (at > 0 && level > levels[at - 1] + 1) found.push(`a heading of order ${level} after one of ${levels[at - 1]}`);
    });
    all("h1, h2, h3, h4, button, a[href], th").filter((part) => !part.textContent.trim() && !part.querySelector("img, svg, [aria-label]")).forEach(complain("empty"));
    all("[style]").forEach(complain("an inline style"));
    all('a[href=""], a[href="#"], a:not([href]), form[action=""]').forEach(complain("leads nowhere"));
    const ids = all("[id]").map((part) => part.id);
    ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => found.push(`the id ${id} is there twice`));
    all("[data-live]").filter((part) => !part.id).forEach(complain("live, but without an id"));
    const words = document.body.innerText;
    for (const odd of ["undefined", "[object", "NaN", "Some(", "Ok(", "{%"]) {
      const at = words.search(new RegExp(`(?<![\\w"'])${odd.replace(/[[({]/g, "\\$&")}(?!\\w)`));
      if (at >= 0) found.push(`says ${odd}: …${words.slice(Math.max(0, at - 40), at + 40)}…`);
    }
    return found;
  });
}
