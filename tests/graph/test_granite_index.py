"""An index made with Granite: found by it, judged on MiniLM's scale, with approved questions left to MiniLM."""

from pathlib import Path

import numpy as np
import pytest

from contracts.agents import AgentConfig
from contracts.documents import Document, Section
from contracts.identity import Identity
from evals.indexing import TENANT, Ingest, open_indexed
from graph.encoder import questions_for
from ingest.embed import embed
from ingest.split import split
from ports.onnx import Granite, MiniLM
from retrievers import rerank
from switchboard import indexer_for

TEXTS = {
    "tower": "The Eiffel Tower is 330 metres tall and stands in Paris.",
    "tea": "Green tea is steeped at eighty degrees for two minutes.",
    "pay": "Salaries are paid on the 25th of each month.",
}


async def test_a_named_packaged_model_makes_and_asks_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MODEL_EMBEDDING", Granite.name)
    documents = [Document(id, "", text, (Section(0, len(text)),)) for id, text in TEXTS.items()]
    ingest = Ingest(split, embed, indexer_for)

    async with open_indexed(documents, ingest, tmp_path, lambda *_: None, lambda _: None) as wiring:
        retriever = wiring.retriever(Identity(TENANT, "ada"), AgentConfig())
        best, *others = await retriever.ainvoke("When do I get my wages?")

        assert best.metadata["source"] == "pay"
        assert wiring.indexes.now.embedding == Granite.name
        assert isinstance(wiring.encoder, Granite)
        assert isinstance(questions_for(wiring.ports, wiring.encoder), MiniLM)
        signals = best.metadata["signals"]
        assert {"dense", "maxsim"} <= set(signals)
        assert 0.25 < signals["dense"] < 0.9
        assert max(one.metadata["signals"]["dense"] for one in others) < 0.25  # unscaled: above .4


def test_a_scale_leaves_the_order_as_it_is() -> None:
    dense = np.array([0.4, 0.6, 0.5], np.float32)
    for scale in rerank.ALIKE[Granite.space].values():
        assert np.argsort(scale.slope * dense + scale.offset).tolist() == [0, 2, 1]
