// The panel that shows a passage: where it stands, and its text with the cited sentence highlighted.

import { byId, element } from "./dom.js";
import { toPlain, toSafe } from "./render.js";
import { headingOf, pageOf, titleOf } from "./sources.js";
import { find, textOf, wrap } from "./sentences.js";

const MARKDOWN = /\.(md|markdown)$/i;

/** Open the panel on the passage. `sentence` is highlighted if the passage holds it word for word. */
export function openPassage(passage, sentence) {
  const text = bodyOf(passage);
  byId("passage-title").textContent = titleOf(passage);
  byId("passage-facts").replaceChildren(...factsOf(passage));
  byId("passage-text").replaceChildren(text);
  const marks = sentence ? highlight(text, sentence) : [];
  byId("passage").showModal();
  marks[0]?.scrollIntoView({ block: "center" });
}

function bodyOf(passage) {
  if (!MARKDOWN.test(passage.source ?? "")) return element("div", { class: "plain", text: passage.text });
  return element("div", { class: "prose" }, toSafe(passage.text));
}

function factsOf(passage) {
  const facts = {
    Source: passage.source,
    Page: pageOf(passage).replace("page ", ""),
    Section: headingOf(passage),
  };
  const known = Object.entries(facts).filter(([, value]) => value);
  return known.map(([name, value]) =>
    element("div", {}, element("dt", { text: name }), element("dd", { text: value })),
  );
}

function highlight(root, sentence) {
  const text = textOf(root);
  const found = find(text, sentence) ?? find(text, toPlain(sentence));
  return found ? wrap(root, found, () => element("mark")) : [];
}
