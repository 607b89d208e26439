"""Names, and the marks that tell the clauses of a question apart.

Every clause opens with a mark of its own, and every mark ends with a number in words, which stands
at most two words before the clause's number: "On day two Ada buys 7 jars". So there are 20 words
that a small student has to look up to find its place in a question, and what it looks for is near
them. With weekdays, colours or ordinals, or more words in between, it did not learn to in minutes.
"""

from __future__ import annotations

NAMES = (
    "Ada", "Ben", "Cleo", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Liam", "Mona", "Nils", "Olga", "Pavel", "Rosa", "Samir", "Tara", "Umar", "Vera", "Wanda",
    "Yusuf", "Zoe",
)  # fmt: skip

COUNTS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip


def numbered(words: str) -> tuple[str, ...]:
    """``In week`` to ``In week one``, ``In week two`` and so on."""
    return tuple(f"{words} {count}" for count in COUNTS)


HOURS = numbered("In hour")
DAYS = numbered("On day")
WEEKS = numbered("In week")
MONTHS = numbered("In month")
YEARS = numbered("In year")
ROUNDS = numbered("In round")
TIMES = (HOURS, DAYS, WEEKS, MONTHS, YEARS, ROUNDS)
CHANGES_BACK = numbered("Counting back, at change")
