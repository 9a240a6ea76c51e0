"""Unchanged costs a look, moved keeps its vectors, and what was embedded once is not embedded again."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts.identity import Identity
from ingest.parts import Parts
from ingest.sync import sync
from retrievers.tokens import GRANITE
from store import documents
from tests.ingest.conftest import WordEncoder

OLD = 1_600_000_000_000_000_000
TRUSTED = "ingest.sift.RACY_NS"
"""Set to less than nothing, what the file system says of a file is trusted at once."""


def counts(report: Any) -> tuple[int, int, int]:
    return report.added, report.updated, report.unchanged


async def test_an_unchanged_file_is_not_even_read(parts: Parts, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(TRUSTED, -(10**18))
    file = tmp_path / "a.md"
    file.write_text("# A\n\nAlpha.")
    await sync([str(file)], "acme", parts)

    def read(*_: Any) -> bytes:
        raise AssertionError("it was read")

    with monkeypatch.context() as patched:
        patched.setattr("ingest.sift.read", read)
        assert counts(await sync([str(file)], "acme", parts)) == (0, 0, 1)


async def test_an_edit_of_the_same_size_with_the_old_time_is_seen(
    parts: Parts, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(TRUSTED, -(10**18))
    file = tmp_path / "a.md"
    for text, expected in (("# A\n\nAlpha.", (1, 0, 0)), ("# A\n\nGamma.", (0, 1, 0))):
        file.write_text(text)
        os.utime(file, ns=(OLD, OLD))
        assert counts(await sync([str(file)], "acme", parts)) == expected


async def test_what_is_said_of_a_file_just_written_is_not_trusted(parts: Parts, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# A\n\nAlpha.")
    await sync([str(file)], "acme", parts)
    noted = await documents.noted(parts.database, Identity("acme", "ingest"))
    assert [one.stat.partition("\n")[0] for one in noted.values()] == [""]


async def test_a_copy_a_move_and_an_edit_embed_only_what_is_new(parts: Parts, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "old").mkdir(parents=True)
    (folder / "new").mkdir()
    texts: list[str] = parts.encoder.texts  # type: ignore[attr-defined]
    first = folder / "old" / "a.md"
    long = "".join(f"## Part {number}\n\n" + f"word{number} " * 200 + "\n\n" for number in range(4))
    first.write_text(f"# A\n\n{long}")
    await sync([str(folder)], "acme", parts)
    embedded = len(texts)
    (folder / "new" / "a.md").write_bytes(first.read_bytes())  # a copy beside it
    assert counts(await sync([str(folder)], "acme", parts)) == (1, 0, 1)
    first.unlink()
    (folder / "new" / "a.md").rename(folder / "a.md")  # moved
    (folder / "b.md").write_bytes((folder / "a.md").read_bytes())  # renamed: its title is in it
    await sync([str(folder)], "acme", parts, prune=True)
    assert len(texts) == embedded
    (folder / "a.md").write_text(f"# A\n\n{long}## Last\n\nA new end.\n")
    await sync([str(folder)], "acme", parts)
    assert 0 < len(texts) - embedded <= 2


async def test_two_files_with_the_same_content_are_embedded_once(parts: Parts, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text("# A\n\nAlpha.")
    report = await sync([f"{tmp_path}/*/a.md"], "acme", parts)
    assert (report.added, len(parts.encoder.texts)) == (2, 1)  # type: ignore[attr-defined]


async def test_groups_stay_where_none_are_named_and_change_without_embedding(
    parts: Parts, tmp_path: Path
) -> None:
    file = tmp_path / "a.md"
    who = Identity("acme", "ingest", role="operator")
    file.write_text("# A\n\nAlpha.")
    texts: list[str] = parts.encoder.texts  # type: ignore[attr-defined]

    async def groups() -> tuple[list[str], set[str]]:
        (noted,) = (await documents.noted(parts.database, who)).values()
        collection: Any = parts.collection
        records, _ = await collection.client.scroll(collection.name, limit=10)
        return noted.groups, {group for one in records for group in one.payload["groups"]}

    await sync([str(file)], "acme", parts, groups=["hr"])
    assert await groups() == (["hr"], {"hr"})
    file.write_text("# A\n\nBeta.")
    await sync([str(file)], "acme", parts)
    assert await groups() == (["hr"], {"hr"})
    embedded = len(texts)
    assert counts(await sync([str(file)], "acme", parts, groups=["legal", "hr"])) == (0, 1, 0)
    assert (await groups(), len(texts)) == ((["hr", "legal"], {"hr", "legal"}), embedded)


@dataclass(frozen=True, slots=True)
class InSpace:
    dense: Any
    tokens: list[Any]
    space: int = GRANITE


class OtherEncoder(WordEncoder):
    """Its token vectors are in a space of their own, as those of the packaged Granite are."""

    space = GRANITE

    def encode(self, texts: Sequence[str]) -> Any:
        made = super().encode(texts)
        return InSpace(made.dense, made.tokens)


async def test_vectors_of_another_model_are_kept_in_a_move_and_an_edit_and_stay_in_their_space(
    parts: Parts, tmp_path: Path
) -> None:
    encoder = OtherEncoder()
    parts = replace(parts, encoder=encoder)
    file = tmp_path / "docs" / "a.md"
    file.parent.mkdir()
    long = "".join(f"## Part {number}\n\n" + f"word{number} " * 200 + "\n\n" for number in range(4))
    file.write_text(f"# A\n\n{long}")
    await sync([str(file.parent)], "acme", parts)
    embedded = len(encoder.texts)
    file.write_text(f"# A\n\n{long}## Last\n\nA new end.\n")
    await sync([str(file.parent)], "acme", parts)
    assert 0 < len(encoder.texts) - embedded <= 2
    embedded = len(encoder.texts)
    file.rename(file.with_name("b.md"))
    await sync([str(file.parent)], "acme", parts, prune=True)
    assert len(encoder.texts) == embedded
    collection: Any = parts.collection
    records, _ = await collection.client.scroll(collection.name, limit=100)
    assert {base64.b64decode(one.payload["tokens"])[0] for one in records} == {GRANITE}
