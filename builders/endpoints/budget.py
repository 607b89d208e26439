"""Budgets that are never overdrawn: a request reserves the most that it can cost before it is sent.

What it did cost replaces the reservation. Where the server's template adds more to a text than we
allow for, the first replies tell, and every request that is out counts as so much more. Of a
request whose end is unknown (a time-out, a broken connection) nobody can say whether it was paid
for; its reservation stays, as `uncertain` tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

from builders.endpoints import Message

_EACH_MESSAGE = 64  # tokens that a chat template may add to a message, generously


class Spent(NamedTuple):
    """Tokens of a model: read by it, written by it, and perhaps paid for without a reply."""

    prompt: int = 0
    completion: int = 0
    uncertain_prompt: int = 0
    uncertain_completion: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def total(self) -> int:
        """All tokens, the uncertain ones too."""
        return sum(self)


class Prices(NamedTuple):
    """US dollars for a million tokens, in and out."""

    per_million_in: float = 0.0
    per_million_out: float = 0.0

    def cost(self, spent: Spent) -> float:
        """In US dollars, the uncertain tokens included."""
        inward = spent.prompt + spent.uncertain_prompt
        outward = spent.completion + spent.uncertain_completion
        return (inward * self.per_million_in + outward * self.per_million_out) / 1e6


class Budget:
    """What may still be spent, over all workers together and all runs before."""

    def __init__(
        self, spent: Spent, prices: Prices, *, tokens: int | None = None, usd: float | None = None
    ) -> None:
        self.spent = spent
        self.prices = prices
        self._tokens = tokens
        self._usd = usd
        self._reserved = Spent()
        self._out = 0
        self._surplus = 0  # the most tokens that a reply read beyond what was reserved for it

    def fits(self, most: Spent) -> bool:
        """Whether a request that costs at most this can be sent now."""
        surplus = Spent((self._out + 1) * self._surplus)
        all_of_it = self.spent.plus(self._reserved).plus(most).plus(surplus)
        return (self._tokens is None or all_of_it.total <= self._tokens) and (
            self._usd is None or self.prices.cost(all_of_it) <= self._usd
        )

    @property
    def nothing_reserved(self) -> bool:
        """Whether no request is out: what does not fit now never will."""
        return not any(self._reserved)

    def reserve(self, most: Spent) -> None:
        """A request is sent."""
        self._reserved = self._reserved.plus(most)
        self._out += 1

    def settle(self, most: Spent, actual: Spent) -> None:
        """A request has ended, and cost this."""
        self._reserved = Spent(*(a - b for a, b in zip(self._reserved, most, strict=True)))
        self.spent = self.spent.plus(actual)
        self._out -= 1
        self._surplus = max(self._surplus, actual.prompt - most.prompt)


def most_of(messages: Sequence[Message], max_tokens: int) -> Spent:
    """The most tokens that a request can cost: no tokenizer makes more tokens than bytes."""
    size = sum(len(message["content"].encode()) + _EACH_MESSAGE for message in messages)
    return Spent(size, max_tokens)
