"""What travels through the graph: TypedDicts of plain values only, so that strict msgpack can store it.

`RunState` is the whole; a node is annotated with the slice it reads and returns the slice it writes.
"""

from typing import Any, Literal, NotRequired, TypedDict

Path = Literal["auto_answer", "clarify", "canonical", "escalate", "queue", "refuse"]
Task = Literal["answer", "smalltalk", "analysis", "code"]
CacheHit = Literal["none", "exact", "semantic", "canonical"]


class Turn(TypedDict):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class Sought(TypedDict):
    """A text that passages are looked for by."""

    text: str
    weight: float
    """1 for the message itself, less for what was said before it."""


class Passage(TypedDict):
    """A chunk of a document as it was found for one question."""

    id: str
    source: str
    title: str
    headings: list[str]
    page: int | None
    """Counted from 1; null where the format has no pages."""
    start: int
    end: int
    """Character offsets into the document's extracted text: `text == document[start:end]`."""
    score: float
    """In 0..1, comparable within one answer; passages come best first."""
    text: str
    signals: dict[str, float]
    """The parts of the score: `dense` (cosine), `bm25` (raw), `maxsim` (mean token cosine)."""


class Citation(TypedDict):
    """One sentence of the answer and the passages that support it."""

    sentence: str
    passages: list[str]
    """Passage ids, best first; empty where nothing supports the sentence."""
    supported: bool
    """The passages say this, whether or not it answers the question."""
    score: float
    """Probability in 0..1 that the sentence is supported and answers the question."""


class Decision(TypedDict):
    """How the message is answered, and why."""

    path: Path
    confidence: float
    """Probability in 0..1 that the answer is right, were one given from these passages."""
    intent: str
    task: Task
    reason: str


class Action(TypedDict):
    """Something the person can do next, offered as a button."""

    label: str
    action: Literal["ask", "escalate", "open"]
    target: str
    params: dict[str, str]


class Fit(TypedDict):
    """What fitted into the model's context, counted before the call."""

    limit: int
    prompt_tokens: int
    dropped_passages: int
    dropped_turns: int


class Usage(TypedDict):
    """What the answer took. Times in milliseconds from the run's start."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float
    ttft_ms: float
    total_ms: float
    cache: CacheHit


class Draft(TypedDict):
    """An answer that a person sees before the asker does."""

    text: str
    citations: list[Citation]


class Review(TypedDict):
    """What a person made of a draft; `expire` where nobody looked at it in time."""

    action: Literal["approve", "edit", "reject", "expire"]
    by: str
    text: str
    """What stands instead of the draft, once it is edited."""


class Call(TypedDict):
    """A tool call that the model asks for."""

    id: str
    name: str
    arguments: dict[str, Any]
    number: int
    """Its place among the calls of its round, from 0."""
    ask: bool
    """A person says yes to it first."""


class Recalled(TypedDict):
    """An answer that stands already: approved by a person (`canonical`) or given before (`exact`)."""

    kind: CacheHit
    text: str
    score: float
    approved_by: str
    approved_at: str
    passages: list[Passage]
    citations: list[Citation]
    rests_on: NotRequired[list[str]]
    """Sources that an approved answer was written from: who may not read all of them is not given it."""


class RunState(TypedDict, total=False):
    """Everything that one run knows."""

    question: str
    turns: list[Turn]
    blocked: str
    """Why the guard stops the message; empty lets it pass."""
    recalled: Recalled | None
    standalone: str
    """The question rewritten so that it stands without the conversation."""
    sought: list[Sought]
    """What is looked for in a conversation, the message first; empty where the question alone is."""
    intent: str
    intent_score: float
    task: Task
    passages: list[Passage]
    options: list[str]
    """What an ambiguous question may mean, best first; empty where it is clear."""
    decision: Decision
    approval: bool
    """A person looks at the answer before it is sent."""
    model: str
    messages: list[dict[str, Any]]
    """The prompt as it is sent: `{"role", "content"}`, of calls `tool_calls`, of results `tool_call_id` and `name`."""
    calls: list[Call]
    """What the model asks for and was not done yet."""
    rounds: int
    """How often the model has asked for calls."""
    kept: list[Passage]
    """The passages that are in the prompt."""
    fit: Fit
    draft: Draft
    """The answer as long as it waits for a person; `text` is what was sent."""
    review: Review
    text: str
    usage: Usage
    citations: list[Citation]
    actions: list[Action]
    status: Literal["completed", "queued", "escalated", "refused"]
    queued: "Queued"


class Queued(TypedDict):
    """A place in the line. `run_id` is the run that will answer."""

    position: int
    expected_wait_s: float
    run_id: NotRequired[str]
