// The list of passages under an answer: what was cited, by number, and what was only read.

import { numbersOf } from "./answer.js";
import { counted, element } from "./dom.js";

const DRAWN = new Set(["auto_answer", "canonical"]); // the other paths have read passages, but say nothing of them

/** Return what a reader would call the passage. */
export const nameOf = (passage) => [titleOf(passage), pageOf(passage)].filter(Boolean).join(", ");
export const titleOf = (passage) => passage.title || passage.source || "Untitled";
export const pageOf = (passage) => (passage.page == null ? "" : `page ${passage.page}`);

/** Return the heading path of the passage, without a repeated title; empty where there is none. */
export function headingOf(passage) {
  const path = [passage.headings ?? passage.heading ?? []].flat();
  return path.filter((heading) => heading && heading !== passage.title).join(" › ");
}

/** Return the nodes that list the answer's passages; none where it has none, or where it cites none and is not finished. */
export function sourcesOf(answer) {
  if (answer.decision && !DRAWN.has(answer.decision.path)) return [];
  const numbers = numbersOf(answer);
  const cited = answer.sources.filter((passage) => numbers.has(passage.id));
  const others = answer.sources.filter((passage) => !numbers.has(passage.id));
  cited.sort((one, other) => numbers.get(one.id) - numbers.get(other.id));
  return [cited.length && citedList(cited, numbers), others.length && otherList(others, cited.length)].filter(
    Boolean,
  );
}

function citedList(passages, numbers) {
  const items = passages.map((passage) => element("li", {}, open(passage, numbers.get(passage.id))));
  return element("section", { class: "cited", "aria-label": "Sources" }, element("ol", {}, ...items));
}

function otherList(passages, cited) {
  const items = passages.map((passage) => element("li", {}, open(passage, null)));
  const label = `${counted(passages.length, cited ? "more passage" : "passage")} read`;
  return element(
    "details",
    { class: "others" },
    element("summary", { text: label }),
    element("ul", {}, ...items),
  );
}

function open(passage, number) {
  const where = [pageOf(passage), headingOf(passage)].filter(Boolean).join(" · ");
  return element(
    "button",
    { type: "button", class: "source", data: { passage: passage.id } },
    number && element("span", { class: "number", text: number }),
    element("span", { class: "source-title", text: titleOf(passage) }),
    where && element("span", { class: "source-where", text: where }),
  );
}
