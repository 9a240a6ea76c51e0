"""LangChain as in langchain_pipeline.py, but with the runner that its documentation names for the same model.

HuggingFaceEmbeddings runs sentence-transformers on PyTorch, and reads no more than the first 254 tokens of a chunk.
"""
# pyright: basic, reportMissingImports=false
# It is run in the peer's own environment, whose packages are not here.

import os

import langchain_pipeline
from langchain_huggingface import HuggingFaceEmbeddings
from shared import Counted, serve


def main() -> None:
    """Answer folders until the input ends."""
    import torch

    torch.set_num_threads(int(os.environ["BULK_THREADS"]))
    counted = Counted(cuts=True)
    model = HuggingFaceEmbeddings(model_name=os.environ["BULK_MODEL"])
    embed = counted.timed
    counted.embed = lambda texts: embed(model.embed_documents, texts)  # type: ignore[method-assign]
    serve(langchain_pipeline.run, counted)


if __name__ == "__main__":
    main()
