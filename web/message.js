// How a message looks. An answer repaints only the parts that an event changed, at most once per animation frame.

import { apply, isOpen } from "./answer.js";
import { badgeOf } from "./badge.js";
import { mark } from "./citations.js";
import { announce, element } from "./dom.js";
import { noticesOf } from "./notices.js";
import { openPassage } from "./passage.js";
import { replaceChanged, toPlain, toSafe } from "./render.js";
import { sourcesOf } from "./sources.js";
import { actionsOf, toolsOf } from "./tools.js";

const ALL = ["badge", "body", "notices", "sources", "footer"];
const LONG = 1500; // characters of a question that are shown unfolded
const LINES = 20;
const TOUCHED = {
  token: ["body"],
  decision: ["badge"],
  usage: ["badge"],
  sources: ["sources", "badge"],
  citation: ["body", "sources"],
};

/** Return the node of what the person said; a long text is folded. */
export function questionNode(content, id = null) {
  const data = id ? { message: id } : {};
  const node = element(
    "article",
    { class: "question", "aria-label": "You", data, tabindex: -1 },
    element("p", { text: content, dir: "auto" }),
  );
  if (content.length > LONG || content.split("\n").length > LINES) fold(node);
  return node;
}

function fold(node) {
  const button = element("button", { type: "button", class: "quiet", text: "Show all" });
  button.addEventListener("click", () => {
    const folded = node.classList.toggle("folded");
    button.textContent = folded ? "Show all" : "Show less";
  });
  node.classList.add("folded");
  node.append(button);
}

/** Return the view of an answer; `does` holds ask, retry and cancel. */
export function viewOf(answer, does) {
  const parts = Object.fromEntries(ALL.map((name) => [name, element("div", { class: name })]));
  parts.body.classList.add("prose");
  const node = element(
    "article",
    { class: "answer", "aria-label": "Answer", tabindex: -1 },
    ...ALL.map((name) => parts[name]),
  );
  const view = { answer, node, does, parts, dirty: new Set(ALL), frame: null };
  node.addEventListener("click", (event) => openCited(answer, event.target.closest("[data-passage]")));
  paint(view);
  return view;
}

/** Change the view's answer as the event says, and show it in the next frame; an end is shown at once. */
export function show(view, frame) {
  apply(view.answer, frame);
  for (const part of TOUCHED[frame.event] ?? ALL) view.dirty.add(part);
  if (!isOpen(view.answer)) return finish(view);
  view.frame ??= requestAnimationFrame(() => paint(view));
}

/** Show again what depends on the answer's fields after they were set from outside. */
export function refresh(view) {
  ALL.forEach((part) => view.dirty.add(part));
  paint(view);
}

function finish(view) {
  paint(view);
  const { text, error } = view.answer;
  announce(error ? error.message : `Answer: ${toPlain(text)}`);
}

const PAINT = {
  badge: ({ answer, parts }) => keepOpen(parts.badge, badgeOf(answer)),
  body: ({ answer, parts }) => {
    const fragment = toSafe(answer.text);
    dropOptions(fragment, answer);
    mark(fragment, answer);
    replaceChanged(parts.body, fragment);
  },
  notices: ({ answer, parts, does }) => parts.notices.replaceChildren(...noticesOf(answer, does)),
  sources: ({ answer, parts }) => keepOpen(parts.sources, sourcesOf(answer)),
  footer: (view) => {
    const { answer, parts } = view;
    const open = (id) => openCited(answer, { dataset: { passage: id } });
    const passed = () => refresh(view) ?? view.node.focus();
    parts.footer.replaceChildren(
      ...(isOpen(answer) ? [] : [...actionsOf(answer, { ...view.does, open, passed }), ...toolsOf(answer)]),
    );
  },
};

// The options of a question back are buttons below it: the list in its text would say them twice.
function dropOptions(fragment, { decision, actions }) {
  if (decision?.path !== "clarify") return;
  const labels = new Set(actions.map(({ label }) => toPlain(label).trim()));
  for (const item of fragment.querySelectorAll("li")) {
    const list = item.parentElement;
    if (labels.has(item.textContent.trim())) item.remove();
    if (!list.childElementCount) list.remove();
  }
}

function paint(view) {
  cancelAnimationFrame(view.frame);
  view.frame = null;
  const { answer, node, dirty } = view;
  const stick = isAtEnd(node.parentElement);
  for (const part of dirty) PAINT[part](view);
  dirty.clear();
  node.setAttribute("aria-busy", String(isOpen(answer)));
  node.classList.toggle("thinking", isOpen(answer) && !answer.text && !answer.queue);
  node.classList.toggle("streaming", isOpen(answer) && Boolean(answer.text));
  if (answer.message) node.dataset.message = answer.message;
  if (stick) scrollToEnd(node.parentElement);
}

// What the person has unfolded stays unfolded when it is drawn again.
function keepOpen(place, nodes) {
  const open = Boolean(place.querySelector("details[open]"));
  place.replaceChildren(...nodes);
  if (open) place.querySelector("details")?.setAttribute("open", "");
}

function openCited(answer, button) {
  const passage = button && answer.sources.find(({ id }) => id === button.dataset.passage);
  if (passage) openPassage(passage, button.dataset.sentence ?? sentenceFor(answer, passage.id));
}

const sentenceFor = (answer, id) =>
  answer.citations.find(({ supported, passages }) => supported && passages.includes(id))?.sentence;

const scroller = () => document.getElementById("thread");
const isAtEnd = (log) => log && scroller().scrollHeight - scroller().scrollTop - scroller().clientHeight < 80;

/** Bring the end of the conversation into view. */
export function scrollToEnd() {
  scroller().scrollTop = scroller().scrollHeight;
}
