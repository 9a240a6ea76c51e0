// Puts the page together: the address names the conversation, everything else follows from it.

import * as api from "./api.js";
import { chatIn } from "./chat.js";
import { composerFor } from "./composer.js";
import { documentsDialog } from "./documents.js";
import { byId, element } from "./dom.js";
import { historyFor } from "./history.js";
import { watchFor } from "./watch.js";

const narrow = matchMedia("(max-width: 50rem)");

const composer = composerFor({ send: (text) => chat.send(text), stop: () => chat.stop() });
const chat = chatIn({
  busy: composer.busy,
  restore: composer.restore,
  settled: () => history.load(),
  moved: (id) => {
    window.history.pushState(null, "", `#c=${id}`);
    history.load();
  },
});
const history = historyFor({ current: chat.current, left: fresh });

function openAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const id = fields.get("c");
  const message = fields.get("m");
  menu(false);
  if (id && id === chat.current() && !message) return;
  chat.open(id, message);
  history.markCurrent();
  if (!message) composer.focus();
}

function fresh() {
  window.history.pushState(null, "", location.pathname);
  openAddress();
}

function menu(open) {
  document.body.classList.toggle("menu-open", open);
  byId("menu").setAttribute("aria-expanded", String(open));
  byId("shade").hidden = !open;
  if (open) byId("new").focus();
}

function closeMenu() {
  menu(false);
  byId("menu").focus();
}

async function welcome() {
  const { examples = [] } = await api.agent().catch(() => ({}));
  const buttons = examples.slice(0, 4).map((text) => {
    const button = element("button", {
      type: "button",
      class: "example",
      text,
      on: { click: () => chat.send(text) },
    });
    return element("li", {}, button);
  });
  byId("examples").replaceChildren(...buttons);
  byId("examples-title").hidden = !buttons.length;
}

function escape(event) {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (document.body.classList.contains("menu-open")) return closeMenu();
  if (event.target.value && event.target.type === "search") return; // it clears the search
  chat.stop();
}

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
byId("new").addEventListener("click", fresh);
byId("menu").addEventListener("click", () => menu(!document.body.classList.contains("menu-open")));
byId("shade").addEventListener("click", closeMenu);
narrow.addEventListener("change", () => menu(false));
addEventListener("popstate", openAddress);
addEventListener("keydown", escape);

documentsDialog();
watchFor({ look: chat.catchUp, returned: () => history.load() });
history.load();
welcome();
openAddress();
