"""Families of Philosophy, History, and Literature and Arts."""

from __future__ import annotations

from builders.sources.demo.marks import (
    CHANGES_BACK,
    DAYS,
    ROUNDS,
    WEEKS,
    YEARS,
    numbered,
)
from builders.sources.demo.wording import Family

PHILOSOPHY = (
    Family(
        name="double-negation",
        domain="Philosophy",
        topic="negation in logic",
        skeleton="cycle",
        labels=("true", "false"),
        marks=(numbered("Speaker"), numbered("Premise")),
        says={
            "open": ("A sentence is {state}", "{who} utters a sentence that is {state}"),
            "move 1": (
                "{mark} negates it",
                "{mark} reverses it",
            ),
            "move 0": (
                "{mark} repeats it",
                "{mark} keeps it",
            ),
            "ask": ("Is the sentence true or false now?",),
        },
    ),
    Family(
        name="debate-sides",
        domain="Philosophy",
        topic="a public debate",
        skeleton="transfer",
        things=(("listener", "listeners"), ("pupil", "pupils")),
        marks=(ROUNDS, numbered("After speech")),
        says={
            "open": ("In the debate {who} has {n} {t}", "{n} {t} side with {who}"),
            "move": ("{mark} {n} left {who} for {other}",),
            "gain": ("{mark} {n} turned to {who}",),
            "back": ("{mark} {n} joined {who} from {other}",),
            "ask": ("How many {ts} does {who} have now?",),
        },
    ),
    Family(
        name="regress",
        domain="Philosophy",
        topic="a regress of reasons",
        skeleton="sequence",
        things=(("reason", "reasons"), ("objection", "objections")),
        says={
            "open": ("Level one of an argument needs {n} {t}",),
            "up": ("Every next level needs {n} {t} more than the one before",),
            "term": ("Level {nth}",),
            "ask": ("How many {ts} does level {nth} need?",),
        },
    ),
    Family(
        name="academy",
        domain="Philosophy",
        topic="pupils of a school of thought",
        skeleton="running_total",
        things=(("pupil", "pupils"), ("sceptic", "sceptics"), ("stoic", "stoics")),
        marks=(YEARS, numbered("After lecture")),
        says={
            "open": ("The academy of {who} has {n} {t}", "{who} teaches {n} {t}"),
            "up": (
                "{mark} {n} joined",
                "{mark} {n} came",
            ),
            "down": (
                "{mark} {n} left",
                "{mark} {n} went",
            ),
            "ask": ("How many {ts} does {who} teach now?",),
        },
    ),
)

HISTORY = (
    Family(
        name="reigns",
        domain="History",
        topic="years of kings",
        skeleton="running_total",
        things=(("year", "years"),),
        marks=(numbered("Under king"), numbered("Under queen")),
        says={
            "open": (
                "A chronicle begins in year {n}",
                "A city is built in year {n}",
            ),
            "up": (
                "{mark} {n} passed",
                "{mark} {n} went by",
            ),
            "ask": ("In which year does the last reign end?",),
        },
    ),
    Family(
        name="coin-hoard",
        domain="History",
        topic="a buried hoard",
        skeleton="undo",
        things=(("coin", "coins"), ("ring", "rings")),
        marks=(CHANGES_BACK,),
        says={
            "open": ("The hoard that was found holds {n} {t}", "Diggers found {n} {t} in a pot"),
            "up": ("{mark} {n} came in",),
            "down": ("{mark} {n} went out",),
            "ask": ("How many {ts} were in it at the beginning?",),
        },
    ),
    Family(
        name="two-villages",
        domain="History",
        topic="hearths of two villages",
        skeleton="merge",
        things=(("house", "houses"), ("hearth", "hearths")),
        marks=(YEARS, numbered("Under abbot")),
        who=(
            "Aldham",
            "Birkby",
            "Corfe",
            "Denby",
            "Elton",
            "Fenwick",
            "Grimsby",
            "Holme",
            "Ilkley",
        ),
        says={
            "open": ("The old roll gives {who} {n} {t}", "The village of {who} has {n} {t}"),
            "up": (
                "{mark} {n} rose in {who}",
                "{mark} {n} appeared in {who}",
            ),
            "down": (
                "{mark} {n} burnt in {who}",
                "{mark} {n} vanished from {who}",
            ),
            "ask": ("How many {ts} do {who} and {other} have together?",),
        },
    ),
    Family(
        name="dynasty",
        domain="History",
        topic="lengths of reigns",
        skeleton="relative",
        things=(("year", "years"),),
        marks=(numbered("For king"),),
        says={
            "open": ("King one on the list ruled {n} {t}",),
            "up": ("{mark} {n} more {are} told than before",),
            "down": ("{mark} {n} less {are} told than before",),
            "ask": ("How many {ts} did number {last} rule?",),
        },
    ),
)

LITERATURE = (
    Family(
        name="growing-poem",
        domain="Literature and Arts",
        topic="metre of a poem",
        skeleton="sequence",
        things=(("syllable", "syllables"), ("word", "words")),
        says={
            "open": ("Line one of a poem has {n} {t}",),
            "up": ("Every next line has {n} {t} more than the one before",),
            "term": ("Line {nth}",),
            "ask": ("How many {ts} does line {nth} have?",),
        },
    ),
    Family(
        name="gallery-wall",
        domain="Literature and Arts",
        topic="pictures in a gallery",
        skeleton="running_total",
        things=(("picture", "pictures"), ("print", "prints"), ("mask", "masks")),
        marks=(DAYS, WEEKS),
        says={
            "open": ("The gallery of {who} shows {n} {t}", "On the wall of {who} hang {n} {t}"),
            "up": (
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} went out",
                "{mark} {n} left",
            ),
            "ask": ("How many {ts} does {who} show now?",),
        },
    ),
    Family(
        name="concert-programme",
        domain="Literature and Arts",
        topic="choice of a programme",
        skeleton="alternatives",
        things=(("minute", "minutes"),),
        marks=(numbered("In programme"),),
        says={
            "way": (
                "{mark} {n} passed",
                "{mark} {n} went by",
            ),
            "ask": ("How many {ts} does the shortest programme last?",),
        },
    ),
    Family(
        name="choir-voices",
        domain="Literature and Arts",
        topic="two choirs in one concert",
        skeleton="merge",
        things=(("singer", "singers"), ("player", "players")),
        marks=(numbered("After song"), DAYS),
        says={
            "open": ("The choir of {who} has {n} {t}", "{who} conducts {n} {t}"),
            "up": (
                "{mark} {n} joined {who}",
                "{mark} {n} came to {who}",
            ),
            "down": (
                "{mark} {n} left {who}",
                "{mark} {n} went from {who}",
            ),
            "ask": ("How many {ts} do {who} and {other} conduct together?",),
        },
    ),
)

CULTURE = PHILOSOPHY + HISTORY + LITERATURE
