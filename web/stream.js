// Server-sent events over fetch: EventSource can neither POST nor carry a key. An event is yielded exactly once,
// however often the line is cut, because the log's id is both what we ask from and what we compare.

import { Refused } from "./api.js";

const SILENCE = 20_000; // ms; the server sends a heartbeat every 5 s
const FIRST_WAIT = 300; // ms, doubled with each failure
const LONGEST_WAIT = 10_000;
const TERMINAL = new Set(["done", "error"]);

/**
 * Yield `{event, id, data}` up to and including the terminal event, or until the signal aborts.
 * `open(after)` gives a response that starts after the event with that id; `linked(up)` hears of cuts and of recoveries.
 * Throws Refused when the server turns the request down for good.
 */
export async function* follow(open, { signal, linked = () => {} }) {
  const seen = new Set();
  let after = null;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const response = await open(after);
      linked(true);
      for await (const frame of frames(response.body, signal)) {
        failures = 0;
        if (frame.id !== null && seen.has(frame.id)) continue;
        if (frame.id !== null) seen.add((after = frame.id));
        yield frame;
        if (TERMINAL.has(frame.event)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && !passing(error)) throw error;
    }
    if (signal.aborted) return;
    linked(false);
    await pause(Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT), signal);
  }
}

const passing = (error) => error.status === 0 || error.status === 429 || error.status >= 500;

/** Wait, but no longer than until the network is back or the signal aborts. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, milliseconds * (0.8 + 0.4 * Math.random()));
    addEventListener("online", over);
    signal.addEventListener("abort", over);
  });
}

/** Yield each event of a body. Comments only prove that the line is alive; an unfinished last event is dropped. */
export async function* frames(body, signal) {
  const reader = body.getReader();
  const leave = () => reader.cancel().catch(() => {});
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await heard(reader);
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const frame = toFrame(block);
        if (frame) yield frame;
      }
    }
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}

async function heard(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("silence")), SILENCE);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

function toFrame(block) {
  const fields = { event: "message", id: null, data: [] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "data") fields.data.push(value);
    else if (name === "event" || name === "id") fields[name] = value;
  }
  if (!fields.data.length) return null;
  return { ...fields, data: JSON.parse(fields.data.join("\n")) };
}
