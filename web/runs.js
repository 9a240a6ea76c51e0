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

/**
 * Post the message and follow its run to the end. `changed` hears of each event that is not a token.
 * A message that was not accepted leaves its error in `view.unsent`.
 */
export async function sendInto(view, conversation, content, signal, changed) {
  let response;
  try {
    response = await post(view, conversation, content);
  } catch (error) {
    view.unsent = error;
    return changed(view);
  }
  if (signal.aborted) response?.body.cancel();
  await run(view, conversation, signal, changed, (after) => {
    const first = response;
    response = null;
    return first ?? api.attach(view.answer.run, after, signal);
  });
}

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

// Where the line was cut before the server answered, only the conversation tells whether the message arrived.
async function post(view, conversation, content) {
  const arrived = async () => (view.answer.run = await api.runOf(conversation, content, view.known));
  if (view.doubtful && (await arrived())) return null;
  try {
    const response = await api.send(conversation, content);
    view.answer.run = /runs\/([^/]+)\/stream/.exec(response.headers.get("Location") ?? "")?.[1] ?? null;
    return response;
  } catch (error) {
    if (error.status === 0 && (await arrived())) return null;
    throw error;
  }
}
