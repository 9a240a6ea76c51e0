"""The suite `handbook`: the questions of examples/questions.jsonl through the real graph, as a user would ask them.

An answer is right where it holds every string of `contains`; its source is right where a citation names it.
"""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from contracts.errors import SetupError
from contracts.identity import LOCAL
from contracts.state import Passage, Queued, RunState
from evals.bootstrap import Estimate, mean, quantile
from evals.cases import Asked, asked, one_of, require_folder
from evals.indexing import embedded_settings
from evals.plots import bars
from evals.result import Case, Figure, Found, Options, Result, Table, with_interval
from graph.wiring import Wiring, open_wiring

AGENT: Final = "default"
ANSWERED: Final = frozenset({"auto_answer", "canonical"})
KINDS: Final = {"a": "answerable", "u": "unanswerable", "f": "follow-up"}
WORST: Final = 20


@dataclass(slots=True)
class QuietDesk:
    """A desk that notes what it is asked for and opens no ticket."""

    offers: list[str] = field(default_factory=list[str])

    async def offer(self, question: str, reason: str) -> None:
        self.offers.append(question)

    async def ticket(self, question: str, reason: str) -> str:
        return "eval"

    async def line_up(self) -> Queued:
        return {"position": 1, "expected_wait_s": 0.0}

    def full(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and what the graph came to."""

    asked: Asked
    path: str
    confidence: float
    text: str
    cited: list[str]
    """Sources of the passages that support a sentence, in order."""
    passages: list[Passage]
    took_ms: float

    @property
    def kind(self) -> str:
        """Return answerable, unanswerable or follow-up."""
        if self.asked.history:
            return KINDS["f"]
        return KINDS["a"] if self.asked.answerable else KINDS["u"]

    @property
    def answered(self) -> bool:
        return self.path in ANSWERED

    @property
    def contains(self) -> bool:
        """Tell whether the answer has every string that a right one has, white space aside."""
        said = flat(self.text)
        return self.answered and all(flat(one) in said for one in self.asked.contains)

    @property
    def source_cited(self) -> bool:
        return self.answered and self.asked.source in {name_of(source) for source in self.cited}

    @property
    def source_found(self) -> bool:
        return self.asked.source in {name_of(passage["source"]) for passage in self.passages}


async def run(options: Options) -> Result:
    """Index the handbook, ask its questions, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The handbook suite indexes documents: start it as `switchboard eval handbook`.")
    require_folder(options.data)
    questions = asked(one_of(options.data, "questions.jsonl"))
    documents = options.data / "handbook"
    require_folder(documents)
    with TemporaryDirectory(prefix="switchboard-eval-") as folder:
        async with open_wiring(embedded_settings(Path(folder))) as wiring:
            index = options.ingest.files_for(wiring)
            files = [(path, f"{documents.name}/{path.name}") for path in sorted(documents.iterdir())]
            report = await index(files, LOCAL.tenant, [], options.tell)
            await wiring.optimize()
            answers: list[Answered] = []
            for number, question in enumerate(questions, 1):
                answers.append(await ask(question, wiring))
                options.tell("asking", number, len(questions))
    result = result_of(options.data.resolve().name, answers)
    result.notes.append(f"{len(files)} documents, {report['chunks']} chunks.")
    return result


async def ask(question: Asked, wiring: Wiring) -> Answered:
    """Send one question through the graph, with all that a run has but a log and a client."""
    pieces: list[str] = []

    async def emit(text: str) -> None:
        pieces.append(text)

    async def record(state: RunState) -> None:
        pass

    started, run_id = time.perf_counter(), f"eval-{uuid.uuid4()}"
    context = await wiring.context(LOCAL, AGENT, run_id, started, emit, QuietDesk(), record, queued=False)
    state: Any = await wiring.graph.ainvoke(
        {"question": question.question, "turns": question.history},  # pyright: ignore[reportArgumentType] - rows of JSON
        {"configurable": {"thread_id": run_id}},
        context=context,
        durability="exit",
    )
    took = (time.perf_counter() - started) * 1000
    passages = state.get("kept") or state.get("passages") or []
    sources = {passage["id"]: passage["source"] for passage in passages}
    cited = [sources[id] for one in state.get("citations", []) for id in one["passages"] if id in sources]
    decision = state.get("decision")
    path = decision["path"] if decision else "canonical" if state.get("recalled") else "refuse"
    confidence = decision["confidence"] if decision else 0.0
    return Answered(question, path, confidence, "".join(pieces), cited, passages, took)


def result_of(data: str, answers: Sequence[Answered]) -> Result:
    """Return the figures of what was asked."""
    alone = [one for one in answers if one.kind == KINDS["a"]]
    unknown = [one for one in answers if one.kind == KINDS["u"]]
    follow = [one for one in answers if one.kind == KINDS["f"]]
    times = [one.took_ms for one in answers]
    metrics = {
        "answer_contains": mean([one.contains for one in alone]),
        "source_cited": mean([one.source_cited for one in alone]),
        "source_found": mean([one.source_found for one in alone]),
        "answered": mean([one.answered for one in alone]),
        "abstained": mean([not one.answered for one in unknown]),
        "followup_contains": mean([one.contains for one in follow]),
        "followup_source_cited": mean([one.source_cited for one in follow]),
        "latency_p50_ms": quantile(times, 0.5),
        "latency_p95_ms": quantile(times, 0.95),
    }
    result = Result("handbook", data, len(answers), metrics)
    result.tables = [table(metrics), by_path(answers)]
    result.figures = [figure(metrics)]
    result.cases = worst(answers)
    return result


def table(metrics: dict[str, Estimate]) -> Table:
    """Return the figures with their intervals."""
    rows = [[name, with_interval(name, one)] for name, one in metrics.items()]
    return Table("Through the graph", ["metric", "value"], rows, "In parentheses: 95% bootstrap intervals.")


def by_path(answers: Sequence[Answered]) -> Table:
    """Return how many questions of each kind went which way."""
    counts = Counter((one.kind, one.path) for one in answers)
    paths = sorted({path for _, path in counts}, key=lambda path: (path not in ANSWERED, path))
    rows = [[kind, *(str(counts[kind, path]) for path in paths)] for kind in KINDS.values()]
    return Table("Ways to respond", ["question", *paths], rows)


def figure(metrics: dict[str, Estimate]) -> Figure:
    """Return the shares as bars."""
    groups = {name: {"handbook": one} for name, one in metrics.items() if not name.endswith("_ms")}
    return Figure("Shares", bars(groups, wide=True), "Higher is better; whiskers are 95% intervals.")


def worst(answers: Sequence[Answered]) -> list[Case]:
    """Return questions that went wrong: answered though nothing answers it, wrong, or not answered."""
    cases: list[Case] = []
    for one in sorted(answers, key=severity):
        if severity(one) == 3:
            break
        found = [Found(f"answer · {one.path} · {one.confidence:.2f}", one.text)]
        for passage in one.passages[:3]:
            right = name_of(passage["source"]) == one.asked.source
            found.append(Found(f"{passage['source']} · {passage['score']:.3f}", passage["text"][:300], right))
        wanted = (
            f"{one.asked.source}: {' · '.join(one.asked.contains)}" if one.asked.answerable else "no answer"
        )
        cases.append(Case(one.asked.question, f"{one.asked.id} · {one.path}", wanted, found))
    return cases[:WORST]


def severity(one: Answered) -> int:
    """Return 0 for an answer where there is none, 1 for a wrong one, 2 for none given, 3 for right."""
    if not one.asked.answerable:
        return 0 if one.answered else 3
    if one.contains:
        return 3
    return 1 if one.answered else 2


def name_of(source: str) -> str:
    """Return the file's name."""
    return source.rpartition("/")[2]


def flat(text: str) -> str:
    """Return the text with single spaces, in lower case."""
    return " ".join(text.lower().split())
