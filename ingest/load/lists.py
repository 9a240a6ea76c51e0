"""The marks of list items: bullets, and numbers that go on level by level."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counter:
    """Numbers the items of one list."""

    numbers: dict[int, int] = field(default_factory=dict[int, int])
    """The last number by level."""

    def mark(self, level: int, *, numbered: bool, start: int = 1) -> str:
        """Return the next item's mark; deeper levels begin anew."""
        for deeper in [known for known in self.numbers if known > level]:
            del self.numbers[deeper]
        if not numbered:
            self.numbers.pop(level, None)
            return "- "
        self.numbers[level] = self.numbers.get(level, start - 1) + 1
        return f"{self.numbers[level]}. "
