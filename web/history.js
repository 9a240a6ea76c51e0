// The sidebar: conversations, newest first, and the search through what was said in them.

import * as api from "./api.js";
import { announce, byId, element, iconButton } from "./dom.js";

const TYPING_PAUSE = 250; // ms
const PAGE = 30;
const MOST = 200; // the server's limit

/** Wire the list; `current()` is the open conversation's id, `left()` is called when it was deleted. */
export function historyFor({ current, left }) {
  const list = byId("conversations");
  const more = byId("more");
  let next = null;
  let asked = 0;

  async function load(cursor = null) {
    const turn = ++asked;
    try {
      const shown = list.querySelectorAll("a").length;
      const page = await api.conversations(cursor, cursor ? PAGE : Math.min(Math.max(PAGE, shown), MOST));
      if (turn !== asked) return;
      const said = page.items.filter(({ messages }) => messages !== 0);
      list.querySelectorAll(".failed").forEach((item) => item.remove());
      show(said, Boolean(cursor));
      next = page.next;
      more.hidden = !next;
      byId("no-conversations").hidden = list.childElementCount > 0;
      markCurrent();
    } catch (error) {
      list.querySelectorAll(".failed").forEach((item) => item.remove());
      list.prepend(element("li", { class: "failed", role: "alert", text: error.message }));
    }
  }

  // Left alone where nothing changed: a new list would swallow a click and the focus.
  function show(said, below) {
    const items = said.map((one) => entry(one, remove));
    if (below) return list.append(...items);
    const old = [...list.querySelectorAll("a")].map((link) => link.dataset.id + link.text);
    if (old.join() === said.map((one) => one.id + titleOf(one)).join()) return;
    const focused = document.activeElement?.closest("#conversations a")?.dataset.id;
    list.replaceChildren(...items);
    if (focused) list.querySelector(`a[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  function markCurrent() {
    for (const link of list.querySelectorAll("a")) {
      if (link.dataset.id === current()) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const title = list.querySelector("a[aria-current]")?.text;
    document.title = title ? `${title} · Switchboard` : "Switchboard";
  }

  async function remove(conversation, item) {
    if (!(await confirmed(`Delete “${titleOf(conversation)}”? Its messages are gone for good.`))) return;
    try {
      await api.deleteConversation(conversation.id);
    } catch (error) {
      return item.after(element("li", { class: "failed", role: "alert", text: error.message }));
    }
    (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("a")?.focus();
    item.remove();
    byId("no-conversations").hidden = list.childElementCount > 0;
    announce("Conversation deleted.");
    if (conversation.id === current()) left();
  }

  more.addEventListener("click", () => load(next));
  wireSearch();
  return { load, markCurrent };
}

const titleOf = (conversation) => conversation.title || "New conversation";

function entry(conversation, remove) {
  const title = titleOf(conversation);
  const link = element("a", {
    href: `#c=${conversation.id}`,
    data: { id: conversation.id },
    dir: "auto",
    text: title,
    title,
  });
  const item = element("li", {}, link);
  item.append(iconButton("trash", `Delete ${title}`, () => remove(conversation, item)));
  return item;
}

/** Ask in the page's own dialog. Resolves to whether the person agreed. */
export function confirmed(question) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = question;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function wireSearch() {
  const input = byId("search");
  const results = byId("results");
  let timer = null;
  let last = new AbortController();

  const showing = (found) => {
    results.hidden = !found;
    byId("past").hidden = Boolean(found);
  };
  const look = async () => {
    last.abort();
    last = new AbortController();
    const { signal } = last;
    const text = input.value.trim();
    if (!text) return showing(false);
    try {
      const { items } = await api.search(text, signal);
      results.replaceChildren(
        ...(items.length
          ? items.map(hit)
          : [element("li", { class: "empty", text: `Nothing found for “${text}”.` })]),
      );
      announce(`${items.length} found`);
    } catch (error) {
      if (signal.aborted) return;
      results.replaceChildren(element("li", { class: "failed", role: "alert", text: error.message }));
    }
    showing(true);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, TYPING_PAUSE);
  });
}

function hit(found) {
  const message = found.message_id ?? found.id;
  const text = found.snippet ?? found.content ?? "";
  const href = `#c=${found.conversation_id}${message ? `&m=${message}` : ""}`;
  const title = found.title && element("strong", { text: found.title });
  return element("li", {}, element("a", { href, class: "hit" }, title, element("span", { text })));
}
