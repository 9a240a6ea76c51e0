// The open conversation: its messages, its runs, and what the composer's buttons do to them.

import { answerFor, answerFrom, isOpen } from "./answer.js";
import * as api from "./api.js";
import { announce, byId, element } from "./dom.js";
import { questionNode, refresh, scrollToEnd, viewOf } from "./message.js";
import { activeRun, attachTo, sendInto, unfinished } from "./runs.js";

/**
 * Return the conversation's controls. `busy(answering)` is called when an answer starts or ends, `settled()` when the
 * list of conversations may have changed, `restore(text)` with a message that was not accepted, `moved(id)` on a new one.
 */
export function chatIn({ busy, settled, restore, moved }) {
  const log = byId("log");
  let conversation = null;
  let leaving = new AbortController();
  let views = [];

  const answering = () => views.findLast(({ answer }) => answer.status === "running");

  function clear(id) {
    leaving.abort();
    leaving = new AbortController();
    views = [];
    conversation = id;
    log.replaceChildren();
    byId("welcome").hidden = Boolean(id);
    busy(false);
  }

  async function open(id, message = null) {
    clear(id);
    if (!id) return;
    const { signal } = leaving;
    try {
      // The run first: one that ends in between is then among the messages.
      const active = await activeRun(id);
      const messages = await api.allMessages(id);
      if (!signal.aborted) restoreAll(messages, active);
      scrollToMessage(log, message);
    } catch (error) {
      if (!signal.aborted) log.replaceChildren(failure(error));
    }
  }

  function restoreAll(messages, active) {
    for (const message of messages) {
      if (message.role === "user") log.append(questionNode(message.content, message.id));
      else addView(answerFrom(message));
    }
    const runs = new Set([active, ...unfinished(conversation)].filter(Boolean));
    for (const run of runs) if (!views.some(({ answer }) => answer.run === run)) addView(answerFor(run));
    for (const view of views) if (isOpen(view.answer) && view.answer.run) reattach(view);
    scrollToEnd();
  }

  // The log tells the run from its start, so what was stored of an unfinished answer is dropped first.
  function reattach(view) {
    Object.assign(view.answer, { text: "", citations: [], sources: [] });
    attachTo(view, conversation, leaving.signal, changed);
    changed(view);
  }

  function addView(answer, question = null) {
    const does = { ask: send, cancel: () => cancel(view), retry: () => retry(view) };
    const view = Object.assign(viewOf(answer, does), { question });
    views.push(view);
    log.append(view.node);
    return view;
  }

  function changed(view) {
    if (!views.includes(view)) return;
    busy(Boolean(answering()));
    if (!view.begun) settled();
    view.begun = true;
    if (view.stopping && view.answer.run && isOpen(view.answer)) cancel(view);
    if (isOpen(view.answer) || view.ended) return;
    view.ended = true;
    // With a Try again button the message is kept where it stands.
    if (view.unsent && !view.answer.error.retryable) restore(view.question.textContent);
    awaitQueued(view);
    settled();
  }

  function awaitQueued(view) {
    const { answer } = view;
    const next = answer.queue?.run_id;
    if (answer.status !== "queued" || !next || views.some((one) => one.answer.run === next)) return;
    const waiting = addView({ ...answerFor(next), status: "waiting", queue: answer.queue });
    answer.queue = null;
    refresh(view);
    attachTo(waiting, conversation, leaving.signal, changed);
  }

  async function send(content) {
    if (answering()) return;
    busy(true);
    try {
      if (!conversation) await begin();
    } catch (error) {
      busy(false);
      restore(content);
      return log.append(failure(error));
    }
    const question = questionNode(content);
    log.append(question);
    const view = addView(answerFor(), question);
    scrollToEnd();
    await sendInto(view, conversation, content, leaving.signal, changed);
  }

  async function begin() {
    log.replaceChildren();
    const { id } = await api.createConversation();
    conversation = id;
    byId("welcome").hidden = true;
    moved(id);
  }

  async function retry(view) {
    const content = (view.question ?? view.node.previousElementSibling).textContent;
    if (view.unsent) {
      if (await activeRun(conversation)) return open(conversation);
      views = views.filter((one) => one !== view);
      view.question.remove();
      view.node.remove();
    }
    send(content);
  }

  async function cancel(view) {
    view.stopping = !view.answer.run;
    if (view.stopping) return;
    try {
      await api.cancel(view.answer.run);
    } catch (error) {
      announce(error.message);
    }
  }

  const stop = () => answering() && cancel(answering());
  return { open, send, stop, current: () => conversation };
}

const failure = ({ message }) => element("p", { class: "notice failure", role: "alert", text: message });

function scrollToMessage(log, id) {
  const node = id && [...log.children].find((child) => child.dataset.message === id);
  node?.scrollIntoView({ block: "center" });
  node?.focus({ preventScroll: true });
}
