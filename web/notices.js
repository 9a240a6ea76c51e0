// One-line notices around an answer: what was left out, what was lost, what it waits for, what went wrong.

import { counted, element, icon } from "./dom.js";
import { isOpen } from "./answer.js";

/** Return the notices of the answer, in the order in which they matter. `does` holds retry, cancel and say. */
export function noticesOf(answer, does) {
  return [unreadOf(answer), fitOf(answer), gapOf(answer), restartOf(answer), queueOf(answer, does), linkOf(answer)]
    .concat([interruptOf(answer, does), ticketOf(answer), endOf(answer), errorOf(answer, does)])
    .filter(Boolean);
}

const notice = (kind, text, ...more) =>
  element(
    "p",
    { class: `notice ${kind}` },
    icon(kind === "failure" ? "alert" : "info"),
    element("span", { text }),
    ...more,
  );

const countOf = (dropped) => (Array.isArray(dropped) ? dropped.length : (dropped ?? 0));

function fitOf({ fit }) {
  const passages = countOf(fit?.dropped_passages);
  const turns = countOf(fit?.dropped_turns);
  if (!passages && !turns) return null;
  const parts = [
    passages && counted(passages, "lower-ranked passage"),
    turns && counted(turns, "earlier message"),
  ];
  const limit = fit.limit
    ? ` the model's limit of ${fit.limit.toLocaleString("en")} tokens`
    : " the model's limit";
  return notice("left-out", `Left out to fit${limit}: ${parts.filter(Boolean).join(" and ")}.`);
}

function unreadOf({ sources, citations, decision }) {
  if (sources.length || !citations.some(({ supported }) => !supported)) return null;
  if (decision?.path === "canonical") return null;
  return notice("unread", "No document was read for this answer: none of it has a source.");
}

function gapOf(answer) {
  if (!answer.gap) return null;
  return notice(
    "gap",
    isOpen(answer)
      ? "A part of this answer could not be replayed. The whole text follows at its end."
      : "A part of the stream was lost; this is the complete text.",
  );
}

function restartOf(answer) {
  return answer.restarts && !answer.gap && isOpen(answer)
    ? notice("restarted", "The answer was started anew.")
    : null;
}

function queueOf({ queue, status, text, run }, does) {
  if (!queue || (status === "running" && text) || !["running", "waiting", "queued"].includes(status))
    return null;
  const leave =
    status === "waiting" &&
    run &&
    element("button", {
      type: "button",
      class: "quiet",
      text: "Leave the queue",
      on: { click: does.cancel },
    });
  return notice(
    "waiting",
    `Number ${queue.position} in the queue, ${waitOf(queue.expected_wait_s)}. The answer arrives here.`,
    leave,
  );
}

function waitOf(seconds) {
  if (seconds == null) return "wait unknown";
  return seconds < 90
    ? `about ${counted(Math.max(1, Math.round(seconds)), "second")}`
    : `about ${counted(Math.round(seconds / 60), "minute")}`;
}

function linkOf(answer) {
  return !answer.linked && isOpen(answer)
    ? notice("cut", "The connection was cut. Reconnecting; nothing is lost.")
    : null;
}

function interruptOf({ interrupt, status }, does) {
  if (!interrupt || !["interrupted", "running", "waiting"].includes(status)) return null;
  const { kind, payload = {} } = interrupt;
  const button = (text, action) =>
    element("button", { type: "button", class: "quiet", text, on: { click: () => does.say(action) } });
  if (kind === "tool_call")
    return notice(
      "waiting",
      `May “${payload.tool}” be called with ${JSON.stringify(payload.arguments)}?`,
      button("Allow", "approve"),
      button("Do not allow", "reject"),
    );
  if (!payload.text) return notice("waiting", "A person looks at this answer first. It arrives here.");
  return notice(
    "waiting",
    `Waiting for your approval: ${payload.text}`,
    button("Send it", "approve"),
    button("Do not send it", "reject"),
  );
}

function ticketOf({ ticket, author }) {
  if (author || ticket?.status !== "open") return null;
  return notice("handed", "A person has your question. The answer will appear here, also if you leave and come back.");
}

function endOf({ status }) {
  return status === "cancelled" ? notice("stopped", "Stopped.") : null;
}

function errorOf({ error, status }, does) {
  if (!error && status !== "failed") return null;
  return failureOf(error ?? { message: "This answer could not be finished." }, does.retry);
}

/** Return the notice of a failure; one that may pass has a button that calls `again()`. */
export function failureOf({ message, retryable = false }, again) {
  const click = () => again();
  const button = { type: "button", class: "quiet", text: "Try again", on: { click } };
  return notice("failure", message, retryable && element("button", button));
}
