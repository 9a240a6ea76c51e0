"""The one small model that all tests share: loaded at the first question, closed when the tests end."""

import atexit
import functools
from typing import Any

from ports.llama import LlamaChat
from ports.weights import SMOLLM2, locate

LONG: dict[str, Any] = {"type": "array", "items": {"type": "integer"}, "minItems": 900}
"""A format whose answer takes the model many seconds: it cannot end early."""


@functools.cache
def small_model() -> LlamaChat:
    """Return SmolLM2 with two slots."""
    model = LlamaChat(path=locate(SMOLLM2), sha256=SMOLLM2.sha256, slots=2)
    atexit.register(model.close)
    return model
