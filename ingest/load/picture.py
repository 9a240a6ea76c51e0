"""Pictures: their text by OCR, a frame of a TIFF a page; refused where the extra is missing or there is no text."""

import io
from dataclasses import replace

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.ocr import HOW, Clock, installed, read_pixels
from ingest.load.outline import Outline, stem_of

MOST_PIXELS = 100_000_000
"""Of one frame: a picture of a few kilobytes may claim to be a hundred thousand pixels wide."""
LONGEST_SIDE = 2_000
"""Pixels: a photo of more is made smaller, since its letters are large enough and OCR takes time by the pixel."""


def load_picture(data: bytes, source: str) -> Document:
    """Return the document; the page of a section is the frame."""
    if not installed():
        raise UnreadableDocument(f"{source} is an image: {HOW}.")
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    outline, clock = Outline(), Clock()
    try:
        with Image.open(io.BytesIO(data)) as picture:
            frames = getattr(picture, "n_frames", 1)
            for number in range(frames):
                picture.seek(number)
                require_size(picture.size, source)
                if clock.over():
                    break
                outline.page(number + 1)
                shown = ImageOps.exif_transpose(picture).convert("RGB")
                shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                outline.block(read_pixels(np.asarray(shown)[:, :, ::-1]))
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError, Image.DecompressionBombError) as cause:
        raise UnreadableDocument(f"{source} is damaged: it cannot be opened as an image.") from cause
    left = frames - len(outline.pages)
    if not outline.parts:
        raise UnreadableDocument(f"{source} is an image in which OCR finds no text.")
    document = outline.document(source, stem_of(source))
    said = f"{source}: {left} of its {frames} frames were not read: its time for OCR was over."
    return replace(document, notes=(said,) if left else ())


def require_size(size: tuple[int, int], source: str) -> None:
    """Raise UnreadableDocument for a picture of too many pixels, before it is unpacked."""
    if size[0] * size[1] > MOST_PIXELS:
        raise UnreadableDocument(
            f"{source} is refused: {size[0]:,} x {size[1]:,} pixels are more than {MOST_PIXELS:,}."
        )
