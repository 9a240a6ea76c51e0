"""Scholarly articles in JATS (NISO Z39.96): title, authors, abstract, sections, tables, figures and references."""

from typing import Any, Final

from ingest.load.grid import Cell, laid_out, number
from ingest.load.lists import Counter
from ingest.load.markup import attribute, child, children, descendants, local, words
from ingest.load.outline import Outline

INLINE_SKIPPED: Final = frozenset(("tex-math", "alternatives-skipped", "object-id", "label-skipped"))
TITLES: Final = {
    "ack": "Acknowledgments",
    "ref-list": "References",
    "glossary": "Glossary",
    "fn-group": "Notes",
}
CITED: Final = frozenset(("mixed-citation", "element-citation", "citation", "nlm-citation"))


def write_article(root: Any) -> Outline:
    """Return the article as an outline."""
    outline = Outline()
    meta = child(root, "front", "article-meta")
    if meta is not None:
        front(meta, outline)
    for name in ("body", "back"):
        part = child(root, name)
        if part is not None:
            blocks(part, outline, 2)
    for extra in children(root, "sub-article", "response", "floats-group"):
        blocks(child(extra, "body") if child(extra, "body") is not None else extra, outline, 2)
    return outline


def front(meta: Any, outline: Outline) -> None:
    """Write title, authors, their institutions, and the abstracts."""
    group = child(meta, "title-group")
    if group is not None:
        outline.heading(1, flow(child(group, "article-title")))
    people = [name_of(one) for part in children(meta, "contrib-group") for one in children(part, "contrib")]
    outline.block(", ".join(name for name in people if name))
    places = [place_of(one) for one in descendants(meta, "aff")]
    outline.block("; ".join(dict.fromkeys(place for place in places if place)))
    for abstract in children(meta, "abstract", "trans-abstract"):
        title = flow(child(abstract, "title")) or "Abstract"
        outline.heading(2, title)
        blocks(abstract, outline, 3)
    for group in children(meta, "kwd-group"):
        outline.block("Keywords: " + ", ".join(flow(one) for one in descendants(group, "kwd")))


def name_of(contributor: Any) -> str:
    """Return a person's given names and surname, or a group's name."""
    name = next(descendants(contributor, "name", "string-name"), None)
    if name is None:
        return flow(next(descendants(contributor, "collab"), None))
    parts = [flow(child(name, "given-names")), flow(child(name, "surname"))]
    return " ".join(part for part in parts if part) or flow(name)


def place_of(affiliation: Any) -> str:
    """Return an institution without the mark that authors refer to."""
    text = "".join(pieces(affiliation, frozenset(("label", "sup", "institution-id", "email", "ext-link"))))
    return " ".join(text.replace(" ,", ",").split()).strip(" ,;")


def blocks(parent: Any, outline: Outline, level: int) -> None:
    """Write what stands below a section; `level` is that of the sections in it."""
    for one in parent:
        name = local(one)
        if name in (
            "sec",
            "app",
            "app-group",
            "ack",
            "glossary",
            "ref-list",
            "fn-group",
            "notes",
            "bio",
            "boxed-text",
        ):
            title = child(one, "title")
            heading = " ".join(part for part in (flow(child(one, "label")), flow(title)) if part)
            outline.heading(level, heading or TITLES.get(name, ""))
            blocks(one, outline, level + 1)
        elif name in ("p", "disp-quote", "verse-group", "attrib", "speech", "statement"):
            paragraph(one, outline, level)
        elif name in (
            "table-wrap",
            "table-wrap-group",
            "fig",
            "fig-group",
            "supplementary-material",
            "media",
        ):
            floating(one, outline)
        elif name in ("list", "def-list"):
            outline.block("\n".join(items(one, 0)))
        elif name in ("disp-formula", "disp-formula-group"):
            outline.block(formula(one))
        elif name == "ref":
            outline.block(f"- {reference(one)}")
        elif name in ("code", "preformat"):
            code = "".join(one.itertext()).strip("\n")
            outline.block(f"```{attribute(one, 'language') or ''}\n{code}\n```")
        elif name == "fn":
            outline.block(flow(one))


