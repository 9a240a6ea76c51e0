"""Files that were made to break whoever reads them: each is one sentence with its name, in time, and the rest go on."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.readers import Reader
from ingest.worker import Order, Parsed
from tests.ingest.files import archive, pdf, word

LOCK = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>"
SECRET = "The secret beside the documents."
LIMIT = 50_000_000


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    one = Reader(seconds=20, memory=1_500_000_000)
    yield one
    await one.close()


async def read(reader: Reader, folder: Path, name: str, data: bytes) -> Parsed:
    path = folder / name
    path.write_bytes(data)
    return await reader.read(Order(path, f"x/{name}", LIMIT))


def document(body: str, entities: str = "") -> bytes:
    """Return a DOCX whose text is this XML, behind a document type with these entities."""
    plain = zipfile.ZipFile(io.BytesIO(word()))
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = f"<!DOCTYPE w:document [{entities}]>" if entities else ""
    xml = f'{kind}<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>{body}</w:t></w:r></w:p></w:body></w:document>'
    members = {name: plain.read(name) for name in plain.namelist()} | {"word/document.xml": xml.encode()}
    return archive(*members.items())


def with_type(kind: str, root: str, entity: str) -> str:
    return f"<?xml version='1.0'?><!DOCTYPE {root} [{kind}]><{root}>&{entity};</{root}>"


LAUGHS = "<!ENTITY l0 'ha'>" + "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 12))


def outside(secret: Path) -> str:
    return f"<!ENTITY e SYSTEM '{secret.as_uri()}'>"


def image(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that is huge when it is opened."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def heavy_pdf() -> bytes:
    """Return a PDF with a page whose description is 100 MB of spaces, packed into half of one."""
    packed = zlib.compress(b" " * 100_000_000, 1)
    plain = pdf("Words.")
    start, end = plain.index(b"<< /Length"), plain.index(b"endstream")
    stream = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\n"
    return plain[:start] + stream + plain[end:]


def nested(levels: int) -> bytes:
    """Return an archive in an archive in an archive."""
    data = b"0" * 1_000_000
    for level in range(levels):
        data = archive((f"{level}.zip", data))
    return data


def mail(levels: int) -> bytes:
    """Return a message in a message in a message."""
    data = b"Subject: Inner\n\nWords.\n"
    for level in range(levels):
        data = f"Subject: Level {level}\nContent-Type: message/rfc822\n\n".encode() + data
    return data


def bombs(secret: Path) -> dict[str, bytes]:
    zeros = b"0" * 20_000_000
    members = {
        "docx": "word/document.xml",
        "xlsx": "xl/worksheets/sheet1.xml",
        "pptx": "ppt/slides/slide1.xml",
        "epub": "OEBPS/content.opf",
        "odt": "content.xml",
    }
    found = {f"zip.{kind}": archive((name, b"<x/>"), ("bomb.xml", zeros)) for kind, name in members.items()}
    return found | {
        "plain.zip": archive(("zeros", zeros)),
        "laughs.xml": with_type(LAUGHS, "r", "l11").encode(),
        "laughs.html": with_type(LAUGHS, "html", "l11").encode(),
        "laughs.svg": with_type(LAUGHS, "svg", "l11").encode(),
        "laughs.docx": document("&l11;", LAUGHS),
        "outside.xml": with_type(outside(secret), "r", "e").encode(),
        "outside.html": with_type(outside(secret), "html", "e").encode(),
        "outside.docx": document("&e;", outside(secret)),
        "nested.docx": nested(20),
        "nested.eml": mail(2000),
        "huge.png": image(60_000, 60_000),
        "heavy.pdf": heavy_pdf(),
        "deep.json": b"[" * 2_000_000,
        "deep.html": b"<div>" * 50_000 + b"Words." + b"</div>" * 50_000,
        "deep.md": b"> " * 100_000 + b"Words.",
        "wide.csv": b",".join([b"a"] * 30_000),
        "long.md": b"word " * 100_000,
        "line.md": b"a" * 1_000_000,
        "keys.json": json.dumps({f"k{n}": {"a": [n]} for n in range(10_000)}).encode(),
    }


@pytest.mark.timeout(300)
async def test_a_bomb_is_one_sentence_or_harmless_and_the_next_file_is_read(
    reader: Reader, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    odd: list[str] = []
    for name, data in bombs(secret).items():
        parsed = await read(reader, tmp_path, name, data)
        text = "".join(chunk.text for chunk in parsed.chunks)
        if parsed.error and not parsed.error.startswith(f"x/{name}"):
            odd.append(f"{name}: {parsed.error}")
        if "took longer" in parsed.error or len(text) > 3 * len(data) + 1000 or SECRET in text:
            odd.append(f"{name}: {len(data)} bytes made {len(text)} characters: {parsed.error}")
        assert (await read(reader, tmp_path, "good.txt", b"Words.")).error == ""
    assert odd == []


def locked_archive() -> bytes:
    """Return a DOCX whose parts are marked as encrypted."""
    data = bytearray(word())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := data.find(mark, start)) >= 0:
            data[start + at] |= 1
            start += 4
    return bytes(data)


LOCKED = {
    "locked.pdf": pdf("Nobody reads this.").replace(b"/Info", b"/ID [<00> <00>] " + LOCK + b" /Info"),
    "locked.docx": locked_archive(),
}
EMPTY = {
    f"empty.{kind}": b"" for kind in ("md", "txt", "html", "pdf", "docx", "csv", "json", "jsonl", "py")
} | {
    "blank.md": b" \n\t\n",
    "blank.html": b"<html><body></body></html>",
    "blank.pdf": pdf(""),
    "blank.docx": document(""),
}
DAMAGED = {
    "cut.docx": word()[: len(word()) // 2],
    "cut.pdf": pdf("Words.")[:60],
    "cut.json": b'{"a": [1, 2',
    "noise.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 40,
    "noise.txt": bytes(range(256)) * 40,
}
DISGUISED = {
    "picture.md": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "program.txt": b"\x7fELF" + b"\0" * 100,
    "text.pdf": b"These are words.",
    "text.docx": b"These are words.",
    "paper.md": pdf("Words."),
    "packed.txt": zlib.compress(b"x") + b"\0" * 50,
    "gzip.html": b"\x1f\x8b\x08" + b"\0" * 50,
}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (LOCKED, ("password",)),
        (EMPTY, ("is empty", "holds no text", "has no text layer", "does not begin like one")),
        (DAMAGED, ("is damaged", "ends in the middle", "is not text", "does not begin like one")),
        (DISGUISED, ("holds", "does not begin like one", "is not text")),
    ],
    ids=["locked", "empty", "damaged", "disguised"],
)
async def test_what_cannot_be_read_says_its_true_reason(
    reader: Reader, tmp_path: Path, files: dict[str, bytes], words: tuple[str, ...]
) -> None:
    said = {name: (await read(reader, tmp_path, name, data)).error for name, data in files.items()}
    odd = {
        name: error
        for name, error in said.items()
        if not error.startswith(f"x/{name} ") or not any(word in error for word in words)
    }
    assert odd == {}
