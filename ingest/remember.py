"""Vectors that the index has already: of a document's last version, and of one with the same content.

A text that was embedded once is not embedded again: a moved file costs no embedding, an edited one only the chunks that
changed. The text is compared as the embedder reads it, title and heading path included, so the index is the same as if
all had been embedded anew. Where the title is the file's name, a renamed file is another text, and is embedded.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ingest.embed import Encoder
from ingest.load import kind_by_name
from ingest.parts import Parts
from ingest.sift import Change
from ingest.worker import Parsed
from retrievers.contents import Stored
from retrievers.tokens import MINILM

MOST: Final = 2_000
"""Chunks of a document that are looked up, 4 MB of them; a longer one is embedded anew."""
CODE: Final = "code"
"""The kind of which the title is the whole path."""

Vectors = Mapping[str, Stored]
"""What the index has, by the text that the embedder read."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder returns: one row, and one matrix or what was packed of it, for each text."""

    dense: Any
    tokens: list[Any]
    space: int = MINILM
    """Of the token vectors, as the encoder tells it."""


class Remembering:
    """An encoder that asks another one only for what is not known, and for each text once."""

    def __init__(self, encoder: Encoder, known: Vectors) -> None:
        self._encoder, self._known = encoder, known

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Return the vectors in the order of the texts."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(fresh) == len(texts):
            return self._encoder.encode(texts)
        made = self._encoder.encode(fresh) if fresh else Encoded([], [])
        dense = dict(zip(fresh, made.dense, strict=True))
        packed: dict[str, Any] = dict(zip(fresh, made.tokens, strict=True))
        rows = [dense[text] if text in dense else self._known[text].dense for text in texts]
        matrices = [packed[text] if text in packed else self._known[text].tokens for text in texts]
        return Encoded(np.asarray(rows, np.float32), matrices, space_of(self._encoder))

    def count_tokens(self, text: str) -> int:
        return self._encoder.count_tokens(text)


async def vectors_for(changes: Sequence[Change], tenant: str, parts: Parts) -> dict[str, Stored]:
    """Return the vectors that the index has of the files' last versions and of their twins."""
    known: dict[str, Stored] = {}
    space = space_of(parts.encoder)
    for change in changes:
        for source, version in ((change.twin, change.version), (change.file.source, change.old)):
            if source and version:
                for one in await parts.collection.stored(tenant, source, version, MOST):
                    if current(one.tokens, space):
                        known[one.chunk.embedded_text()] = one
    return known


def current(packed: str, space: int) -> bool:
    """Tell whether token vectors are packed as they would be now, by an encoder of this space."""
    return bool(packed) and base64.b64decode(packed[:4])[0] == space


def space_of(encoder: Encoder) -> int:
    """Return the space of the encoder's token vectors: MiniLM's, unless it makes others of its own."""
    return getattr(encoder, "space", MINILM)


async def copied(change: Change, tenant: str, parts: Parts) -> Parsed | None:
    """Return what a moved file holds, from what the index has of its twin; None where it has to be read.

    Only where the file has kept its name, and its title is not its path: then nothing in it depends on where it is.
    """
    name, twin = change.file.source.rpartition("/")[2], change.twin.rpartition("/")[2]
    if not change.twin or name != twin or kind_by_name(name) in (None, CODE):
        return None
    stored = await parts.collection.stored(tenant, change.twin, change.version, MOST)
    if not stored or [one.chunk.position for one in stored] != list(range(len(stored))):
        return None
    chunks = [replace(one.chunk, source=change.file.source) for one in stored]
    return Parsed(change.file.source, change.version, change.file.size, chunks[0].title, chunks)
