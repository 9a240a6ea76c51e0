"""Check that every answer in questions.jsonl stands verbatim in the document that it names.

    .venv/bin/python examples/check_questions.py

Exits with 1 and one line for each fault. The documents are read here by the plainest means, apart from the product's
own loaders, so that a fault in a loader cannot hide a wrong question.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import pypdfium2
from docx.table import Table
from lxml import html

HERE = Path(__file__).parent
HANDBOOK = HERE / "handbook"
COUNTS = {"a": 60, "u": 20, "f": 8}

Question = dict[str, Any]


def docx_text(path: Path) -> str:
    """Return paragraphs and tables in order, the cells of a row joined by tabs."""
    parts: list[str] = []
    for block in docx.Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            parts.extend("\t".join(cell.text for cell in row.cells) for row in block.rows)
        else:
            parts.append(block.text)
    return "\n".join(parts)


def pdf_text(path: Path) -> str:
    """Return the text of all pages."""
    with pypdfium2.PdfDocument(path) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def text_of(path: Path) -> str:
    """Return the text of a handbook document of any of its formats."""
    if path.suffix == ".docx":
        return docx_text(path)
    if path.suffix == ".pdf":
        return pdf_text(path)
    text = path.read_text(encoding="utf-8")
    return html.document_fromstring(text).text_content() if path.suffix == ".html" else text


def faults_of(question: Question, texts: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with one question."""
    if not question["answerable"]:
        if question.keys() != {"id", "question", "answerable"}:
            yield f"{question['id']}: an unanswerable question has no source and no contains"
    elif question["source"] not in texts:
        yield f"{question['id']}: {question['source']} is not in the handbook"
    elif not question["contains"]:
        yield f"{question['id']}: contains is empty"
    else:
        for answer in question["contains"]:
            if answer not in texts[question["source"]]:
                yield f"{question['id']}: {answer!r} does not stand in {question['source']}"


def faults_of_set(questions: list[Question], texts: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with the questions as a whole: counts, repeated ids, documents nobody asks about."""
    ids = [question["id"] for question in questions]
    if len(set(ids)) != len(ids):
        yield "an id occurs twice"
    for letter, count in COUNTS.items():
        found = sum(name.startswith(letter) for name in ids)
        if found != count:
            yield f"{found} questions begin with {letter!r}, there should be {count}"
    for name in texts.keys() - {question.get("source") for question in questions}:
        yield f"no question asks about {name}"


def main() -> int:
    """Print the faults and return the exit code."""
    texts = {path.name: text_of(path) for path in sorted(HANDBOOK.iterdir()) if path.is_file()}
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").split("\n")
    questions: list[Question] = [json.loads(line) for line in lines if line]
    faults = [fault for question in questions for fault in faults_of(question, texts)]
    faults.extend(faults_of_set(questions, texts))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(questions)} questions about {len(texts)} documents, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
