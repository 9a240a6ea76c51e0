"""The suite `crosslingual`: questions in other languages over English passages, and how far up the passages stand.

The data folder is one of `retrieval` with the questions once more as `xquad.LANGUAGE.json.gz`, under the same ids.
English is asked beside, since a model for many languages may cost it something.
"""

import gzip
import json
from pathlib import Path
from typing import Any, Final

from contracts.agents import AgentConfig
from contracts.errors import BadRequest, SetupError, UnreadableDocument
from contracts.identity import Identity
from evals import bootstrap
from evals.bootstrap import Estimate
from evals.cases import RetrievalData, retrieval_data
from evals.indexing import TENANT, open_indexed
from evals.result import Options, Result, Table, bars_for, with_interval
from evals.retrieval import CHUNKS, MODES, Answers, ask, quality
from graph.wiring import Wiring
from ports.multilingual import NAME as MULTILINGUAL

LANGUAGES: Final = ("de", "es", "ru", "zh", "ar")
LEAST: Final = {MULTILINGUAL: {"recall@5": 0.60}}
"""What must be reached, by the embedder's name (issue 4)."""
METRICS: Final = ("recall@5", "ndcg@10", "mrr@10")

Found = dict[str, dict[str, dict[str, list[float]]]]
"""Each figure of each query, by language and mode."""


async def run(options: Options) -> Result:
    """Index the corpus, ask the questions in each language, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The suite indexes documents: start it as `switchboard eval crosslingual`.")
    data = retrieval_data(options.data)
    questions = {language: asked_in(options.data, language, data) for language in LANGUAGES}
    async with open_indexed(
        data.documents, options.ingest, options.cache, options.tell, options.say
    ) as wiring:
        found: Found = {}
        for language, queries in {"en": data.queries, **questions}.items():
            found[language] = await asked(queries, data, wiring, options, language)
        return result_of(data, found, wiring.indexes.now.embedding)


def asked_in(folder: Path, language: str, data: RetrievalData) -> dict[str, str]:
    """Return the questions in a language by id, those that are judged. Raises BadRequest, UnreadableDocument."""
    path = folder / f"xquad.{language}.json.gz"
    try:
        articles: Any = json.loads(gzip.decompress(path.read_bytes()))["data"]
        asked = {
            str(one["id"]): str(one["question"])
            for article in articles
            for paragraph in article["paragraphs"]
            for one in paragraph["qas"]
        }
    except OSError as error:
        raise BadRequest(f"{path.name} cannot be read in {str(folder)!r}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableDocument(
            f"{path.name} is not in the form of SQuAD: {error!r} stands in the way."
        ) from error
    return {id: asked[id] for id in data.relevant if id in asked}


async def asked(
    queries: dict[str, str], data: RetrievalData, wiring: Wiring, options: Options, language: str
) -> dict[str, dict[str, list[float]]]:
    """Ask each question in each mode and return the figures of each."""
    whole = wiring.retriever(Identity(TENANT, "eval"), AgentConfig(), limit=CHUNKS)
    retrievers = {mode: whole.model_copy(update={"mode": mode}) for mode in MODES}
    answers = {mode: Answers() for mode in MODES}
    for number, query in enumerate(queries.values(), 1):
        for mode, retriever in retrievers.items():
            await ask(query, retriever, answers[mode])
        options.tell(f"asking in {language}", number, len(queries))
    grades = [data.relevant[id] for id in queries]
    return {str(mode): {**quality(grades, one), "cpu_ms": one.cpu_ms} for mode, one in answers.items()}


def result_of(data: RetrievalData, found: Found, embedder: str) -> Result:
    """Return the figures: the mean over the languages, then each language, then each part alone."""
    flat: dict[str, Estimate] = {}
    for name in METRICS:
        every = [value for language in LANGUAGES for value in found[language]["hybrid"][name]]
        flat[name] = bootstrap.mean(every)
    for language, modes in found.items():
        flat |= {f"{language}.{name}": bootstrap.mean(modes["hybrid"][name]) for name in (*METRICS, "cpu_ms")}
    result = Result("crosslingual", data.folder.resolve().name, sum(map(count, found.values())), flat)
    result.bars = bars_for(flat, LEAST.get(embedder, {}))
    result.tables = [table(found)]
    result.notes.append(
        f"{len(data.documents):,} documents in English, made with {embedder}; the mean is over {', '.join(LANGUAGES)}."
    )
    return result


def count(modes: dict[str, dict[str, list[float]]]) -> int:
    """Return the number of questions."""
    return len(modes["hybrid"]["recall@5"])


def table(found: Found) -> Table:
    """Return recall@5 and nDCG@10 of each mode, a row a language."""
    columns = [(mode, name) for mode in MODES for name in METRICS[:2]]
    rows = [
        [language, *(with_interval(name, bootstrap.mean(modes[mode][name])) for mode, name in columns)]
        for language, modes in found.items()
    ]
    return Table("By language", ["language", *(f"{mode} {name}" for mode, name in columns)], rows)
