"""Small Office, OpenDocument and EPUB files, made where a test needs them: only the parts that a loader reads."""

from tests.ingest.files import archive

OFFICE = "http://schemas.openxmlformats.org"
RELATION = f"{OFFICE}/officeDocument/2006/relationships"


def relations(**targets: str) -> bytes:
    """Return a relationships part; each name is an id, each value `kind target`."""
    rows = "".join(
        f'<Relationship Id="{id}" Type="{RELATION}/{kind}" Target="{target}"/>'
        for id, (kind, target) in ((id, value.split()) for id, value in targets.items())
    )
    return f'<Relationships xmlns="{OFFICE}/package/2006/relationships">{rows}</Relationships>'.encode()


def workbook(*, sheets: dict[str, str], strings: tuple[str, ...] = (), styles: str = "") -> bytes:
    """Return an XLSX; each sheet is the XML inside of its <worksheet>."""
    names = list(sheets)
    listed = "".join(f'<sheet name="{name}" r:id="r{at}"/>' for at, name in enumerate(names))
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    return archive(
        ("xl/workbook.xml", f'<workbook xmlns:r="{RELATION}"><sheets>{listed}</sheets></workbook>'.encode()),
        (
            "xl/_rels/workbook.xml.rels",
            relations(**{f"r{at}": f"worksheet worksheets/s{at}.xml" for at, _ in enumerate(names)}),
        ),
        ("xl/sharedStrings.xml", f"<sst>{shared}</sst>".encode()),
        ("xl/styles.xml", f"<styleSheet>{styles}</styleSheet>".encode()),
        *(
            (f"xl/worksheets/s{at}.xml", f"<worksheet>{sheets[name]}</worksheet>".encode())
            for at, name in enumerate(names)
        ),
    )


def rows(*lines: str) -> str:
    """Return sheet data of rows; cells are `A1=text`, numbers `A1:5`, a style behind `@`."""
    made = []
    for line in lines:
        cells = []
        for part in line.split("; "):
            place, mark, value = (
                part.partition("=") if "=" in part and ":" not in part.split("=")[0] else part.partition(":")
            )
            value, _, style = value.partition("@")
            if mark == "=":
                cells.append(f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>')
            else:
                cells.append(f'<c r="{place}" s="{style or 0}"><v>{value}</v></c>')
        made.append(f"<row>{''.join(cells)}</row>")
    return f"<sheetData>{''.join(made)}</sheetData>"


def slides(*bodies: str) -> bytes:
    """Return a PPTX; each body is what stands in the slide's shape tree."""
    listed = "".join(f'<p:sldId id="{256 + at}" r:id="r{at}"/>' for at, _ in enumerate(bodies))
    space = f'xmlns:p="p" xmlns:a="a" xmlns:r="{RELATION}"'
    return archive(
        (
            "ppt/presentation.xml",
            f"<p:presentation {space}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>".encode(),
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            relations(**{f"r{at}": f"slide slides/s{at}.xml" for at, _ in enumerate(bodies)}),
        ),
        *(
            (
                f"ppt/slides/s{at}.xml",
                f"<p:sld {space}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>".encode(),
            )
            for at, body in enumerate(bodies)
        ),
    )


def shape(*paragraphs: str, kind: str = "") -> str:
    """Return a shape with text; a paragraph that begins with `- ` or `1. ` is an item."""
    filled = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>' if kind else ""
    made = ""
    for text in paragraphs:
        mark = "buChar" if text.startswith("- ") else "buAutoNum" if text.startswith("1. ") else "buNone"
        words = text.removeprefix("- ").removeprefix("1. ")
        made += f"<a:p><a:pPr><a:{mark}/></a:pPr><a:r><a:t>{words}</a:t></a:r></a:p>"
    return f"<p:sp>{filled}<p:txBody>{made}</p:txBody></p:sp>"


def opendocument(kind: str, content: str, *, manifest: bytes = b"<manifest/>", styles: str = "") -> bytes:
    """Return an ODT, ODS or ODP; `content` stands in <office:text>, <office:spreadsheet> or <office:presentation>."""
    names = ["office", "text", "table", "draw", "presentation", "style"]
    spaces = " ".join(f'xmlns:{name}="urn:{name}"' for name in names)
    inner = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}[kind]
    body = f"<office:body><office:{inner}>{content}</office:{inner}></office:body>"
    return archive(
        ("mimetype", f"application/vnd.oasis.opendocument.{inner}".encode()),
        (
            "content.xml",
            f"<office:document-content {spaces}>{styles}{body}</office:document-content>".encode(),
        ),
        ("META-INF/manifest.xml", manifest),
    )


def book(*chapters: str, title: str = "Ducks", encryption: bytes = b"") -> bytes:
    """Return an EPUB; each chapter is the XHTML inside of its <body>. The last one is read first."""
    items = "".join(f'<item id="c{at}" href="c%20{at}.xhtml"/>' for at, _ in enumerate(chapters))
    spine = "".join(f'<itemref idref="c{at}"/>' for at in reversed(range(len(chapters))))
    return archive(
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b'<c><rootfiles><rootfile full-path="in/book.opf"/></rootfiles></c>'),
        *([("META-INF/encryption.xml", encryption)] if encryption else []),
        (
            "in/book.opf",
            f"<package><metadata><title>{title}</title></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>".encode(),
        ),
        *(
            (f"in/c {at}.xhtml", f"<html><body>{chapter}</body></html>".encode())
            for at, chapter in enumerate(chapters)
        ),
    )
