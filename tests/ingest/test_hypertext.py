"""HTML: what people read on the page, and nothing else of it."""

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes

PAGE = b"""<!doctype html><html><head><title>Data  retention</title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav><script>var x = "secret"</script>
<h1>Data retention</h1><p>We keep <b>data</b><br>as needed.</p>
<h2>Limits</h2><table><tr><th>What</th><th>Years</th></tr><tr><td>In|voices</td><td>10</td></tr></table>
<ul><li>one<ul><li>two</li></ul></li></ul><ol><li>first</li><li>second</li></ol>
<pre>if a:
    b()</pre><p hidden>ghost</p><!-- comment --> tail</body></html>"""


def test_a_page_becomes_markdown() -> None:
    document = load_bytes(PAGE, "retention.html")
    assert document.title == "Data retention"
    assert document.text == (
        "# Data retention\n\nWe keep data\nas needed.\n\n## Limits\n\n"
        "| What | Years |\n| --- | --- |\n| In/voices | 10 |\n\n- one\n  - two\n\n1. first\n2. second\n\n"
        "```\nif a:\n    b()\n```\n\ntail"
    )
    assert [section.headings for section in document.sections] == [(), ("Limits",)]


def test_a_table_that_only_lays_out_is_read_as_text() -> None:
    page = b"<table><tr><td><h1>A</h1>text<table><tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    assert load_bytes(page, "old.html").text == "# A\n\ntext\n\n| 1 | 2 |"


def test_a_declared_encoding_that_is_not_the_true_one_does_no_harm() -> None:
    page = "<?xml version='1.0' encoding='utf-16'?><html><body><p>Köln</p></body></html>".encode()
    assert load_bytes(page, "x.html").text == "Köln"


def test_a_page_that_nests_too_deeply_says_so() -> None:
    with pytest.raises(UnreadableDocument, match="nested too deeply"):
        load_bytes(b"<div>" * 100_000 + b"hello", "deep.html")
