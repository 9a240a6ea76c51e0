"""The embedded embedders as int8 ONNX, for passages, questions and their tokens: MiniLM and Granite.

Each text is one run of the model on one thread, and texts run side by side on `threads` threads. So a
question never waits behind an ingest batch: it runs on its caller's thread and shares the cores fairly.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ports import weights
from ports.made import ensure_granite, ensure_minilm
from ports.weights import GRANITE_POSITIONS, POSITIONS

Vectors = NDArray[np.float32]
TokenVectors = NDArray[np.float32]
"""A text's tokens in context, float32, rows L2-normalised, without specials and punctuation: (n, 384) of MiniLM,
(n, 64) of Granite, whose model projects them itself."""

WINDOW: Final = POSITIONS - 2
"""Tokens of text in one run of MiniLM; [CLS] and [SEP] take the other two."""
RECENT: Final = 512
"""Short texts whose vectors are kept, the most recent ones: at most 20 MB."""
RECENT_LENGTH: Final = 200
"""Characters."""
PARTIAL: Final = "\ufffd"
"""What a token that is a part of a character is decoded to."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the model makes of texts, in their order."""

    dense: Vectors
    """(n, 384) float32, rows L2-normalised."""
    tokens: list[TokenVectors]
    spans: list[NDArray[np.int32]]
    """(tokens, 2) each: where a token's characters start and end in its text."""
    weights: list[Vectors]
    """(tokens,) each: how rare a token is, in bits, 1 for "the" up to 16."""
    space: int = 1
    """The tokens' space."""


class Packaged(Embeddings):
    """Embeds texts of any length: what exceeds the model's positions is read in windows of equal length.

    `folder` keeps the model made from the weights. Safe to share between threads. Raises DamagedWeights.
    """

    name: str
    dimension = 384
    max_tokens: int
    space: int
    """Which vectors of tokens can be compared: those of one space (retrievers/tokens.py)."""
    begin: int
    """The id of the token before a text, and the one after it."""
    end: int
    the: int
    """The id of "the": from there on the vocabulary lists words by falling frequency."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        model, tokenizer = self._files(folder)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._spoken = self._spoken_in(self._tokenizer)
        self._rarity = _rarity(self._tokenizer, self.the)
        self._session = _open_session(model)
        self._recent: OrderedDict[str, Encoded] = OrderedDict()
        self._lock = threading.Lock()
        self._begun: dict[str, asyncio.Future[Encoded]] = {}
        """Single texts that are being read, for whoever asks meanwhile."""
        self._workers = ThreadPoolExecutor(threads, "embed")
        self._documents = ThreadPoolExecutor(1, "embed-documents")
        self._queries = ThreadPoolExecutor(threads, "embed-query")

    def _files(self, folder: Path) -> tuple[Path, Path]:
        """Return the model and its tokenizer."""
        raise NotImplementedError

    def _spoken_in(self, tokenizer: Tokenizer) -> NDArray[np.bool_]:
        """Tell for each id of the vocabulary whether it has a letter or a digit."""
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        """Return the text's length in tokens, specials left out."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Return the vectors of texts and of their tokens; blocks, with the GIL released.

        A single text is read on the calling thread. The same text has the same vectors whatever is beside
        it. A text without tokens has the vector of the empty text and no tokens.
        """
        if len(texts) == 1 and len(texts[0]) <= RECENT_LENGTH:
            return self._once(texts[0])
        return self._encode(texts)

    def _once(self, text: str) -> Encoded:
        """Return a short text's vectors, and keep them: a question is asked four times on its way."""
        if found := self._kept(text):
            return found
        made = self._encode([text])
        with self._lock:
            self._recent[text] = made
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return made

    def _kept(self, text: str) -> Encoded | None:
        """Return the vectors of a text that was read of late."""
        with self._lock:
            if found := self._recent.get(text):
                self._recent.move_to_end(text)
            return found

    def _encode(self, texts: Sequence[str]) -> Encoded:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        windows = [_windows(encoding.ids, self.max_tokens - 2) for encoding in encodings]
        flat = [window for text in windows for window in text]
        run = map if len(flat) == 1 else self._workers.map
        results = iter(list(run(self._run, flat)))
        dense, tokens, spans, rarity = [], [], [], []
        for encoding, text in zip(encodings, windows, strict=True):
            parts = [next(results) for _ in text]
            dense.append(_unit(np.mean([sentence for sentence, _ in parts], axis=0)))
            spoken = self._spoken[encoding.ids]
            tokens.append(np.concatenate([hidden for _, hidden in parts])[spoken])
            spans.append(np.array(encoding.offsets, np.int32).reshape(-1, 2)[spoken])
            rarity.append(self._rarity[encoding.ids][spoken])
        shape = (len(encodings), self.dimension)
        return Encoded(np.array(dense, np.float32).reshape(shape), tokens, spans, rarity, self.space)

    def _run(self, window: list[int]) -> tuple[Vectors, TokenVectors]:
        ids = np.array([[self.begin, *window, self.end]], np.int64)
        hidden, sentence = (np.asarray(out) for out in self._session.run(None, {"input_ids": ids}))
        return sentence[0], _unit(hidden[0, 1:-1])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).dense.tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.encode([text]).dense[0].tolist()

    async def aencode(self, texts: Sequence[str]) -> Encoded:
        """Return what `encode` does; one call for many texts at a time, single texts pass it by."""
        if len(texts) == 1:
            return self._kept(texts[0]) or await asyncio.shield(self._one(texts[0]))
        return await asyncio.get_running_loop().run_in_executor(self._documents, self.encode, texts)

    def expect(self, text: str) -> None:
        """Begin to read a text that will be asked for soon, if it is short enough to be kept."""
        if len(text) <= RECENT_LENGTH and self._kept(text) is None:
            self._one(text)

    def _one(self, text: str) -> asyncio.Future[Encoded]:
        """Return what will be there of one text; who asks for it meanwhile waits for the same."""
        loop = asyncio.get_running_loop()
        begun = self._begun.get(text)
        if begun is None or begun.get_loop() is not loop:
            begun = self._begun[text] = loop.run_in_executor(self._queries, self.encode, [text])
            begun.add_done_callback(lambda _: self._begun.pop(text, None))
        return begun

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return (await self.aencode(texts)).dense.tolist()

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aencode([text])).dense[0].tolist()

    def close(self) -> None:
        """Stop the threads once what they have begun is done."""
        for pool in (self._queries, self._documents, self._workers):
            pool.shutdown(cancel_futures=True)


