"""Tries again what an outage of the database keeps from being stored: an answer that was told is not lost to it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from contracts.errors import StoreUnavailable
from contracts.patience import STORE_S, patiently
from graph.failures import known

T = TypeVar("T")


async def until_stored(store: Callable[[], Awaitable[T]], patience: float = STORE_S) -> T:
    """Return what `store` returns, tried again while the database does not answer. Raises what is left in the end.

    An end that was not stored is told as an error; a sweep stores it later.
    """
    return await patiently(store, lambda error: isinstance(known(error), StoreUnavailable), patience)
