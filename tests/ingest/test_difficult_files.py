"""Real files that others found difficult: each is read, or refused with a true reason, and none hangs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import kind_by_name, load
from ingest.split import split
from tests.ingest.conftest import DATA

REFUSED = {
    "libreoffice-writer-password.pdf": "is locked with a password",
    "2206.01062_pg3.pdf": "is locked with a password",
    "imagemagick-ASCII85Decode.pdf": "has no text layer",
    "imagemagick-CCITTFaxDecode.pdf": "has no text layer",
    "imagemagick-lzw.pdf": "has no text layer",
    "grayscale-image.pdf": "has no text layer",
    "cmyk-image.pdf": "has no text layer",
    "unreadablemetadata.pdf": "is damaged",
    "dots_list.json": "ends in the middle of a value",
    "dots_simple.json": "ends in the middle of a value",
}


def files() -> Iterator[Path]:
    for pattern in ("pypdf_samples/*/*.pdf", "docling_tests/*/sources/*"):
        yield from (path for path in sorted(DATA.glob(pattern)) if path.is_file() and kind_by_name(path.name))


@pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not here: set SWITCHBOARD_DATA")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", list(files()), ids=lambda path: path.name)
def test_a_difficult_file_is_read_or_refused_for_a_true_reason(path: Path) -> None:
    reason = REFUSED.get(path.name)
    if reason:
        with pytest.raises(UnreadableDocument, match=reason):
            load(path, path.name)
        return
    document = load(path, path.name)
    chunks = split(document)
    assert len(chunks) >= 1
    assert all(chunk.text == document.text[chunk.start : chunk.end] for chunk in chunks)
