// The decision badge: how the message was answered and how sure the server is; opened, it says why.

import { element } from "./dom.js";

const PATHS = {
  auto_answer: "Answered from documents",
  clarify: "Asks back",
  canonical: "Approved answer",
  escalate: "Needs a person",
  queue: "Queued",
  refuse: "Declined",
};

const ANSWERS = new Set(["auto_answer", "canonical"]);

const percent = (confidence) => `${Math.round(confidence * 100)}%`;
const seconds = (milliseconds) =>
  `${(milliseconds / 1000).toLocaleString("en", { maximumFractionDigits: 1 })} s`;

/** Return the badge; nothing before the decision is known. An answer by a person is marked as theirs. */
export function badgeOf({ decision, usage, author, sources, ticket }) {
  if (author) return byline(author, ticket);
  if (!decision) return [];
  // Small talk, or an agent that always answers: nothing was read for it.
  const unread = decision.path === "auto_answer" && !sources.length;
  const label = unread ? "Answered" : (passedOn(decision, ticket) ?? PATHS[decision.path] ?? decision.path);
  const sure = decision.confidence == null ? null : percent(decision.confidence);
  // Beside "Queued" or "Needs a person" the figure would read as the probability of just that.
  const shown = ANSWERS.has(decision.path) && !unread ? sure : null;
  const summary = element(
    "summary",
    { title: decision.reason, "aria-label": shown ? `${label}, confidence ${shown}. Why?` : `${label}. Why?` },
    element("span", { class: "dot", "aria-hidden": "true" }),
    element("span", { text: label }),
    shown && element("span", { class: "sure", text: shown }),
  );
  const badge = { class: "badge", data: { path: decision.path } };
  return [element("details", badge, summary, element("dl", {}, ...facts(decision, sure, usage)))];
}

// The one user of a server without keys has no name that says anything.
const nameOf = (author) => (author === "local" ? "a person" : author);

function byline(author, ticket) {
  const by = element("p", { class: "by", text: `Answered by ${nameOf(author)}` });
  if (!ticket?.question) return [by];
  return [by, element("p", { class: "asked", dir: "auto", text: `To your question: “${ticket.question}”` })];
}

function passedOn({ path, intent }, ticket) {
  if (path !== "escalate") return null;
  if (ticket?.status === "answered") return "A person has answered";
  return ticket?.status === "open" || intent === "person" ? "Passed on to a person" : null;
}

function facts(decision, sure, usage) {
  const rows = { Reason: decision.reason, Confidence: sure, Intent: decision.intent, ...usageFacts(usage) };
  const known = Object.entries(rows).filter(([, value]) => value);
  return known.map(([name, value]) =>
    element("div", {}, element("dt", { text: name }), element("dd", { text: value })),
  );
}

function usageFacts(usage) {
  if (!usage) return {};
  const tokens = `${usage.prompt_tokens} in, ${usage.completion_tokens} out`;
  const reused = usage.cache && usage.cache !== "none" ? `, from the ${usage.cache} cache` : "";
  const took =
    usage.total_ms == null
      ? null
      : `${seconds(usage.total_ms)}, first word after ${seconds(usage.ttft_ms ?? 0)}`;
  return { Model: usage.model ? `${usage.model}${reused}` : null, Tokens: tokens, Took: took };
}
