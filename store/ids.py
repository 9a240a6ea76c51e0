"""Ids and times, as text that sorts by age on both databases."""

import secrets
import threading
import time
from datetime import UTC, datetime

from contracts.errors import BadRequest

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26


class _Sequence:
    """128-bit numbers, 48 bits of milliseconds before 80 of chance, rising within the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        with self._lock:
            self._last = fresh if fresh > self._last else self._last + 1 + secrets.randbits(32)
            return self._last


_sequence = _Sequence()


def id_for(prefix: str) -> str:
    """Return a new id such as `conv_01k9…`: 26 base-32 digits that sort by the time they were made.

    Layout: UUIDv7's timestamp first (RFC 9562, section 5.7), spelt in Crockford's base 32.
    """
    value = _sequence.next()
    digits = [_DIGITS[(value >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def to_time(moment: datetime) -> str:
    """Return the moment as `2026-01-31T09:05:00.000000Z`; always 27 characters, so text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def now() -> str:
    """Return the present time, spelt as `to_time` does."""
    return to_time(datetime.now(UTC))


def time_of(text: str) -> str:
    """Return a person's ISO-8601 time spelt as `to_time` does; without a zone it is UTC.

    Raises BadRequest where it is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
        return to_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        example = "2026-01-31T09:00:00Z"
        raise BadRequest(
            f"{text[:40]!r} is not a time. Write it as ISO 8601, for example {example}."
        ) from None
