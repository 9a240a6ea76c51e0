"""The suites for names and for other languages: what they take from the data."""

import gzip
import json
from pathlib import Path

import pytest

from contracts.errors import BadRequest, UnreadableDocument
from evals.cases import RetrievalData
from evals.crosslingual import asked_in
from evals.identifiers import Defined, defined, parts, whole

DATA = RetrievalData(Path(), [], {"1": "?"}, {"1": {"d": 1.0}})


def test_a_definition_is_found_where_the_structure_has_it_not_where_it_is_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "a.rst"
    text = "See run() below.\n\n.. function:: run(main)\n\n   Runs. Unlike :func:`run` elsewhere.\n"

    assert list(defined(path, "a.rst", text)) == [Defined("run", "a.rst", text.index("run(main)"))]


def test_the_terms_of_a_page_are_found_in_the_text_that_was_read_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        '<dl><dt><code class="varname">max_wal_size</code> (integer)</dt><dd>Limit.</dd></dl>', "utf-8"
    )
    text = "About max_wal_size and more.\n\nmax_wal_size (integer)\n\nLimit."

    assert list(defined(path, "a.html", text)) == [
        Defined("max_wal_size", "a.html", text.rindex("max_wal_size"))
    ]


def test_a_name_is_asked_for_whole_and_by_its_last_part() -> None:
    places = [Defined("Path.is_mount", "a", 1), Defined("max_wal_size", "b", 2), Defined("run", "c", 3)]

    assert list(whole(places)) == ["Path.is_mount", "max_wal_size", "run"]
    assert list(parts(places)) == ["is_mount", "wal_size"]


def test_questions_of_another_language_have_the_same_ids(tmp_path: Path) -> None:
    asked = [{"id": "1", "question": "Warum?"}, {"id": "2", "question": "Wer?"}]
    body = json.dumps({"data": [{"paragraphs": [{"qas": asked}]}]}).encode()
    (tmp_path / "xquad.de.json.gz").write_bytes(gzip.compress(body))
    (tmp_path / "xquad.es.json.gz").write_bytes(gzip.compress(b"{}"))

    assert asked_in(tmp_path, "de", DATA) == {"1": "Warum?"}
    with pytest.raises(UnreadableDocument, match=r"xquad\.es\.json\.gz is not in the form of SQuAD"):
        asked_in(tmp_path, "es", DATA)
    with pytest.raises(BadRequest, match=r"xquad\.ru\.json\.gz cannot be read"):
        asked_in(tmp_path, "ru", DATA)