class MiniLM(Packaged):
    """all-MiniLM-L6-v2, which also reads answers, intents and guards."""

    name = "all-MiniLM-L6-v2-int8"
    max_tokens = POSITIONS
    space = 1
    begin, end, the = 101, 102, 1996

    def _files(self, folder: Path) -> tuple[Path, Path]:
        return ensure_minilm(folder), weights.require(weights.TOKENIZER, folder)

    def _spoken_in(self, tokenizer: Tokenizer) -> NDArray[np.bool_]:
        spoken = np.zeros(tokenizer.get_vocab_size(), np.bool_)
        for token, number in tokenizer.get_vocab().items():
            spoken[number] = any(character.isalnum() for character in token)
        return spoken


class Granite(Packaged):
    """granite-embedding-30m-english, which was trained to find passages: for the index alone."""

    name = "granite-embedding-30m-english-int8"
    max_tokens = GRANITE_POSITIONS
    space = 2
    begin, end, the = 0, 2, 5

    def _files(self, folder: Path) -> tuple[Path, Path]:
        return ensure_granite(folder)

    def _spoken_in(self, tokenizer: Tokenizer) -> NDArray[np.bool_]:
        said = tokenizer.decode_batch([[number] for number in range(tokenizer.get_vocab_size())])
        return np.array([any(one.isalnum() or one == PARTIAL for one in text) for text in said])


PACKAGED: Final[dict[str, type[Packaged]]] = {one.name: one for one in (MiniLM, Granite)}
DEFAULT: Final = MiniLM.name
"""Makes the index where the settings name no other."""


def _windows(ids: list[int], window: int) -> list[list[int]]:
    """Cut into the fewest windows that fit, of nearly equal length; one empty window for no tokens."""
    count = max(1, -(-len(ids) // window))
    edges = [len(ids) * i // count for i in range(count + 1)]
    return [ids[first:last] for first, last in pairwise(edges)]


def _unit(rows: Vectors) -> Vectors:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _rarity(tokenizer: Tokenizer, the: int) -> Vectors:
    """Return each token's bits by its rank: both vocabularies list words by falling frequency, from "the" on."""
    ranks = np.arange(tokenizer.get_vocab_size()) - the + 1
    return np.log2(1 + np.maximum(ranks, 1)).astype(np.float32)


def _open_session(model: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
