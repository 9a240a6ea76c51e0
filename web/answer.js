// What is known of one answer: plain values that the events of its run change. The view only shows it.

/** Return an answer of which nothing is known yet. */
export const answerFor = (run = null) => ({
  run,
  conversation: null,
  message: null,
  author: "",
  text: "",
  status: "running",
  decision: null,
  sources: [],
  citations: [],
  fit: null,
  usage: null,
  queue: null,
  interrupt: null,
  actions: [],
  error: null,
  gap: false,
  restarts: 0,
  linked: true,
  rating: null,
  ticket: null,
});

/** Return the answer that a stored message tells of. */
export function answerFrom(message) {
  const kept = { message: message.id, text: message.content ?? "", status: message.status || "completed" };
  const found = {
    sources: message.sources ?? [],
    citations: message.citations ?? [],
    rating: message.rating ?? null,
  };
  const more = {
    decision: message.decision ?? null,
    usage: message.usage ?? null,
    error: message.error ?? null,
    actions: message.actions ?? [],
    author: message.author ?? "",
  };
  return { ...answerFor(message.run_id), ...kept, ...found, ...more };
}

const CHANGES = {
  run: (answer, data) => Object.assign(answer, { run: data.run_id, conversation: data.conversation_id }),
  decision: (answer, data) => (answer.decision = data),
  sources: (answer, data) => (answer.sources = data.passages ?? []),
  context: (answer, data) => (answer.fit = data),
  token: (answer, data) => (answer.text += data.text),
  citation: (answer, data) => answer.citations.push(data),
  queue: (answer, data) => (answer.queue = data),
  interrupt: (answer, data) => answer.interrupt?.id === data.id || (answer.interrupt = data),
  usage: (answer, data) => (answer.usage = data),
  suggestions: (answer, data) => (answer.actions = data.actions ?? []),
  gap: (answer) => (answer.gap = true),
  restart: (answer) => Object.assign(answer, { text: "", citations: [], restarts: answer.restarts + 1 }),
  done: (answer, data) =>
    Object.assign(answer, {
      status: data.status,
      text: data.text ?? answer.text,
      message: data.message_id ?? null,
    }),
  error: (answer, data) => Object.assign(answer, { status: "failed", error: data }),
};

const BEGUN = new Set(["decision", "sources", "context", "token"]);

/** Change the answer as the event says. Events from a later version of the contract change nothing. */
export function apply(answer, { event, data }) {
  if (answer.status === "waiting" && BEGUN.has(event)) answer.status = "running";
  CHANGES[event]?.(answer, data);
}

export const isOpen = (answer) => answer.status === "running" || answer.status === "waiting";

/** Return the numbers that readers see, by passage id: 1 for the first one cited, and so on. */
export function numbersOf(answer) {
  const numbers = new Map();
  for (const { supported, passages } of answer.citations) {
    if (!supported) continue;
    for (const id of passages ?? []) if (!numbers.has(id)) numbers.set(id, numbers.size + 1);
  }
  return numbers;
}
