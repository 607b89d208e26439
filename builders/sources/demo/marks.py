"""Names, and the marks that tell the clauses of a question apart.

Every clause opens with a mark of its own, and every mark is told from the others by one ordinal. So
there are 20 words that a small student has to look up to find its place in a question, instead of
some hundred, and it learns to (see docs/demo.md for what it did with weekdays, colours and names).
"""

from __future__ import annotations

NAMES = (
    "Ada", "Ben", "Cleo", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Liam", "Mona", "Nils", "Olga", "Pavel", "Rosa", "Samir", "Tara", "Umar", "Vera", "Wanda",
    "Yusuf", "Zoe",
)  # fmt: skip

ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip


def ordinal_marks(pattern: str) -> tuple[str, ...]:
    """``In the {} week`` to ``In the first week``, ``In the second week`` and so on."""
    return tuple(pattern.format(ordinal) for ordinal in ORDINALS)


HOURS = ordinal_marks("In the {} hour")
DAYS = ordinal_marks("On the {} day")
WEEKS = ordinal_marks("In the {} week")
MONTHS = ordinal_marks("In the {} month")
YEARS = ordinal_marks("In the {} year")
ROUNDS = ordinal_marks("In the {} round")
CHANGES_BACK = ordinal_marks("Counting back, the {} change")
