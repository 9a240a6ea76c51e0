"""The suite `handbook`: the questions of examples/questions*.jsonl through the real graph, as a user would ask them.

An answer is right where it holds every string of `contains`; its source is right where a citation names it. Each
file is a set of its own; what retrieves and reads may be fitted to all of them but `plain_heldout`.
"""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from contracts.context import Unjournalled
from contracts.errors import SetupError
from contracts.identity import LOCAL
from contracts.state import Queued, RunState
from evals.answers import ANSWERED, KINDS, Answered
from evals.cases import Asked, asked, one_of, require_folder
from evals.handbook_report import result_of
from evals.indexing import embedded_settings
from evals.result import Options, Result
from graph.wiring import Wiring, open_wiring

AGENT: Final = "default"
UNITS: Final = 3
"""Sentences that an answer has at most, as in models/extractive.py."""


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


async def run(options: Options) -> Result:
    """Index the handbook, ask its questions, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The handbook suite indexes documents: start it as `switchboard eval handbook`.")
    require_folder(options.data)
    one_of(options.data, "questions.jsonl")
    sets = {name_of_set(path): asked(path) for path in sorted(options.data.glob("questions*.jsonl"))}
    documents = options.data / "handbook"
    require_folder(documents)
    with TemporaryDirectory(prefix="switchboard-eval-") as folder:
        async with open_wiring(embedded_settings(Path(folder))) as wiring:
            index = options.ingest.files_for(wiring)
            files = [(path, f"{documents.name}/{path.name}") for path in sorted(documents.iterdir())]
            report = await index(files, LOCAL.tenant, [], options.tell)
            await wiring.optimize()
            answers = {
                name: await ask_all(name, questions, wiring, options) for name, questions in sets.items()
            }
    keep(answers, options.cache.parent / "handbook-lists.jsonl")
    result = result_of(options.data.resolve().name, answers)
    result.notes.append(f"{len(files)} documents, {report['chunks']} chunks.")
    return result


async def ask_all(name: str, questions: list[Asked], wiring: Wiring, options: Options) -> list[Answered]:
    """Return the answers to the questions of one set."""
    answers: list[Answered] = []
    for number, question in enumerate(questions, 1):
        answers.append(await ask(question, wiring))
        options.tell(f"asking {name or 'questions'}", number, len(questions))
    return answers


async def ask(question: Asked, wiring: Wiring) -> Answered:
    """Send one question through the graph, with all that a run has but a log and a client."""
    pieces: list[str] = []

    async def emit(text: str) -> None:
        pieces.append(text)

    async def record(state: RunState) -> None:
        pass

    started, run_id = time.perf_counter(), f"eval-{uuid.uuid4()}"
    context = await wiring.context(LOCAL, AGENT, run_id, started, emit, QuietDesk(), record, queued=False)
    context = replace(context, journal=Unjournalled())  # no row stands for this run
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
    text = would = "".join(pieces)
    if path not in ANSWERED:
        found = await wiring.reader.extract(state.get("standalone", ""), passages, UNITS)
        would = " ".join(sentence for sentence, _ in found)
    return Answered(question, path, confidence, text, would, cited, passages, took)


def keep(answers: Mapping[str, Sequence[Answered]], path: Path) -> None:
    """Write the passages that were found for each question that stands alone, to fit with (evals/fit_lists.py)."""
    rows = [
        {
            "set": name, "question": one.asked.question, "answerable": one.asked.answerable,
            "contains": one.asked.contains, "passages": one.passages,
        }
        for name, found in answers.items()
        for one in found
        if one.kind in {KINDS["a"], KINDS["u"]} and one.passages
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def name_of_set(path: Path) -> str:
    """Return `plain_dev` for questions_plain_dev.jsonl, "" for questions.jsonl."""
    return path.stem.removeprefix("questions").strip("_")
