// Below a finished answer: copy, rating with a comment, and what the person can do next.

import * as api from "./api.js";
import { announce, element, icon, iconButton } from "./dom.js";

/** Return the row of buttons of a finished answer. */
export function toolsOf(answer) {
  if (!answer.text) return [];
  return [element("div", { class: "tools" }, copyButton(answer), ...ratingOf(answer))];
}

function copyButton(answer) {
  return iconButton("copy", "Copy answer", async () => {
    await copy(answer.text);
    announce("Answer copied.");
  });
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without a secure context there is no clipboard object, only a selection.
  const holder = element("textarea", { readonly: true });
  holder.value = text;
  document.body.append(holder);
  holder.select();
  document.execCommand("copy");
  holder.remove();
}

function ratingOf(answer) {
  const thumbs = [
    ["up", 1, "Good answer"],
    ["down", -1, "Bad answer"],
  ];
  const buttons = thumbs.map(([name, value, label]) => {
    const pressed = String(answer.rating === value);
    return iconButton(name, label, () => rate(value), { "aria-pressed": pressed, data: { rating: value } });
  });
  const place = element("span", { class: "comment" });
  return [...buttons, place];

  async function rate(value) {
    if (!(await sent(place, answer, value))) return;
    answer.rating = value;
    for (const button of buttons)
      button.setAttribute("aria-pressed", String(Number(button.dataset.rating) === value));
    place.replaceChildren(commentForm(answer, place));
  }
}

// The stream does not name the answer's message: it is stored when the run has ended.
async function sent(place, answer, rating, comment) {
  try {
    answer.message ??= await api.answerOf(answer.conversation, answer.run);
    await api.rate(answer.message, rating, comment);
    return true;
  } catch (error) {
    place.replaceChildren(element("span", { class: "failed", role: "alert", text: error.message }));
    return false;
  }
}

function commentForm(answer, place) {
  const input = element("input", {
    type: "text",
    "aria-label": "Comment on this answer",
    placeholder: "What was good or wrong? (optional)",
    maxlength: 2000,
  });
  const submit = async (event) => {
    event.preventDefault();
    if (!input.value.trim() || !(await sent(place, answer, answer.rating, input.value.trim()))) return;
    place.replaceChildren(element("span", { role: "status", text: "Thank you." }));
  };
  return element(
    "form",
    { on: { submit } },
    input,
    element("button", { type: "submit", class: "quiet", text: "Send" }),
  );
}

/** Return the buttons for the suggested actions that this page knows. `does` holds ask and open. */
export function actionsOf(answer, does) {
  const known = answer.actions.map((action) => actionButton(action, answer, does)).filter(Boolean);
  return known.length
    ? [element("div", { class: "actions", role: "group", "aria-label": "Suggestions" }, ...known)]
    : [];
}

function actionButton({ label, action, target, params = {} }, answer, does) {
  if (action === "escalate" && HANDED[answer.ticket?.status]) return handed(answer.ticket);
  const click = {
    ask: () => does.ask(params.content ?? label),
    escalate: (event) => escalate(answer, params.run_id ?? answer.run, event.currentTarget, does),
    open: () => does.open(target),
  }[action];
  const mark = { escalate: "person", open: "document" }[action];
  return (
    click && element("button", { type: "button", class: "action", on: { click } }, mark && icon(mark), label)
  );
}

const HANDED = { open: "Passed on to a person", answered: "A person has answered" };

const handed = ({ status }) =>
  element("button", { type: "button", class: "action", disabled: true }, icon("check"), HANDED[status]);

async function escalate(answer, run, button, does) {
  button.disabled = true;
  try {
    answer.ticket = { status: "open", ...(await api.escalate(run)) };
    does.passed();
    announce("Passed on to a person. The answer will arrive in this conversation.");
  } catch (error) {
    button.disabled = false;
    button.after(element("span", { class: "failed", role: "alert", text: error.message }));
  }
}
