// What the pages gain by script: they follow what happens, show effects while one types, and have a few short ways.
// Every page is complete without it.
"use strict";

const every = (selector, work, within = document) => within.querySelectorAll(selector).forEach(work);

// --- Short ways ----------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
  if (event.key === "Escape") every("details.me[open]", (menu) => menu.removeAttribute("open"));
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (copy) {
    const text = document.getElementById(copy.dataset.copy)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById(copy.dataset.copy));
      copy.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  }
  if (event.target.closest?.("[data-back]")) history.back();
  if (!event.target.closest?.("details.me")) every("details.me[open]", (menu) => menu.removeAttribute("open"));
});

// A form that was sent is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.target === "_blank") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => every("form[data-sent]", (form) => delete form.dataset.sent));

// Filters apply when something is chosen.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form.filter");
  if (form && event.target.matches("select, [type=checkbox]")) form.requestSubmit();
});

// How many are ticked stands on the buttons that are about them.
function countTicked(form) {
  const ticked = form.querySelectorAll("[type=checkbox]:checked").length;
  every("[data-ticked]", (button) => (button.textContent = button.dataset.ticked + (ticked ? ` (${ticked})` : "")), form);
}
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[type=checkbox]") && event.target.form) countTicked(event.target.form);
});
// Going back, a browser ticks what was ticked.
addEventListener("pageshow", () => every("form:has([data-ticked])", countTicked));

function prepare(within) {
  every("[data-copy][hidden], [data-back][hidden]", (button) => (button.hidden = false), within);
  every("[data-without-script]", (part) => (part.hidden = true), within);
}
prepare(document);

// On a phone the sections are a strip: where one is, is in sight.
const section = document.querySelector(".side [aria-current]");
if (section) section.closest("ul").scrollLeft = section.offsetLeft - 60;

// --- News ----------------------------------------------------------------------------------------

const parser = new DOMParser();

async function read(address, options = {}) {
  const headers = { "Muster-Live": "1", ...options.headers };
  const answer = await fetch(address, { credentials: "same-origin", ...options, headers });
  // Signed out, or gone: the next click says so.
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  return parser.parseFromString(await answer.text(), "text/html");
}

// Puts new rows and values where the old ones are; what is the same stays, with its focus and its open parts.
function exchange(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const opened = new Set([...old.querySelectorAll("details[open][id]")].map((part) => part.id));
  const known = new Set([...old.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  every("details[id]", (part) => opened.has(part.id) && part.setAttribute("open", ""), fresh);
  if (known.size) every("[data-key]", (row) => known.has(row.dataset.key) || row.classList.add("fresh"), fresh);
  const here = document.activeElement;
  const focus = here && old.contains(here) ? here.id || here.getAttribute("href") : null;
  const imported = document.importNode(fresh, true);
  prepare(imported);
  old.replaceWith(imported);
  if (focus) {
    const again = document.getElementById(focus) ?? imported.querySelector(`[href="${CSS.escape(focus)}"]`);
    again?.focus({ preventScroll: true });
  }
}

// Where the page is read again: its own address, or the one that it names, if it answers a form.
const address = () => document.querySelector("[data-live][data-from]")?.dataset.from ?? location.href;
// A page that answers a form is not made again by reading it again.
if (document.querySelector("[data-live][data-from]") && address() !== location.pathname + location.search) {
  history.replaceState(null, "", address());
}

let reading = false;
let again = false;
async function refresh() {
  if (document.hidden) return;
  if (reading) return void (again = true);
  reading = true;
  try {
    const page = await read(address());
    every("[data-live]", (part) => {
      // Somebody is typing in it.
      if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
      const fresh = page.getElementById(part.id);
      if (fresh) exchange(part, fresh);
    });
  } catch {
    // The next news tries again.
  } finally {
    reading = false;
    if (again) {
      again = false;
      setTimeout(refresh, 300);
    }
  }
}

const news = document.body.dataset.news;
if (news && document.querySelector("[data-live]")) {
  // What is opened in the background may be old when it is looked at.
  let heard = document.hidden;
  let source = null;
  const listen = () => {
    source?.close();
    source = new EventSource(news);
    source.addEventListener("changed", refresh);
    // After a break something may have been missed.
    source.addEventListener("hello", () => {
      if (heard) refresh();
      heard = true;
      document.body.dataset.following = "yes";
    });
  };
  if (!document.hidden) listen();
  // A browser has few connections to a server: pages that nobody looks at give theirs back.
  document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : listen()));
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && listen());
  // Times are told from now.
  setInterval(() => document.hidden || refresh(), 30000);
}

// --- Effects while one types -----------------------------------------------------------------------

every("form[data-preview]", (form) => {
  const target = document.getElementById(form.dataset.into);
  let timer = null;
  let running = null;
  const show = async () => {
    running?.abort();
    running = new AbortController();
    target.classList.add("stale");
    try {
      const body = new URLSearchParams(new FormData(form));
      const page = await read(form.dataset.preview, { method: "POST", body, signal: running.signal });
      const fresh = page.getElementById(target.id);
      if (fresh) {
        target.replaceChildren(...document.importNode(fresh, true).childNodes);
        prepare(target);
        underline(form, target);
      }
      target.classList.remove("stale");
    } catch (error) {
      if (error.name !== "AbortError") target.classList.remove("stale");
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
  underline(form, target);
  if (form.dataset.atOnce) show();
});

// Underlines mistakes in the fields themselves: a copy of the text lies under the field, invisible but for the line.
function underline(form, target) {
  every(".under", (copy) => copy.remove(), form);
  every(".wrong", (field) => {
    field.classList.remove("wrong");
    field.removeAttribute("aria-invalid");
  }, form);
  every("[data-mark]", (mark) => {
    const field = form.elements[mark.dataset.mark];
    if (!field || !field.parentElement) return;
    field.classList.add("wrong");
    field.setAttribute("aria-invalid", "true");
    if (mark.id) field.setAttribute("aria-describedby", mark.id);
    if (mark.dataset.from === undefined || !field.parentElement.classList.contains("marked")) return;
    const [from, to] = [Number(mark.dataset.from), Number(mark.dataset.to)];
    const letters = [...field.value];
    const copy = document.createElement("span");
    const line = document.createElement("span");
    copy.className = "under";
    copy.setAttribute("aria-hidden", "true");
    line.className = "mark";
    // A mistake at the very end has no letter to stand under.
    line.textContent = letters.slice(from, to).join("") || "\u00a0\u00a0";
    copy.append(letters.slice(0, from).join(""), line, letters.slice(to).join(""));
    field.parentElement.append(copy);
    copy.scrollTop = field.scrollTop;
  }, target);
}

// --- Parts that take a moment ----------------------------------------------------------------------

every("[data-include]", async (place) => {
  try {
    const page = await read(place.dataset.include);
    const part = page.getElementById(place.dataset.part);
    if (part) place.replaceChildren(...document.importNode(part, true).childNodes);
  } catch {
    // The link to the page stays.
  } finally {
    delete place.dataset.include;
  }
});
