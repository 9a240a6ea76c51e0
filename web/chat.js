// The open conversation: its messages, its runs, and what the composer's buttons do to them.

import { answerFor, answerFrom, isOpen } from "./answer.js";
import * as api from "./api.js";
import { announce, byId } from "./dom.js";
import { questionNode, refresh, scrollToEnd, viewOf } from "./message.js";
import { failureOf } from "./notices.js";
import { attachTo, sendInto, unfinished } from "./runs.js";
import { tell } from "./tickets.js";

/**
 * Return the conversation's controls. `busy(answering)` is called when an answer starts or ends, `settled()` when
 * the list of conversations may have changed, `restore(text, error)` with a message that was not accepted, and
 * `moved(id)` when a new conversation has begun.
 */
export function chatIn({ busy, settled, restore, moved }) {
  const log = byId("log");
  let conversation = null;
  let empty = null; // made for a message that has not been accepted yet
  let doubt = false; // whether the last message arrived: the line was cut before the server answered
  let seen = "";
  let leaving = new AbortController();
  let views = [];

  const answering = () => views.findLast(({ answer }) => answer.status === "running");
  const runs = () => new Set(views.map(({ answer }) => answer.run).filter(Boolean));

  function clear(id) {
    leaving.abort();
    leaving = new AbortController();
    views = [];
    conversation = id;
    [empty, doubt, seen] = [null, false, ""];
    log.replaceChildren();
    byId("welcome").hidden = Boolean(id);
    busy(false);
  }

  async function open(id, message = null) {
    clear(id);
    if (!id) return;
    const { signal } = leaving;
    try {
      await load(id, signal);
      if (signal.aborted) return;
      scrollToEnd();
      scrollToMessage(log, message);
    } catch (error) {
      const again = () => open(id, message);
      if (!signal.aborted) log.replaceChildren(failureOf(error, again));
    }
  }

  /** Show what came from elsewhere since: a person's answer, or what another tab has asked. */
  async function catchUp() {
    if (conversation && !views.some(({ answer }) => isOpen(answer)))
      await load(conversation, leaving.signal).catch(() => {});
  }

  // The run first: one that ends in between is then among the messages.
  async function load(id, signal) {
    const { active_run: active, messages: count } = await api.conversation(id);
    const state = `${count} ${active}`;
    if (signal.aborted || (count !== undefined && state === seen)) return;
    const messages = await api.allMessages(id);
    if (signal.aborted || answering()) return;
    const late = Boolean(log.childElementCount);
    add(messages, active);
    if (late) hear(messages.at(-1));
    seen = state;
    await tell(views, id);
  }

  function add(messages, active) {
    const shown = new Set([...log.children].map((node) => node.dataset.message));
    const known = runs();
    for (const message of messages) {
      if (shown.has(message.id) || known.has(message.run_id)) continue;
      if (message.role === "user") log.append(questionNode(message.content, message.id));
      else addView(answerFrom(message));
    }
    const open = new Set([active, ...unfinished(conversation)].filter(Boolean));
    for (const run of open) if (!runs().has(run)) addView(answerFor(run));
    for (const view of views) if (isOpen(view.answer) && view.answer.run) reattach(view);
  }

  // The log tells the run from its start, so what was stored of an unfinished answer is dropped first.
  function reattach(view) {
    Object.assign(view.answer, { text: "", citations: [], sources: [] });
    attachTo(view, conversation, leaving.signal, changed);
    changed(view);
  }

  function addView(answer, more = {}) {
    const does = {
      ask: send,
      cancel: () => cancel(view),
      retry: () => send(questionOf(view)),
      say: (action) => say(view, action),
    };
    const view = Object.assign(viewOf(answer, does), more);
    views.push(view);
    log.append(view.node);
    return view;
  }

  function changed(view) {
    if (view.unsent) return takeBack(view);
    const here = views.includes(view);
    if (!view.begun) begun(view, here);
    if (!here) return;
    busy(Boolean(answering()));
    if (view.stopping && view.answer.run && isOpen(view.answer)) cancel(view);
    if (isOpen(view.answer) || view.ended) return;
    view.ended = true;
    awaitQueued(view);
    settled();
  }

  function begun(view, here) {
    view.begun = true;
    if (!here || !view.content) return settled();
    doubt = false;
    if (conversation) return settled();
    conversation = view.place;
    empty = null;
    moved(conversation);
  }

  function awaitQueued(view) {
    const { answer } = view;
    const next = (answer.queue ?? answer.interrupt)?.run_id;
    if (!["queued", "interrupted"].includes(answer.status) || !next || runs().has(next)) return;
    const { queue, interrupt } = answer;
    const waiting = addView({ ...answerFor(next), status: "waiting", queue, interrupt });
    [answer.queue, answer.interrupt] = [null, null];
    refresh(waiting);
    lookAt(waiting);
    refresh(view);
    attachTo(waiting, conversation, leaving.signal, changed);
  }

  async function send(content) {
    if (answering()) return restore(content);
    byId("welcome").hidden = true;
    const question = questionNode(content);
    log.append(question);
    const { signal } = leaving;
    const view = addView(answerFor(), { question, content, known: runs(), doubtful: doubt });
    busy(true);
    scrollToEnd();
    view.place = conversation;
    try {
      view.made = view.place ? null : (empty ?? (await api.createConversation()).id);
      view.place ??= view.made;
      if (!signal.aborted) empty = view.made;
    } catch (error) {
      view.unsent = error;
      return takeBack(view);
    }
    await sendInto(view, view.place, content, signal, changed);
  }

  // Nothing was accepted, so nothing is left of it but the text, where the person can change it.
  function takeBack(view) {
    const here = views.includes(view);
    views = views.filter((one) => one !== view);
    view.question.remove();
    view.node.remove();
    const refused = view.unsent.status !== 0;
    if (refused && view.made) api.deleteConversation(view.made).catch(() => {});
    if (here) {
      busy(Boolean(answering()));
      doubt = !refused;
      if (refused) empty = null;
      byId("welcome").hidden = Boolean(conversation);
    }
    restore(view.content, view.unsent);
  }

  // Who may approve answers is shown the one that waits; others only that it does.
  async function lookAt(view) {
    if (view.answer.interrupt?.kind !== "approve_answer") return;
    const open = await api.interrupts().catch(() => []);
    const mine = open.find(({ next_run: run }) => run === view.answer.run);
    if (!mine?.payload.text || !view.answer.interrupt) return;
    view.answer.interrupt = { ...view.answer.interrupt, payload: mine.payload };
    refresh(view);
  }

  async function say(view, action) {
    try {
      await api.say(view.answer.run, action);
      view.answer.interrupt = null;
      refresh(view);
    } catch (error) {
      announce(error.message);
    }
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
  return { open, send, stop, catchUp, current: () => conversation };
}

/** Return what was asked before the view's answer. */
function questionOf({ node }) {
  let place = node;
  while (place && !place.matches(".question")) place = place.previousElementSibling;
  return place?.querySelector("p").textContent ?? "";
}

function hear({ author, content }) {
  if (author) announce(`A person has answered: ${content}`);
}

function scrollToMessage(log, id) {
  const node = id && [...log.children].find((child) => child.dataset.message === id);
  node?.scrollIntoView({ block: "center" });
  node?.focus({ preventScroll: true });
}
