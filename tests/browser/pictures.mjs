// Takes the pictures of the console for README and docs, of the demo's data, into the folder PICTURES. Run by
// scripts/screenshots, which makes them small.

import { PHONE, asOwner } from "./browser.mjs";
import { rich } from "./data.mjs";
import { Directory, api, base } from "./server.mjs";

const { PICTURES = "." } = process.env;
const WIDE = { width: 1280, height: 800 };

const endings = [];
const visitor = await asOwner({ after: (ending) => endings.push(ending) });
const { page } = visitor;
const { id, run, plan } = await rich("");
const first = async (path) => (await api("GET", path)).data[0];
const rules = (await api("GET", `/mapping_rules?organization_id=${id}`)).data;
const teams = rules.find(({ key }) => key === "engineering-teams");
const { id: user } = await first("/user_management/users?email=grace.lindholm@acme.example");
const grace = await first(`/user_management/organization_memberships?organization_id=${id}&user_id=${user}`);

const group = await first(`/user_management/organization_memberships/${grace.id}/groups?limit=1`);

/** Times and addresses differ from run to run; what a picture is about does not. */
const steady = () =>
  page.evaluate((here) => {
    for (const time of document.querySelectorAll("time")) time.textContent = "1 min ago";
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      text.data = text.data
        .replaceAll(here, "https://scim.example.com")
        .replace(/ (came|in) (just now|\d+ (s|min) ago)/, " $1 1 min ago");
    }
    document.activeElement?.blur();
  }, base);

/** A page in light and in dark; as much of it as fits, or all of it up to `height`. */
async function take(name, path, { height = WIDE.height, ready = "main", prepare = async () => {} } = {}) {
  const answer = await visitor.go(path);
  if (answer.status() !== 200) throw new Error(`${name}: ${answer.status()} ${path}`);
  await page.waitForSelector(ready);
  await prepare();
  await steady();
  const all = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewport({ ...WIDE, height: Math.min(all, height) });
  for (const colours of ["light", "dark"]) {
    await visitor.inColours(colours);
    await page.screenshot({ path: `${PICTURES}/console-${name}-${colours}.png` });
  }
  await visitor.inColours("light");
  await page.setViewport(WIDE);
}

await page.setViewport(WIDE);
const at = (path) => `/console/${id}${path}`;
await take("overview", at(""));
await take("rules", at("/rules"), {
  height: 1250,
  prepare: () => page.waitForSelector("svg.flow", { timeout: 5000 }).catch(() => {}),
});
await take("rule", at(`/rules/${teams.id}`), {
  height: 1000,
  prepare: async () => {
    // What somebody sees in the middle of a word.
    await visitor.fill("Directory groups", 'displayNam sw "eng-"');
    await page.waitForSelector(".under .mark");
  },
});
await take("plan", at(`/plans/${plan.id}`));
await take("parked-run", at(`/runs/${run.id}`), { height: 1100 });
await take("person", at(`/people/${grace.id}?why=${group.id}`), { height: 1150 });
await take("activity", at("/activity"));
// Somebody has made a directory and a token, and goes on at the identity provider.
const { id: next } = await Directory.of(id, "Okta EMEA", { type: "okta scim v2.0" });
await take("setup", at(`/directories/${next}/setup?idp=okta`), { height: 1150 });
await page.setViewport(PHONE);
await visitor.go(at(""));
await steady();
await page.screenshot({ path: `${PICTURES}/console-phone.png` });

for (const ending of endings) await ending();
process.exit(0);
