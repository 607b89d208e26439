"""What a problem is, and how it is worked out.

A problem is a list of lines; a line quotes one clause of the question and holds the operations that
the clause asks for. An operand is a number, or ``~k``: the result of operation number ``k``. So the
whole problem is a small program, and one interpreter, :func:`work`, serves everybody: the teacher,
the teacher's slips, the weaker second answerer and the tests.

    Line("Ada keeps 12 jars of seed", ())
    Line("On Monday Ada buys 4 more jars", (Op("+", 12, 4),))      # 12 + 4 = 16
    Line("On Tuesday Ada sells 9 jars", (Op("-", ~0, 9),))         # 16 - 9 = 7
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Op(NamedTuple):
    """One computing step. ``a`` and ``b`` are numbers, or ``~k`` for the result of operation k."""

    kind: str  # a key of KINDS
    a: int
    b: int
    m: int = 0  # the third number of some kinds: a modulus, a limit, a threshold
    tag: str = ""  # said before the statement where one clause has several: "Ada"


class Line(NamedTuple):
    """A clause without its full stop, and the operations that it asks for."""

    clause: str
    ops: tuple[Op, ...] = ()
    said: bool = True  # the question says it; otherwise only the reasoning does


class Problem(NamedTuple):
    """A question with the program that solves it."""

    lines: tuple[Line, ...]
    ask: str
    operands: tuple[int, ...]  # what makes it this problem, whatever the wording
    labels: tuple[str, ...] = ()  # names of the values, where values are not numbers

    @property
    def question(self) -> str:
        """The text of the question."""
        return " ".join([*(line.clause + "." for line in self.lines if line.said), self.ask])

    def show(self, value: int) -> str:
        """A value as text."""
        return self.labels[value] if self.labels else str(value)


class Done(NamedTuple):
    """An operation that was carried out."""

    number: int  # which operation of the problem it is
    line: int
    op: Op
    a: int  # the operands' values
    b: int
    value: int
    text: str  # "12 + 4 = 16"
    stops: bool  # nothing after it is needed


class Kind(NamedTuple):
    """A kind of operation: its value, the value a slip leads to, its statement, and its stop."""

    value: Callable[[int, int, int], int]
    slip: Callable[[int, int, int, int], int]  # (a, b, m, delta); equals value where delta is 0
    text: Callable[[int, int, int, int, tuple[str, ...]], str]  # (a, b, m, value, labels)
    stops: Callable[[int, int, int, int], bool] = lambda a, b, m, value: False


def _plain(sign: str, value: Callable[[int, int, int], int]) -> Kind:
    """An arithmetic operation, written ``a sign b = value``."""
    return Kind(
        value,
        lambda a, b, m, delta: max(value(a, b, m) + delta, 0),
        lambda a, b, m, c, labels: f"{a} {sign} {b} = {c}",
    )


def _clock(a: int, b: int, m: int) -> int:
    return a + b - m if a + b > m else a + b


def _clock_text(a: int, b: int, m: int, value: int, labels: tuple[str, ...]) -> str:
    if a + b > m:
        return f"{a} + {b} = {a + b}, and {a + b} - {m} = {value}"
    return f"{a} + {b} = {value}"


def _count_text(a: int, b: int, m: int, value: int, labels: tuple[str, ...]) -> str:
    if value > a:
        return f"{b} is more than {m}, so {a} + 1 = {value}"
    return f"{b} is not more than {m}, so still {value}"


def _load_text(a: int, b: int, m: int, value: int, labels: tuple[str, ...]) -> str:
    if value == a:
        return f"{a} + {b} = {a + b}, limit {m}, too much, so it stays {a}"
    return f"{a} + {b} = {value}, limit {m}, it fits"


KINDS: Mapping[str, Kind] = {
    "+": _plain("+", lambda a, b, m: a + b),
    "-": _plain("-", lambda a, b, m: a - b),
    "*": _plain("*", lambda a, b, m: a * b),
    "/": _plain("/", lambda a, b, m: a // b),
    # the difference of two results, whichever is larger
    "gap": Kind(
        lambda a, b, m: abs(a - b),
        lambda a, b, m, delta: max(abs(a - b) + delta, 0),
        lambda a, b, m, c, labels: f"{max(a, b)} - {min(a, b)} = {c}",
    ),
    "min": Kind(
        lambda a, b, m: min(a, b),
        lambda a, b, m, delta: max(a, b) if delta else min(a, b),
        lambda a, b, m, c, labels: f"of {a} and {b} the smaller is {c}",
    ),
    # hours on a clock that shows 1 to m
    "clock": Kind(
        _clock, lambda a, b, m, delta: (_clock(a, b, m) + delta - 1) % m + 1, _clock_text
    ),
    # one more for a value b above the threshold m
    "count": Kind(
        lambda a, b, m: a + (b > m),
        lambda a, b, m, delta: a + ((b > m) != bool(delta)),
        _count_text,
    ),
    # a load b comes on top of a, unless the limit m is passed: then nothing more is loaded
    "load": Kind(
        lambda a, b, m: a + b if a + b <= m else a,
        lambda a, b, m, delta: max(a + b + delta, a + 1) if a + b <= m else a,
        _load_text,
        lambda a, b, m, value: value == a,
    ),
    # a result once more, where it is not the last one that is asked; no step of its own
    "=": Kind(lambda a, b, m: a, lambda a, b, m, delta: a, lambda a, b, m, c, labels: str(c)),
    # b places on in a cycle of m named states
    "turn": Kind(
        lambda a, b, m: (a + b) % m,
        lambda a, b, m, delta: (a + b + delta) % m,
        lambda a, b, m, c, labels: f"{labels[a]} to {labels[c]}",
    ),
}


def work(problem: Problem, slips: Mapping[int, int] | None = None) -> list[Done]:
    """Carry out a problem's operations, in order; the last value is the answer.

    Args:
        problem: The problem.
        slips: The number of an operation, and by how much its result goes wrong.
    """
    done: list[Done] = []
    values: list[int] = []
    for at, line in enumerate(problem.lines):
        for op in line.ops:
            number = len(done)
            a = values[~op.a] if op.a < 0 else op.a
            b = values[~op.b] if op.b < 0 else op.b
            kind = KINDS[op.kind]
            if slips and number in slips:
                value = kind.slip(a, b, op.m, slips[number])
            else:
                value = kind.value(a, b, op.m)
            text = kind.text(a, b, op.m, value, problem.labels)
            stops = kind.stops(a, b, op.m, value)
            tagged = f"{op.tag} {text}" if op.tag else text
            done.append(Done(number, at, op, a, b, value, tagged, stops))
            values.append(value)
            if stops:
                return done
    return done
