"""`switchboard serve` with CPU clocks around embedder, reranker and reader: nothing of this is in the product.

python -m bench.clocked FILE [OPTIONS OF serve]
"""

import sys
from pathlib import Path
from typing import Any

import switchboard  # the first: it sets what numpy reads when it is loaded
from bench.clocks import Clocks
from graph.wiring import Wiring
from retrievers import rerank, tokens
from server.commands.serve import main


def clock_all(wiring: Wiring, clocks: Clocks) -> None:
    """Put the clocks on; the embedder's `_run` is what its own threads do of several texts."""
    minilm: Any = wiring.ports.minilm
    for name in ("encode", "_run"):
        vars(minilm)[name] = clocks.around("embedder", getattr(minilm, name))
    rerank.scores = clocks.around("reranker", rerank.scores)
    rerank.fuse = clocks.around("reranker", rerank.fuse)
    tokens.unpack_all = clocks.around("reranker", tokens.unpack_all)
    reader: Any = wiring.reader
    for name in ("_answerable", "_support"):
        vars(reader)[name] = clocks.around("reader", getattr(reader, name))


def run(arguments: list[str]) -> int:
    """Serve until a signal."""
    clocks, done = Clocks(Path(arguments[0])), list[Wiring]()

    def indexer(wiring: Wiring) -> Any:
        if not done:
            done.append(wiring)
            clock_all(wiring, clocks)
        return switchboard.indexer_for(wiring)

    return main(arguments[1:], indexer)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
