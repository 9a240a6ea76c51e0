"""What tokens cost. One's own hardware is free until the table says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Price:
    """Prices for a million tokens, in the table's currency."""

    prompt: float = 0.0
    completion: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """The price of each model by name; a model that is not listed costs nothing."""

    table: Mapping[str, Price] = field(default_factory=dict[str, Price])

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of one call in the table's currency."""
        price = self.table.get(model, Price())
        return (price.prompt * prompt_tokens + price.completion * completion_tokens) / 1_000_000
