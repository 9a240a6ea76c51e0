// Puts what `citation` events say into rendered text: numbered buttons after supported sentences, a mark on the others.

import { numbersOf } from "./answer.js";
import { element } from "./dom.js";
import { toPlain } from "./render.js";
import { find, textOf, wrap } from "./sentences.js";
import { nameOf } from "./sources.js";

/**
 * Mark the sentences in the fragment. A sentence that the text no longer holds is passed over. Where nothing was read,
 * one notice under the answer says so instead of a mark on each sentence.
 */
export function mark(fragment, answer) {
  const numbers = numbersOf(answer);
  const sources = new Map(answer.sources.map((passage) => [passage.id, passage]));
  const places = locate(fragment, answer.citations);
  // From the last to the first, so that no place moves before its turn.
  for (const { citation, found } of places.sort((one, other) => other.found.start - one.found.start)) {
    if (citation.supported) after(found, markers(citation, numbers, sources));
    else if (answer.sources.length) doubt(fragment, found);
  }
}

// As it stands, as it is rendered, and as a table's cells read; the later ones cost more.
const FORMS = [(sentence) => sentence, toPlain, toCells];

function locate(fragment, citations) {
  const text = textOf(fragment);
  const places = [];
  let from = 0;
  for (const citation of citations) {
    const found = FORMS.reduce((place, form) => place ?? find(text, form(citation.sentence), from), null);
    if (!found) continue;
    from = found.end;
    places.push({ citation, found });
  }
  return places;
}

/** Return a table's row as its rendered cells read, one after the other; other text has no bars at its ends. */
function toCells(sentence) {
  const row = sentence.trim().match(/^\|(.*)\|$/s);
  if (!row) return "";
  return toPlain(row[1].split("|").map((cell) => cell.trim()).filter(Boolean).join(" "));
}

function markers(citation, numbers, sources) {
  const known = (citation.passages ?? []).filter((id) => sources.has(id));
  const buttons = known.map((id) => {
    const label = `Source ${numbers.get(id)}: ${nameOf(sources.get(id))}`;
    const data = { passage: id, sentence: citation.sentence };
    return element("button", {
      type: "button",
      class: "cite",
      "aria-label": label,
      title: label,
      data,
      text: numbers.get(id),
    });
  });
  return element("span", { class: "cites" }, ...buttons);
}

function doubt(fragment, found) {
  after(found, element("span", { class: "flag", text: "no source" }));
  wrap(fragment, found, () => element("span", { class: "unsupported" }));
}

/** Insert the node behind the found text, and outside of a link that the text ends in. */
function after(found, node) {
  const { node: text, offset } = found.last;
  const link = text.parentElement?.closest("a");
  if (link) return link.after(node);
  const range = document.createRange();
  range.setStart(text, offset + 1);
  range.insertNode(node);
}
