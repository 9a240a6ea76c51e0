"""The answerers that need no weights, as a host of the model pool."""

from collections.abc import Mapping
from typing import Final

from langchain_core.language_models import BaseChatModel

LIMIT: Final = 32_768
"""Tokens: holds all that retrieval returns; these answerers read passages one by one."""


class InProcessHost:
    """Serves chat models that are Python objects of this process, by name."""

    name = "this process"

    def __init__(self, models: Mapping[str, BaseChatModel]) -> None:
        self._models = models

    async def tags(self) -> frozenset[str]:
        """Return the names that are served."""
        return frozenset(f"{name}:latest" for name in self._models)

    def chat(self, model: str) -> BaseChatModel:
        """Return the model; raises KeyError for one that `tags` does not name."""
        return self._models[model.removesuffix(":latest")]

    async def continues(self, model: str) -> bool:
        """Return False: these answerers do not read what they wrote."""
        return False

    async def calls(self, model: str) -> bool:
        """Return False: they call no tools."""
        return False

    def repeats(self, model: str) -> bool:
        """Return True: the same passages give the same answer."""
        return True

    def limit(self, model: str) -> int:
        """Return the context in tokens; 0 for a model that is not served here."""
        return LIMIT if model.removesuffix(":latest") in self._models else 0
