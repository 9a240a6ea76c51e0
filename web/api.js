// The server's HTTP contract, one function a route. Every failure is a Refused with a sentence for people.

import { askForKey, authorisation } from "./key.js";

const PREFIX = "/api/v1";
const CHAT = "/messaging";

/** The server said no: `status` 401.., or 0 when it could not be reached. */
export class Refused extends Error {
  constructor(status, { code, message, retryable } = {}) {
    super(message || `The server answered with status ${status}.`);
    this.status = status;
    this.code = code || "unknown";
    this.retryable = Boolean(retryable);
  }
}

/** Return the response when it is a success, else throw Refused. Asks for a key on 401, and tries again. */
export async function request(path, { method = "GET", json, headers = {}, signal } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const kind = json === undefined ? {} : { "Content-Type": "application/json" };
  const all = () => ({ method, body, signal, headers: { ...kind, ...headers, ...authorisation() } });
  for (;;) {
    const response = await reach(PREFIX + path, all());
    if (response.ok) return response;
    if (response.status === 401 && (await askForKey())) continue;
    throw new Refused(response.status, await response.json().catch(() => ({})));
  }
}

async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refused(0, {
      code: "unreachable",
      message: "The server could not be reached.",
      retryable: true,
    });
  }
}

async function answered(path, options) {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json().catch(() => null);
}

const query = (fields) => {
  const present = Object.entries(fields).filter(([, value]) => value != null && value !== "");
  return present.length ? `?${new URLSearchParams(present)}` : "";
};
const resume = (after) => (after ? { "Last-Event-ID": after } : {});
const named = (id) => encodeURIComponent(id);

export const agent = () => answered("/agents/default");
export const conversations = (cursor, limit) =>
  answered(`${CHAT}/conversations${query({ limit, cursor })}`);
export const createConversation = () => answered(`${CHAT}/conversations`, { method: "POST", json: {} });
export const conversation = (id) => answered(`${CHAT}/conversations/${named(id)}`);
export const deleteConversation = (id) =>
  answered(`${CHAT}/conversations/${named(id)}`, { method: "DELETE" });
export const messages = (id, cursor) =>
  answered(`${CHAT}/conversations/${named(id)}/messages${query({ limit: 100, cursor })}`);
/** Return all messages of the conversation, oldest first. */
export async function allMessages(id) {
  const found = [];
  let cursor = null;
  do {
    const { items, next } = await messages(id, cursor);
    found.push(...items);
    cursor = next;
  } while (cursor);
  return found;
}

/** Return the id of the answer that the run gave; null where it left none. */
export async function answerOf(conversation, run) {
  const kept = await allMessages(conversation);
  return kept.findLast((one) => one.role === "assistant" && one.run_id === run)?.id ?? null;
}

/** Return the run that the message started, if it is the conversation's last and none of the known; else null. */
export async function runOf(conversation, content, known) {
  const kept = await allMessages(conversation).catch(() => []);
  const last = kept.findLast((one) => one.role === "user");
  return last?.content === content && !known.has(last.run_id) ? last.run_id : null;
}

export const send = (id, content) =>
  request(`${CHAT}/conversations/${named(id)}/stream`, { method: "POST", json: { content } });
export const attach = (run, after, signal) =>
  request(`${CHAT}/runs/${named(run)}/stream`, { headers: resume(after), signal });
/** Return what runs wait for from a person. */
export const interrupts = async () =>
  (await answered(`/interrupts${query({ status: "open", limit: 200 })}`)).items;

/** Say what a run waits for: `approve` or `reject`. */
export const say = (run, action) =>
  answered(`${CHAT}/runs/${named(run)}/resume`, { method: "POST", json: { action } });

export const cancel = (run) => answered(`${CHAT}/runs/${named(run)}/cancel`, { method: "POST" });
export const rate = (message, rating, comment) =>
  answered(`${CHAT}/messages/${named(message)}/feedback`, { method: "POST", json: { rating, comment } });
export const search = (text, signal) => answered(`/chat/search${query({ q: text })}`, { signal });
export const escalate = (run) => answered("/escalations", { method: "POST", json: { run_id: run } });
export const tickets = () => answered(`/escalations${query({ limit: 100 })}`);
export const documents = (cursor) => answered(`/documents${query({ limit: 50, cursor })}`);
export const deleteDocument = (id) => answered(`/documents/${named(id)}`, { method: "DELETE" });
export const regroup = (id, groups) =>
  answered(`/documents/${named(id)}`, { method: "PATCH", json: { groups } });

/** Have the server fetch a page or a sitemap. Resolves to the job that indexes it. */
export const addPage = (url, groups) =>
  answered("/documents", { method: "POST", json: groups.length ? { url, groups } : { url } });
export const cancelJob = (id) => answered(`/documents/jobs/${named(id)}/cancel`, { method: "POST" });
export const job = (id, after, signal) =>
  request(`/documents/jobs/${named(id)}/stream`, { headers: resume(after), signal });

/** Send a file; `progressed(sent, total)` in bytes, `groups` who may read it. Resolves to the job that indexes it. */
export async function upload(file, groups, progressed) {
  for (;;) {
    const { status, body } = await post(`${PREFIX}/documents`, file, groups, progressed);
    if (status >= 200 && status < 300) return body;
    if (status === 401 && (await askForKey())) continue;
    throw new Refused(status, body);
  }
}

// fetch cannot report how much of a body has been sent; XMLHttpRequest can.
function post(address, file, groups, progressed) {
  const form = new FormData();
  form.append("file", file);
  if (groups.length) form.append("groups", groups.join(","));
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", address);
    for (const [name, value] of Object.entries(authorisation())) call.setRequestHeader(name, value);
    call.responseType = "json";
    call.upload.onprogress = (event) => event.lengthComputable && progressed(event.loaded, event.total);
    call.onload = () => resolve({ status: call.status, body: call.response ?? {} });
    call.onerror = () =>
      reject(new Refused(0, { message: `${file.name} could not be sent: the line was cut.` }));
    call.send(form);
  });
}
