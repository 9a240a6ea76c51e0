"""The floor: our chunks through the embedder and nowhere else; reading and cutting them is not timed."""

import time
from pathlib import Path

from shared import Counted, answers

from ingest.load import load
from ingest.split import split
from ingest.walk import walk

BATCH = 64


def main() -> None:
    """Answer folders until the input ends."""
    embedder = Counted()
    for folder, answer in answers(embedder):
        texts = texts_of(folder)
        started, used = time.perf_counter(), time.process_time()
        for start in range(0, len(texts), BATCH):
            embedder.encode(texts[start : start + BATCH])
        answer(time.perf_counter() - started, time.process_time() - used, len(texts))


def texts_of(folder: Path) -> list[str]:
    """Return what the folder's chunks are embedded as."""
    return [
        chunk.embedded_text()
        for file in walk([str(folder)]).files
        for chunk in split(load(file.path, file.source))
    ]


if __name__ == "__main__":
    main()
