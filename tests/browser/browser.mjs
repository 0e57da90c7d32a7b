// Chromium, and people who use it. Whatever a page complains about while a test looks at it fails the test: errors on
// the console, violations of the content security policy, exceptions, answers of 500, script that ran where it must not.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after } from "node:test";
import puppeteer from "puppeteer-core";
import { base, firstOwnerLink } from "./server.mjs";

/** How long a page may take for what it does at once, in milliseconds: machines that test are busy. */
const PATIENCE = 30_000;
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const OWNER = { email: "olivia.owner@muster.example", name: "Olivia Owner", password: "six small boats at dawn" };

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

let running = null;

/** The browser, which is started once. */
export function chromium() {
  running ??= puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? PROGRAMS.find(existsSync),
    // Neither root nor a container can have Chromium's sandbox, and every page is one of ours.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--force-color-profile=srgb",
      "--lang=en-US",
    ],
  });
  return running;
}
after(async () => (await running)?.close());

/** Somebody with a browser of their own: no cookies of anybody else, no cache. */
export class Visitor {
  /** What went wrong on the pages that were looked at. */
  problems = [];
  /** Addresses whose answers are looked at by the test itself. */
  forgiven = new Set();
  /** What may go wrong, since the test brings it about. */
  #expected = [];

  /**
   * With `cookie`, signed in; without script, in dark colours, or on a phone.
   * The browser is closed and its complaints are asserted when the test ends.
   */
  static async of(t, { cookie = null, script = true, dark = false, viewport = DESKTOP } = {}) {
    const visitor = new Visitor();
    visitor.context = await (await chromium()).createBrowserContext();
    visitor.page = await visitor.context.newPage();
    visitor.script = script;
    t.after(() => visitor.leave());
    visitor.page.setDefaultTimeout(PATIENCE);
    await visitor.page.setViewport(viewport);
    await visitor.page.setJavaScriptEnabled(script);
    await visitor.inColours(dark ? "dark" : "light");
    if (cookie) await visitor.context.setCookie(cookie);
    await visitor.#listen();
    return visitor;
  }

