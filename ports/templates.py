"""What a model on an Ollama host can do, as /api/show tells of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

MESSAGES: Final = re.compile(r"\.Messages\b")
LAST: Final = re.compile(r"\$last\b|len\s+\(slice\s+\$?\.Messages\b")
"""Of a template that treats the last message apart: it leaves the end of an assistant's turn off there."""


def goes_on(shown: Mapping[str, Any]) -> bool:
    """Tell whether a last message of the assistant's is gone on from, rather than closed before the model writes.

    A template without `.Messages` ends right behind `.Response`; one with it does so only where it looks for the last
    message. A model with a renderer does not use its template. Source: Ollama, template/template.go, Execute.
    """
    template = str(shown.get("template") or "")
    if not template or shown.get("renderer"):
        return False
    return not MESSAGES.search(template) or bool(LAST.search(template))


def calls_tools(shown: Mapping[str, Any]) -> bool:
    """Tell whether the model takes tools: Ollama refuses them for the others."""
    return "tools" in (shown.get("capabilities") or ())
