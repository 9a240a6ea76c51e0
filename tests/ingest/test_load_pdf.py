"""PDF pages: headings, paragraphs, tables; what OCR reads, and what is said where nothing can be read."""

import io
import sys
import zlib
from collections.abc import Iterator

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes, ocr
from tests.ingest.files import pdf as plain


def pdf(*pages: str, image: bytes = b"") -> bytes:
    """Return a PDF of drawing commands; /F1 is regular and /F2 bold, /Im the picture."""
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> "
        b"/F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >> >>",
        image or b"<< >>",
    ]
    for at, draw in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {6 + 2 * at} 0 R "
            "/Resources << /Font 3 0 R /XObject << /Im 4 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(draw)} >>\nstream\n{draw}\nendstream".encode("latin-1"))
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, 2)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
    start = out.tell()
    out.write(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode())
    out.write(b"".join(f"{place:010d} 00000 n \n".encode() for place in places))
    out.write(f"trailer\n<< /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def at(x: int, y: int, text: str, font: str = "F1", size: int = 11) -> str:
    return f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"


BODY = [
    "Salaries are paid on the twenty-fifth day of each month, or on the work-",
    "ing day before it where that is a Saturday or a Sunday, by bank transfer.",
]


def prose(top: int) -> str:
    return "".join(at(72, top - 13 * number, line) for number, line in enumerate(BODY))


def test_larger_and_bolder_lines_are_headings_and_paragraphs_are_whole() -> None:
    first = at(72, 720, "Pay", size=20) + prose(690) + at(72, 640, "When it is late", "F2") + prose(620)
    document = load_bytes(pdf(first, prose(700)), "pay.pdf")
    paragraph = "".join(BODY).replace("work-", "work")
    assert document.text == f"# Pay\n\n{paragraph}\n\n## When it is late\n\n{paragraph}\n\n{paragraph}"
    assert [(section.headings, section.page) for section in document.sections] == [
        (("Pay",), 1),
        (("Pay", "When it is late"), 1),
        (("Pay", "When it is late"), 2),
    ]


def test_columns_of_short_cells_are_a_table() -> None:
    lines = [("Part", "Price", "Days"), ("Lamp", "30", "14"), ("Bulb", "", "7"), ("Wire", "12", "21")]
    draw = prose(720)
    for number, row in enumerate(lines):
        draw += "".join(
            at(72 + 150 * column, 660 - 14 * number, cell) for column, cell in enumerate(row) if cell
        )
    assert load_bytes(pdf(draw), "t.pdf").text.endswith(
        "\n\n| Part | Price | Days |\n| --- | --- | --- |\n| Lamp | 30 | 14 |\n| Bulb |  | 7 |\n| Wire | 12 | 21 |"
    )


def picture(text: str) -> tuple[bytes, bytes]:
    """Return an image of a text: as an object of a PDF, and as a PNG file."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.new("RGB", (900, 300), "white")
    ImageDraw.Draw(drawn).text((40, 100), text, "black", font=ImageFont.load_default(size=56))
    packed = zlib.compress(drawn.tobytes())
    head = (
        "<< /Type /XObject /Subtype /Image /Width 900 /Height 300 /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        f"/Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    )
    png = io.BytesIO()
    drawn.save(png, "PNG")
    return head.encode() + packed + b"\nendstream", png.getvalue()


SCAN = "q 450 0 0 150 72 500 cm /Im Do Q"


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the extra, as on a machine where it was never installed."""
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr.installed.cache_clear()
    yield
    monkeypatch.undo()
    ocr.installed.cache_clear()


@pytest.mark.skipif(not ocr.installed(), reason="the extra switchboard[ocr] is not installed")
def test_scanned_pages_and_pictures_are_read_by_ocr() -> None:
    image, png = picture("Notice period 30 days")
    document = load_bytes(pdf(prose(700), SCAN, image=image), "scan.pdf")
    assert [
        (section.page, document.text[section.start : section.end].strip()) for section in document.sections
    ] == [
        (1, "".join(BODY).replace("work-", "work")),
        (2, "Notice period 30 days"),
    ]
    assert document.notes == ()
    assert load_bytes(png, "notice.png").text == "Notice period 30 days"


@pytest.mark.usefixtures("without_ocr")
def test_without_ocr_the_other_pages_are_kept_and_the_scanned_ones_named() -> None:
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    image += b" /Length 1 >>\nstream\n\0\nendstream"
    document = load_bytes(pdf(SCAN, prose(700), SCAN, SCAN, "", image=image), "part.pdf")
    assert [section.page for section in document.sections] == [2]
    assert document.notes == (
        "part.pdf: pages 1, 3-4 are of images, not read: install OCR for it with: pip install 'switchboard[ocr]'.",
    )
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(pdf(SCAN, image=image), "scan.pdf")
    assert refused.value.message == (
        "scan.pdf has no text layer (1 page of images): install OCR for it with: pip install 'switchboard[ocr]', "
        "then ingest it again."
    )
    with pytest.raises(UnreadableDocument, match=r"a\.png is an image: install OCR for it with: pip install"):
        load_bytes(b"\x89PNG\r\n\x1a\n\0", "a.png")


@pytest.mark.skipif(not ocr.installed(), reason="the extra switchboard[ocr] is not installed")
def test_a_picture_that_claims_too_many_pixels_is_refused_unopened() -> None:
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    data = head + zlib.crc32(head[12:]).to_bytes(4, "big")
    with pytest.raises(UnreadableDocument, match=r"big\.png is refused|big\.png is damaged"):
        load_bytes(data, "big.png")


def test_a_page_of_lines_that_are_no_prose_is_read_as_lines() -> None:
    assert load_bytes(plain("Hello."), "a.pdf").text == "Hello."
