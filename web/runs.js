// Follows one run into one view, and remembers which runs of a conversation are unfinished, so that a reload finds them.

import { isOpen } from "./answer.js";
import * as api from "./api.js";
import { refresh, show } from "./message.js";
import { follow } from "./stream.js";

const slot = (conversation) => `switchboard.runs.${conversation}`;

/** Return the ids of the runs that this tab has not seen end. */
export const unfinished = (conversation) => JSON.parse(sessionStorage.getItem(slot(conversation)) ?? "[]");

/** Remember the run as unfinished. */
export function remember(conversation, run) {
  const runs = new Set([...unfinished(conversation), run]);
  sessionStorage.setItem(slot(conversation), JSON.stringify([...runs]));
}

/** Remember the run no longer. */
export function forget(conversation, run) {
  const runs = unfinished(conversation).filter((one) => one !== run);
  if (runs.length) sessionStorage.setItem(slot(conversation), JSON.stringify(runs));
  else sessionStorage.removeItem(slot(conversation));
}

/** Post the message and follow its run to the end. `changed` hears of each event that is not a token. */
export const sendInto = (view, conversation, content, signal, changed) =>
  run(view, conversation, signal, changed, (after) =>
    view.answer.run ? api.attach(view.answer.run, after, signal) : post(view, conversation, content, signal),
  );

/** Follow a run that exists, from its first event, to the end. */
export const attachTo = (view, conversation, signal, changed) =>
  run(view, conversation, signal, changed, (after) => api.attach(view.answer.run, after, signal));

async function run(view, conversation, signal, changed, open) {
  const { answer } = view;
  const linked = (up) => {
    if (answer.run) remember(conversation, answer.run);
    if (answer.linked === up) return;
    answer.linked = up;
    refresh(view);
  };
  try {
    for await (const frame of follow(open, { signal, linked })) {
      show(view, frame);
      if (frame.event !== "token") changed(view);
    }
  } catch (error) {
    show(view, {
      event: "error",
      data: { message: error.message, code: error.code, retryable: error.retryable },
    });
  }
  if (!isOpen(answer) && answer.run) forget(conversation, answer.run);
  changed(view);
}

async function post(view, conversation, content, signal) {
  try {
    const response = await api.send(conversation, content);
    view.answer.run = /runs\/([^/]+)\/stream/.exec(response.headers.get("Location") ?? "")?.[1] ?? null;
    return response;
  } catch (error) {
    const found = error.status === 0 ? await activeRun(conversation) : null;
    if (found) return api.attach((view.answer.run = found), null, signal);
    view.unsent = true;
    error.final = true;
    throw error;
  }
}

/** Return the run that the server works on in this conversation; null where there is none or it cannot say. */
export async function activeRun(conversation) {
  const { active_run: active } = await api.conversation(conversation).catch(() => ({}));
  return active?.run_id ?? active ?? null;
}
