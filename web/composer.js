// Where the person writes. Enter sends, Shift+Enter makes a new line, and while an answer comes Send becomes Stop.

import { byId } from "./dom.js";

const TALLEST = 200; // px

/** Wire the form; `send(text)` and `stop()` act. */
export function composerFor({ send, stop }) {
  const form = byId("composer");
  const input = byId("message");
  let answering = false;

  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight + 2, TALLEST)}px`;
    byId("send").disabled = !input.value.trim();
  };
  const submit = () => {
    const text = input.value.trim();
    if (!text || answering) return;
    fill("");
    send(text);
  };
  const fill = (text) => {
    input.value = text;
    grow();
  };

  input.addEventListener("input", grow);
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

  return {
    focus: () => input.focus(),
    /** Give back a message that was not accepted, unless the person is writing another. */
    restore: (text) => input.value.trim() || fill(text),
    busy: (now) => {
      const hadFocus = document.activeElement === byId(answering ? "stop" : "send");
      answering = now;
      byId("send").hidden = now;
      byId("stop").hidden = !now;
      if (hadFocus && document.activeElement === document.body) input.focus();
    },
  };
}
