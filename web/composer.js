// Where the person writes. Enter sends, Shift+Enter makes a new line, and while an answer comes Send becomes Stop.
// What was typed is never lost: a draft outlives a reload, and a message that was not accepted comes back.

import { byId } from "./dom.js";
import { failureOf } from "./notices.js";

const TALLEST = 200; // px
const SLOT = "switchboard.draft";

/** Wire the form; `send(text)` and `stop()` act. */
export function composerFor({ send, stop }) {
  const form = byId("composer");
  const input = byId("message");
  const problem = byId("problem");
  let answering = false;

  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight + 2, TALLEST)}px`;
    byId("send").disabled = !input.value.trim();
  };
  const changed = () => {
    grow();
    if (input.value) return sessionStorage.setItem(SLOT, input.value);
    sessionStorage.removeItem(SLOT);
    problem.replaceChildren();
  };
  const fill = (text) => {
    input.value = text;
    changed();
  };
  const submit = () => {
    const text = input.value.trim();
    if (!text || answering) return;
    fill("");
    send(text);
  };

  input.addEventListener("input", changed);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("stop").addEventListener("click", stop);
  fill(sessionStorage.getItem(SLOT) ?? input.value);

  return {
    focus: () => input.focus(),
    /** Give back a message that was not accepted, before what was typed since, and say why where there is an error. */
    restore: (text, error) => {
      fill([text, input.value].filter((part) => part.trim()).join("\n\n"));
      if (error) problem.replaceChildren(failureOf(error, submit));
      input.focus();
    },
    busy: (now) => {
      const hadFocus = document.activeElement === byId(answering ? "stop" : "send");
      answering = now;
      byId("send").hidden = now;
      byId("stop").hidden = !now;
      if (hadFocus && document.activeElement === document.body) input.focus();
    },
  };
}
