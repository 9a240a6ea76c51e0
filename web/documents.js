// The documents dialog: what the answers can draw on, and how a person adds to it.

import * as api from "./api.js";
import { announce, byId, counted, element, iconButton } from "./dom.js";
import { confirmed } from "./history.js";
import { follow } from "./stream.js";

/** Wire the dialog and the buttons that open it. */
export function documentsDialog() {
  const dialog = byId("documents");
  const input = byId("file");
  let next = null;

  async function load(cursor = null) {
    const list = byId("document-list");
    try {
      const page = await api.documents(cursor);
      const items = page.items.map((one) => entry(one));
      if (cursor) list.append(...items);
      else list.replaceChildren(...items);
      next = page.next;
      byId("more-documents").hidden = !next;
      byId("no-documents").hidden = list.childElementCount > 0;
    } catch (error) {
      list.replaceChildren(element("li", { class: "failed", role: "alert", text: error.message }));
    }
  }

  async function addAll(files) {
    for (const file of files) await add(file, byId("uploads"));
    load();
  }

  byId("open-documents").addEventListener("click", () => {
    byId("uploads")
      .querySelectorAll("[data-state=done]")
      .forEach((item) => item.remove());
    dialog.showModal();
    load();
  });
  byId("more-documents").addEventListener("click", () => load(next));
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    addAll(files);
  });
  // Anywhere: a file that misses the box would otherwise replace the page.
  const brings = (event) => event.dataTransfer.types.includes("Files");
  addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    if (!dialog.open) dialog.showModal();
    addAll([...event.dataTransfer.files]);
  });
}

function entry(document) {
  const name = document.title || document.source;
  const size = document.chunks == null ? null : counted(document.chunks, "passage");
  const trouble = document.status === "indexed" ? null : document.error || document.status;
  const facts = [document.source === name ? null : document.source, size, trouble]
    .filter(Boolean)
    .join(" · ");
  const text = element(
    "div",
    { class: "document" },
    element("strong", { text: name }),
    element("span", { text: facts }),
  );
  const item = element("li", {}, text);
  item.append(iconButton("trash", `Delete ${name}`, () => remove(document, name, item)));
  return item;
}

async function remove(document, name, item) {
  if (!(await confirmed(`Delete “${name}”? Answers can no longer draw on it.`))) return;
  try {
    await api.deleteDocument(document.id);
    (item.nextElementSibling ?? item.previousElementSibling ?? byId("drop")).querySelector("button, input").focus();
    item.remove();
    byId("no-documents").hidden = byId("document-list").childElementCount > 0;
    announce(`${name} deleted.`);
  } catch (error) {
    item.append(element("span", { class: "failed", role: "alert", text: error.message }));
  }
}

/** Send the file and show how far its indexing is. Resolves when it is in the index or has failed. */
async function add(file, place) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
  const state = element("span", { class: "state", text: "Sending" });
  const item = element(
    "li",
    { data: { state: "running" } },
    element("strong", { text: file.name }),
    bar,
    state,
  );
  place.prepend(item);
  const end = (kind, text) => {
    item.dataset.state = kind;
    state.textContent = text;
    bar.remove();
    announce(`${file.name}: ${text}`);
  };
  try {
    const job = await api.upload(file, (sent, total) => advance(bar, state, "Sending", sent, total));
    await index(job.job_id, bar, state, end);
  } catch (error) {
    end("failed", error.message);
  }
}

async function index(job, bar, state, end) {
  const { signal } = new AbortController();
  const open = (after) => api.job(job, after, signal);
  for await (const { event, data } of follow(open, { signal })) {
    if (event === "progress") advance(bar, state, stageOf(data.stage), data.done, data.total);
    if (event === "done")
      end(
        "done",
        `Added${data.document?.chunks == null ? "" : `, ${counted(data.document.chunks, "passage")}`}`,
      );
    if (event === "error") end("failed", data.message);
  }
}

const stageOf = (stage) => (stage ? stage[0].toUpperCase() + stage.slice(1) : "Working");

// One step of one says nothing until it is over.
function advance(bar, state, stage, done, total) {
  if (total > 1) bar.value = done / total;
  else bar.removeAttribute("value");
  state.textContent = total > 1 ? `${stage} ${Math.round((done / total) * 100)}%` : stage;
}
