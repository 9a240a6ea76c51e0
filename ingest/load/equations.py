"""Equations of Office files (OMML) as LaTeX, which a model reads and a person can check (ECMA-376 part 1, 22.1)."""

import re
from collections.abc import Callable
from typing import Any, Final

from ingest.load.markup import attribute, child, children, local

SYMBOLS: Final = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon", "θ": r"\theta", "λ": r"\lambda",
    "μ": r"\mu", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\phi", "ω": r"\omega",
    "Δ": r"\Delta", "Σ": r"\Sigma", "Ω": r"\Omega", "∞": r"\infty", "±": r"\pm", "×": r"\times", "÷": r"\div",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "→": r"\rightarrow", "∈": r"\in", "∂": r"\partial",
    "∇": r"\nabla", "⋅": r"\cdot", "∩": r"\cap", "∪": r"\cup", "∧": r"\wedge", "…": r"\ldots", "√": r"\sqrt{}",
}  # fmt: skip
OPERATORS: Final = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap",
    "": r"\int",
}  # fmt: skip
ACCENTS: Final = {"̂": r"\hat", "̃": r"\tilde", "̇": r"\dot", "̈": r"\ddot", "⃗": r"\vec", "̅": r"\overline"}
FUNCTIONS: Final = re.compile(
    r"(?:sin|cos|tan|cot|sec|csc|log|ln|exp|lim|min|max|sup|inf|det|arc(?:sin|cos|tan))\Z"
)
DEEPEST: Final = 60


def to_latex(element: Any, depth: int = 0) -> str:
    """Return an equation, or a part of one, as LaTeX."""
    if depth > DEEPEST:
        return "".join(element.itertext())
    name = local(element)
    if name == "t":
        return "".join(
            f"{SYMBOLS[letter]} " if letter in SYMBOLS else letter for letter in element.text or ""
        )
    if name in ("ctrlPr", "rPr", "argPr", "annotation") or name.endswith("Pr"):
        return ""
    rule = RULES.get(name)
    return rule(element, depth + 1) if rule else "".join(to_latex(inner, depth + 1) for inner in element)


def part(element: Any, name: str, depth: int) -> str:
    """Return one argument of a structure, "" where it is missing."""
    inner = child(element, name)
    return "" if inner is None else to_latex(inner, depth).strip()


def setting(element: Any, properties: str, name: str) -> str | None:
    """Return the value of a structure's property, None where it is not set."""
    found = child(element, properties, name)
    return None if found is None else attribute(found, "val") or ""


def fraction(element: Any, depth: int) -> str:
    top, bottom = part(element, "num", depth), part(element, "den", depth)
    if setting(element, "fPr", "type") == "noBar":
        return rf"\binom{{{top}}}{{{bottom}}}"
    return rf"\frac{{{top}}}{{{bottom}}}"


def scripts(element: Any, depth: int) -> str:
    below, above = part(element, "sub", depth), part(element, "sup", depth)
    low = f"_{{{below}}}" if below else ""
    high = f"^{{{above}}}" if above else ""
    return f"{part(element, 'e', depth)}{low}{high}"


def before(element: Any, depth: int) -> str:
    return (
        f"{{}}_{{{part(element, 'sub', depth)}}}^{{{part(element, 'sup', depth)}}}{part(element, 'e', depth)}"
    )


def root(element: Any, depth: int) -> str:
    degree = part(element, "deg", depth)
    return rf"\sqrt{f'[{degree}]' if degree else ''}{{{part(element, 'e', depth)}}}"


def large(element: Any, depth: int) -> str:
    mark = setting(element, "naryPr", "chr") or "∫"
    sign = OPERATORS.get(mark, SYMBOLS.get(mark, mark))
    below, above = part(element, "sub", depth), part(element, "sup", depth)
    limits = (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
    return f"{sign}{limits} {part(element, 'e', depth)}"


def brackets(element: Any, depth: int) -> str:
    begin, end = setting(element, "dPr", "begChr"), setting(element, "dPr", "endChr")
    mark = setting(element, "dPr", "sepChr") or "|"
    inner = mark.join(to_latex(one, depth).strip() for one in children(element, "e"))
    left, right = ("(" if begin is None else begin) or ".", (")" if end is None else end) or "."
    return rf"\left{escaped(left)}{inner}\right{escaped(right)}"


def escaped(bracket: str) -> str:
    return f"\\{bracket}" if bracket in "{}" else bracket


def function(element: Any, depth: int) -> str:
    name = part(element, "fName", depth)
    head = name.partition("_")[0].partition("^")[0]
    command = "\\" if FUNCTIONS.match(head) else ""
    return f"{command}{name}({part(element, 'e', depth)})"


def matrix(element: Any, depth: int) -> str:
    rows = (
        " & ".join(to_latex(cell, depth).strip() for cell in children(row, "e"))
        for row in children(element, "mr")
    )
    lines = r" \\ ".join(rows)
    return rf"\begin{{matrix}}{lines}\end{{matrix}}"


def stacked(element: Any, depth: int) -> str:
    return r" \\ ".join(to_latex(row, depth).strip() for row in children(element, "e"))


def accent(element: Any, depth: int) -> str:
    mark = ACCENTS.get(setting(element, "accPr", "chr") or "", r"\hat")
    return f"{mark}{{{part(element, 'e', depth)}}}"


def over(element: Any, depth: int) -> str:
    mark = r"\overline" if setting(element, "barPr", "pos") == "top" else r"\underline"
    return f"{mark}{{{part(element, 'e', depth)}}}"


def limit(sign: str) -> Callable[[Any, int], str]:
    return lambda element, depth: f"{part(element, 'e', depth)}{sign}{{{part(element, 'lim', depth)}}}"


RULES: Final[dict[str, Callable[[Any, int], str]]] = {
    "f": fraction, "sSup": scripts, "sSub": scripts, "sSubSup": scripts, "sPre": before, "rad": root, "nary": large,
    "d": brackets, "func": function, "m": matrix, "eqArr": stacked, "acc": accent, "bar": over,
    "limLow": limit("_"), "limUpp": limit("^"),
}  # fmt: skip
"""What becomes of each structure; what is not named here becomes what stands in it."""