def paragraph(element: Any, outline: Outline, level: int) -> None:
    """Write a paragraph; what floats in it follows it."""
    apart = frozenset(
        ("table-wrap", "fig", "list", "def-list", "disp-formula", "supplementary-material", "disp-quote")
    )
    found: list[str] = [element.text or ""]
    for inner in element:
        if local(inner) in apart:
            outline.block(" ".join("".join(found).split()))
            found = []
            if local(inner) == "disp-quote":
                paragraph(inner, outline, level)
            else:
                blocks([inner], outline, level)
        else:
            found.extend(pieces(inner))
        found.append(inner.tail or "")
    outline.block(" ".join("".join(found).split()))


def floating(element: Any, outline: Outline) -> None:
    """Write a table or a figure: label and caption, then the cells, then what stands below."""
    label = flow(child(element, "label"))
    caption = child(element, "caption")
    said = [] if caption is None else [flow(one) for one in caption]
    outline.block(" ".join(part for part in (label, *said) if part))
    for table in descendants(element, "table"):
        rows = (row for row in descendants(table, "tr"))
        outline.table(laid_out([cell_of(cell) for cell in children(row, "td", "th")] for row in rows))
    for foot in descendants(element, "table-wrap-foot"):
        outline.block(" ".join(flow(one) for one in foot))
    for inner in children(element, "fig", "table-wrap"):
        floating(inner, outline)


def cell_of(cell: Any) -> Cell:
    """Return a cell of a table."""
    return Cell(flow(cell), number(cell.get("colspan")), number(cell.get("rowspan")))


def items(element: Any, depth: int) -> list[str]:
    """Return the lines of a list and of those in it."""
    lines: list[str] = []
    counter = Counter()
    numbered = element.get("list-type") in ("order", "arabic", "alpha-lower", "roman-lower", "alpha-upper")
    for item in children(element, "list-item", "def-item"):
        inner = [one for one in descendants(item, "list") if one is not element]
        skipped = frozenset(("list", "label"))
        text = " ".join("".join(pieces(item, skipped)).split())
        lines.append(f"{'  ' * depth}{counter.mark(depth, numbered=numbered)}{text}")
        for one in inner[:1]:
            lines.extend(items(one, min(depth + 1, 8)))
    return lines


def formula(element: Any) -> str:
    """Return a formula as LaTeX where it is given, else as its characters."""
    tex = next(descendants(element, "tex-math"), None)
    if tex is None:
        return flow(element)
    text = "".join(tex.itertext())
    inner = text.partition("\\begin{document}")[2].partition("\\end{document}")[0] or text
    return f"$${' '.join(inner.strip().strip('$').split())}$$"


def reference(element: Any) -> str:
    """Return a reference as one line."""
    cited = next((one for one in element.iter() if local(one) in CITED), None)
    if cited is None:
        return flow(element)
    if local(cited) in ("mixed-citation",) and (cited.text or "").strip():
        return flow(cited)
    people = [
        " ".join(part for part in (flow(child(one, "surname")), flow(child(one, "given-names"))) if part)
        for one in descendants(cited, "name")
    ]
    named = [", ".join(person for person in people if person)]
    others = (
        "article-title",
        "chapter-title",
        "source",
        "year",
        "volume",
        "issue",
        "fpage",
        "lpage",
        "publisher-name",
    )
    named += [flow(one) for one in cited if local(one) in others]
    return ". ".join(dict.fromkeys(part for part in named if part)) or flow(cited)


def flow(element: Any) -> str:
    """Return an element's text on one line, "" for None."""
    return "" if element is None else " ".join("".join(pieces(element)).split())


def pieces(element: Any, skipped: frozenset[str] = frozenset()) -> list[str]:
    """Return the texts below an element, with a space where a block ends."""
    name = local(element)
    if not name or name in skipped:
        return []
    if (
        name in ("inline-formula", "disp-formula")
        and next(descendants(element, "tex-math"), None) is not None
    ):
        return [f" {formula(element).replace('$$', '$')} "]
    found: list[str] = [element.text or ""]
    for inner in element:
        found.extend(pieces(inner, skipped))
        found.append(inner.tail or "")
    if name in ("p", "title", "td", "th", "list-item", "label", "term", "def", "break", "surname", "aff"):
        found.append(" ")
    return found


def title_of(root: Any) -> str:
    """Return the article's title."""
    group = child(root, "front", "article-meta", "title-group")
    return "" if group is None else words(child(group, "article-title"))