  async #listen() {
    const note = (text) => this.#expected.some((pattern) => pattern.test(text)) || this.problems.push(text);
    this.page.on("console", (message) => {
      if (this.forgiven.has(message.location()?.url)) return;
      if (["error", "warn", "assert"].includes(message.type())) note(`console: ${message.text()}`);
    });
    this.page.on("pageerror", (error) => note(`exception: ${error.message}`));
    this.page.on("dialog", async (dialog) => {
      note(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    this.page.on("response", (response) => {
      if (response.status() >= 500) note(`${response.status()} ${response.url()}`);
    });
    this.page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== base) note(`asks elsewhere: ${request.url()}`);
    });
    if (process.env.ASSETS) await this.#wear(process.env.ASSETS);
    await this.page.evaluateOnNewDocument(() => {
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
        console.error(`policy: ${violatedDirective} ${blockedURI} ${sample}`),
      );
    });
  }

  /** With ASSETS, style and script come from that folder: for who works on them and does not want to compile. */
  async #wear(folder) {
    await this.page.setRequestInterception(true);
    this.page.on("request", (request) => {
      const [, name] = /\/console\/assets\/(.*)\.(css|js)\?/.exec(request.url()) ?? [];
      if (!name) return request.continue();
      const kind = request.resourceType() === "script" ? "js" : "css";
      const contentType = kind === "js" ? "text/javascript" : "text/css";
      return request.respond({ contentType, body: readFileSync(`${folder}/${name}.${kind}`) });
    });
  }

  /** From now on, what matches this is no problem. */
  expect(...patterns) {
    this.#expected.push(...patterns);
    return this;
  }

  inColours(value) {
    const features = [
      { name: "prefers-color-scheme", value },
      { name: "prefers-reduced-motion", value: "reduce" },
    ];
    return this.page.emulateMediaFeatures(features);
  }

  /** Goes to a path; the answer. */
  go(path) {
    return this.page.goto(new URL(path, base).href);
  }

  /** The path and query of the page. */
  get path() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  /** What the page, or a part of it, says. */
  text(selector = "body") {
    return this.page.$eval(selector, (part) => part.innerText);
  }

  /** Waits until the page, or a part of it, says this; without reloading. */
  sees(text, selector = "body") {
    const said = (wanted, within) => {
      const words = [...document.querySelectorAll(within)].map((part) => part.innerText).join("\n");
      return wanted.source === undefined ? words.includes(wanted) : new RegExp(wanted.source, wanted.flags).test(words);
    };
    const wanted = text instanceof RegExp ? { source: text.source, flags: text.flags } : text;
    return this.page.waitForFunction(said, {}, wanted, selector).catch(async (error) => {
      const words = await this.text(selector).catch(() => "(it is not there)");
      throw new Error(`${this.path} does not say ${text} in ${selector}, but:\n${words}`, { cause: error });
    });
  }

  /** The elements of this role and name (or part of it), as assistive technology finds them. */
  async all(role, name) {
    if (typeof name === "string") return this.page.$$(`::-p-aria([name="${name}"][role="${role}"])`);
    const found = [];
    for (const element of await this.page.$$(`::-p-aria([role="${role}"])`)) {
      const words = await element.evaluate((part) => part.getAttribute("aria-label") ?? part.textContent);
      if (name.test(words.replaceAll(/\s+/g, " ").trim())) found.push(element);
    }
    return found;
  }

  /** The first of them. */
  async find(role, name) {
    const [found] = await this.all(role, name);
    assert.ok(found, `${this.path} has no ${role} “${name}”:\n${await this.text()}`);
    return found;
  }

  /** Writes into a field, found by its label. */
  async fill(label, value) {
    const field = await this.find("textbox", label);
    await field.evaluate((element) => element.select());
    await field.focus();
    if (value === "") return this.page.keyboard.press("Backspace");
    return this.page.keyboard.sendCharacter(value);
  }

  /** Presses a button, or follows a link, and waits for the page that it leads to; the answer. */
  async press(name, role = "button") {
    const element = await this.find(role, name);
    return this.#leads(() => element.focus().then(() => this.page.keyboard.press("Enter")));
  }

  follow(name) {
    return this.press(name, "link");
  }

  async #leads(action) {
    const [response] = await Promise.all([this.page.waitForNavigation(), action()]);
    return response;
  }

  /** Signs in by e-mail and password. */
  async signIn({ email, password }) {
    await this.go("/console/sign-in");
    await this.fill("E-mail", email);
    await this.fill("Password", password);
    return this.press("Sign in");
  }

  /** The cookie of the session. */
  async cookie() {
    return (await this.context.cookies()).find(({ name }) => name.endsWith("muster"));
  }

  async leave() {
    const hit = await this.page.evaluate(() => window.__hit).catch(() => undefined);
    await this.context.close();
    assert.equal(hit, undefined, "a text of somebody's became script");
    assert.deepEqual(this.problems, [], "what the pages complained about");
  }
}

let owner = null;

/** The cookie of the first owner, who came in by the link that the server printed. Whoever asks first uses the link. */
export function ownerCookie() {
  owner ??= becomeOwner();
  return owner;
}

async function becomeOwner() {
  assert.ok(firstOwnerLink, "the server has printed no link for the first owner");
  const endings = [];
  const visitor = await Visitor.of({ after: (ending) => endings.push(ending) });
  await visitor.go(firstOwnerLink);
  await visitor.fill("Your e-mail", OWNER.email);
  await visitor.fill("Your name", OWNER.name);
  await visitor.fill("Password", OWNER.password);
  await visitor.fill("The same again", OWNER.password);
  const answer = await visitor.press("Become the first owner");
  assert.deepEqual([answer.status(), visitor.path], [200, "/console"]);
  const cookie = await visitor.cookie();
  for (const ending of endings) await ending();
  return cookie;
}

/** The first owner, signed in, with a browser of their own. */
export const asOwner = async (t, options = {}) => Visitor.of(t, { cookie: await ownerCookie(), ...options });
