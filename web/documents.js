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
    const groups = groupsOf(byId("readers").value);
    for (const file of files) {
      await add(file.name, (told) => api.upload(file, groups, told));
    }
    load();
  }

  byId("page-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = byId("address");
    const url = address.value.trim();
    address.value = "";
    const groups = groupsOf(byId("readers").value);
    await add(url, () => api.addPage(url, groups));
    load();
  });

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
    readers(document, name),
  );
  const item = element("li", {}, text);
  item.append(iconButton("trash", `Delete ${name}`, () => remove(document, name, item)));
  return item;
}

const groupsOf = (text) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

const readBy = (groups) => (groups?.length ? `Read by ${groups.join(", ")}` : "Everyone may read it");

/** Who may read the document: a button that becomes a field. */
function readers(document, name) {
  const button = element("button", { type: "button", class: "readers", text: readBy(document.groups) });
  button.setAttribute("aria-label", `${readBy(document.groups)}. Change who may read ${name}`);
  button.addEventListener("click", () => {
    const field = element("input", {
      type: "text",
      value: (document.groups ?? []).join(", "),
      placeholder: "everyone, or groups: finance, legal",
      "aria-label": `Groups that may read ${name}`,
    });
    const form = element("form", { class: "readers" }, field);
    const leave = () => form.replaceWith(readers(document, name));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        document.groups = (await api.regroup(document.id, groupsOf(field.value))).groups;
        announce(`${name}: ${readBy(document.groups)}.`);
        const again = readers(document, name);
        form.replaceWith(again);
        again.focus();
      } catch (error) {
        form.querySelector(".failed")?.remove();
        form.append(element("span", { class: "failed", role: "alert", text: error.message }));
      }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // else the dialog closes as well
      leave();
    });
    button.replaceWith(form);
    field.focus();
  });
  return button;
}

async function remove(document, name, item) {
  if (!(await confirmed(`Delete “${name}”? Answers can no longer draw on it.`))) return;
  try {
    await api.deleteDocument(document.id);
    (item.nextElementSibling ?? item.previousElementSibling ?? byId("drop")).querySelector(".icon-button, input").focus();
    item.remove();
    byId("no-documents").hidden = byId("document-list").childElementCount > 0;
    announce(`${name} deleted.`);
  } catch (error) {
    item.append(element("span", { class: "failed", role: "alert", text: error.message }));
  }
}

/** Show how far a file or page is that `send` hands in. Resolves when it is in the index or has failed. */
async function add(name, send) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` });
  const state = element("span", { class: "state", text: "Sending" });
  const item = element("li", { data: { state: "running" } }, element("strong", { text: name }), bar, state);
  byId("uploads").prepend(item);
  const end = (kind, text) => {
    item.dataset.state = kind;
    state.textContent = text;
    bar.remove();
    item.querySelector("button")?.remove();
    announce(`${name}: ${text}`);
  };
  try {
    const job = await send((sent, total) => advance(bar, state, "Sending", sent, total));
    item.append(stopButton(job.job_id, name));
    await index(job.job_id, bar, state, end);
  } catch (error) {
    end("failed", error.message);
  }
}

/** A button that stops the job; the job's own stream tells its end. */
function stopButton(job, name) {
  const button = element("button", { type: "button", class: "quiet", text: "Stop" });
  button.setAttribute("aria-label", `Stop adding ${name}`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api.cancelJob(job);
    } catch (error) {
      announce(error.message);
    }
  });
  return button;
}

async function index(job, bar, state, end) {
  const { signal } = new AbortController();
  const open = (after) => api.job(job, after, signal);
  for await (const { event, data } of follow(open, { signal })) {
    if (event === "progress") advance(bar, state, stageOf(data), data.done, data.total);
    if (event === "done") end(data.status === "cancelled" ? "failed" : "done", ended(data));
    if (event === "error") end("failed", data.message);
  }
}

function ended(data) {
  if (data.status === "cancelled") return "Stopped";
  const { added = 0, updated = 0 } = data.report?.documents ?? {};
  if (!data.document && added + updated > 1) return `Added ${counted(added + updated, "page")}`;
  const chunks = data.document?.chunks;
  return `Added${chunks == null ? "" : `, ${counted(chunks, "passage")}`}`;
}

function stageOf({ stage, position }) {
  if (position) return `Waiting, place ${position}`;
  return stage ? stage[0].toUpperCase() + stage.slice(1) : "Working";
}

// One step of one says nothing until it is over.
function advance(bar, state, stage, done, total) {
  if (total > 1) bar.value = done / total;
  else bar.removeAttribute("value");
  state.textContent = total > 1 ? `${stage} ${Math.round((done / total) * 100)}%` : stage;
}
