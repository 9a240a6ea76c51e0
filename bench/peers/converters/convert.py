"""Run in a converter's own environment: `python convert.py NAME`, paths on stdin, a JSON object a file on stdout.

It imports nothing of ours. Each converter has its defaults, Markdown where it can write it.
"""

# The converters are installed in environments of their own.
# pyright: reportMissingImports=false

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path


def kreuzberg() -> Callable[[Path], str]:
    from kreuzberg import ExtractionConfig, extract_file_sync

    config = ExtractionConfig(output_format="markdown")
    return lambda path: extract_file_sync(str(path), config=config).content


def markitdown() -> Callable[[Path], str]:
    from markitdown import MarkItDown

    converter = MarkItDown()
    return lambda path: converter.convert(str(path)).text_content


def pypdf_docx() -> Callable[[Path], str]:
    import docx
    from pypdf import PdfReader

    def convert(path: Path) -> str:
        if path.suffix == ".pdf":
            return "\n\n".join(page.extract_text() for page in PdfReader(str(path)).pages)
        if path.suffix == ".docx":
            return "\n\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
        raise NotImplementedError(path.suffix)

    return convert


def pdfplumber() -> Callable[[Path], str]:
    import pdfplumber

    def convert(path: Path) -> str:
        if path.suffix != ".pdf":
            raise NotImplementedError(path.suffix)
        with pdfplumber.open(path) as pdf:
            return "\n\n".join(page.extract_text() or "" for page in pdf.pages)

    return convert


def pdf_oxide() -> Callable[[Path], str]:
    from pdf_oxide import PdfDocument

    def convert(path: Path) -> str:
        if path.suffix != ".pdf":
            raise NotImplementedError(path.suffix)
        return PdfDocument(str(path)).to_markdown_all()

    return convert


def main() -> None:
    """Convert each file; what a converter prints goes to stderr, its failures into the answer."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    convert = globals()[sys.argv[1].replace("-", "_")]()
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        text, error, started = "", "", time.process_time()
        try:
            text = convert(path) or ""
        except Exception as failure:  # noqa: BLE001 - a converter that breaks is what this counts
            error = f"{type(failure).__name__}: {failure}"[:200]
        took = time.process_time() - started
        print(json.dumps({"text": text, "error": error, "cpu": took}), file=out, flush=True)


if __name__ == "__main__":
    main()
