"""Old Office files and Outlook messages, made byte by byte: a compound file, and what stands in its streams."""

import struct
from collections.abc import Mapping

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file; a name with slashes stands in storages. Small streams go to the mini stream."""
    names = [
        "",
        *sorted({"/".join(name.split("/")[:n]) for name in streams for n in range(1, name.count("/") + 2)}),
    ]
    mini, minis, chains = b"", list[int](), list[bytes]()
    starts: dict[str, int] = {}
    for name in names:
        data = streams.get(name, b"")
        if name in streams and len(data) < 4096:
            starts[name], count = len(mini) // 64, max(1, -(-len(data) // 64))
            minis += [*range(len(minis) + 1, len(minis) + count), END]
            mini += data.ljust(64 * count, b"\0")
    sectors: dict[str, int] = {}
    total = 0

    def place(key: str, data: bytes) -> None:
        nonlocal total
        sectors[key] = total
        total += max(1, -(-len(data) // 512))
        chains.append(data)

    for name in names:
        if len(streams.get(name, b"")) >= 4096:
            place(name, streams[name])
    place("mini", mini)
    place("minifat", b"".join(struct.pack("<I", one) for one in minis).ljust(512, b"\xff"))
    place("directory", bytes(128 * len(names)))
    chains[-1] = b"".join(entry(name, names, streams, starts, sectors, len(mini)) for name in names)
    table: list[int] = []
    for data in chains:
        count = max(1, -(-len(data) // 512))
        table += [*range(len(table) + 1, len(table) + count), END]
    table += [FAT]
    body = b"".join(data.ljust(512 * max(1, -(-len(data) // 512)), b"\0") for data in chains)
    body += b"".join(struct.pack("<I", one) for one in table).ljust(512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6xIIIIII", 62, 3, 0xFFFE, 9, 6, 0, 1,
        sectors["directory"], 0, 4096, sectors["minifat"])  # fmt: skip
    head += struct.pack("<III", -(-len(minis) // 128), END, 0) + struct.pack("<I", len(table) - 1)
    return head.ljust(512, b"\xff") + body


def entry(
    name: str,
    names: list[str],
    streams: Mapping[str, bytes],
    starts: dict[str, int],
    sectors: dict[str, int],
    mini: int,
) -> bytes:
    """Return a directory entry; siblings hang on one another, the first below their storage."""
    folder = name.rpartition("/")[0]
    below = [one for one in names if one and one.rpartition("/")[0] == name and one != name]
    beside = [one for one in names if one and one.rpartition("/")[0] == folder]
    at = beside.index(name) if name else -1
    after = names.index(beside[at + 1]) if name and at + 1 < len(beside) else FREE
    title = (name.rpartition("/")[2] or "Root Entry").encode("utf-16-le") + b"\0\0"
    kind = 5 if not name else 2 if name in streams else 1
    data = streams.get(name, b"")
    start = sectors["mini"] if not name else starts.get(name, sectors.get(name, 0))
    size = mini if not name else len(data)
    child = names.index(below[0]) if below else FREE
    return (
        title.ljust(64, b"\0") + struct.pack("<HBBIII", len(title), kind, 1, FREE, after, child) + bytes(36)
        + struct.pack("<IQ", start, size)
    )  # fmt: skip


def doc(*paragraphs: tuple[str, bytes], flags: int = 0x0200) -> bytes:
    """Return a Word 97 document; each paragraph comes with the number of its style and its properties.

    Style 1 is "heading 1", style 2 is of another language and based on it.
    """
    text, marks, at = b"", [1024], 1024
    for words, _ in paragraphs:
        text += words.encode("utf-16-le")
        at += 2 * len(words)
        marks.append(at)
    characters = len(text) // 2
    page = -(-(1024 + len(text)) // 512)
    table = b""
    places = {}

    def put(number: int, data: bytes) -> None:
        nonlocal table
        places[number] = (len(table), len(data))
        table += data

    put(1, sheet((0, 0xFFF, "Normal"), (1, 0, "heading 1"), (0xFFE, 1, "Überschrift")))
    pieces = struct.pack("<II", 0, characters) + struct.pack("<HIH", 0, 1024, 0)
    put(33, b"\x02" + struct.pack("<I", len(pieces)) + pieces)
    put(13, struct.pack("<III", marks[0], marks[-1], page))
    fkp, tail = bytearray(512), 511
    fkp[511] = len(paragraphs)
    struct.pack_into(f"<{len(marks)}I", fkp, 0, *marks)
    for number, (_, properties) in enumerate(paragraphs):
        raw = properties if len(properties) % 2 else properties + b"\0"
        tail = (tail - len(raw) - 1) // 2 * 2
        fkp[tail] = (len(raw) + 1) // 2
        fkp[tail + 1 : tail + 1 + len(raw)] = raw
        fkp[4 * len(marks) + 13 * number] = tail // 2
    pairs = b"".join(struct.pack("<II", *places.get(number, (0, 0))) for number in range(93))
    fib = struct.pack("<H8xH20x", 0xA5EC, flags) + struct.pack("<H28x", 14)
    fib += struct.pack("<H12xi72x", 22, characters) + struct.pack("<H", 93) + pairs
    main = (fib.ljust(1024, b"\0") + text).ljust(512 * page, b"\0") + bytes(fkp)
    return compound({"WordDocument": main.ljust(4096, b"\0"), "1Table": table.ljust(4096, b"\0")})


def sheet(*styles: tuple[int, int, str]) -> bytes:
    """Return a style sheet of built-in number, base and name."""
    made = struct.pack("<HHH14x", 18, len(styles), 10)
    for built_in, base, name in styles:
        style = struct.pack("<HHHHH", built_in, base << 4 | 1, 0, 0, 0)
        style += struct.pack("<H", len(name)) + name.encode("utf-16-le") + b"\0\0"
        made += struct.pack("<H", len(style)) + style
    return made


def record(kind: int, body: bytes, *, instance: int = 0, holds: bool = False) -> bytes:
    """Return a record of a PowerPoint 97 file."""
    return struct.pack("<HHI", instance << 4 | (0xF if holds else 0), kind, len(body)) + body


def ppt(*slides: tuple[tuple[int, str], ...], locked: bool = False) -> bytes:
    """Return a presentation; each slide is texts in its outline, each with its kind: 0 a title, 1 a body."""
    listed = b""
    for number, texts in enumerate(slides):
        listed += record(0x03F3, struct.pack("<IIIII", 0, 0, len(texts), 256 + number, 0))
        for kind, text in texts:
            listed += record(0x0F9F, struct.pack("<I", kind)) + record(0x0FA0, text.encode("utf-16-le"))
    document = record(0x03E8, record(0x0FF0, listed, holds=True), holds=True)
    directory = record(0x1772, struct.pack("<II", 1 << 20 | 1, 0))
    edit = record(0x0FF5, struct.pack("<IIIIIII", 0, 0, 0, len(document), 1, 1, 0))
    user = struct.pack(
        "<IIIII", 0, 0, 20, 0xF3D1C4DF if locked else 0xE391C05F, len(document) + len(directory)
    )
    body = (document + directory + edit).ljust(4096, b"\0")
    return compound({"PowerPoint Document": body, "Current User": user})


def msg(attachments: Mapping[str, bytes] = {}, **properties: str) -> bytes:
    """Return an Outlook message; properties are named by their tags: `p0037` is the subject, `p1000` the body."""
    streams = {"__properties_version1.0": bytes(32)}
    for tag, text in properties.items():
        streams[f"__substg1.0_{tag[1:]}001F"] = text.encode("utf-16-le")
    for number, (name, data) in enumerate(attachments.items()):
        folder = f"__attach_version1.0_#{number:08X}"
        streams[f"{folder}/__substg1.0_3707001F"] = name.encode("utf-16-le")
        streams[f"{folder}/__substg1.0_37010102"] = data
    return compound(streams)
