"""Families that never occur in the pool: the benchmark's split ``unseen``."""

from __future__ import annotations

from builders.sources.demo.marks import (
    CHANGES_BACK,
    DAYS,
    MONTHS,
    ROUNDS,
    WEEKS,
    YEARS,
    numbered,
)
from builders.sources.demo.wording import Family

UNSEEN = (
    Family(
        name="bee-hives",
        domain="Agronomy",
        topic="hives of a beekeeper",
        skeleton="running_total",
        things=(("hive", "hives"), ("swarm", "swarms")),
        marks=(WEEKS, MONTHS),
        says={
            "open": ("Beekeeper {who} tends {n} {t}",),
            "up": ("{mark} {who} catches {n} {t}", "{mark} {n} {t} {are} set up"),
            "down": ("{mark} {who} sells {n} {t}", "{mark} {n} {t} {are} killed by frost"),
            "ask": ("How many {ts} does {who} tend now?",),
        },
    ),
    Family(
        name="vaccine-fridge",
        domain="Medicine",
        topic="vaccines in a fridge",
        skeleton="undo",
        things=(("vial", "vials"), ("syringe", "syringes")),
        marks=(CHANGES_BACK,),
        says={
            "open": ("The fridge of doctor {who} holds {n} {t} now",),
            "up": (
                "{mark} brought {n} {t}",
                "{mark} added {n} {t}",
            ),
            "down": (
                "{mark} used {n} {t}",
                "{mark} took {n} {t}",
            ),
            "ask": ("How many {ts} did the fridge hold in the beginning?",),
        },
    ),
    Family(
        name="chess-ratings",
        domain="Education",
        topic="points in a chess club",
        skeleton="compare",
        things=(("point", "points"),),
        marks=(ROUNDS, numbered("In match")),
        says={
            "open": ("In the chess club {who} stands at {n} {t}",),
            "up": ("{mark} {who} gains {n} {t}",),
            "down": ("{mark} {who} drops {n} {t}",),
            "ask": ("How large is the gap between {who} and {other} in {ts}?",),
        },
    ),
    Family(
        name="caravan",
        domain="Economics",
        topic="load of a caravan",
        skeleton="budget",
        things=(("bundle", "bundles"),),
        marks=(numbered("Merchant"),),
        says={
            "open": ("The camels of a caravan bear at most {n} {t}",),
            "load": ("{mark} offers {n} {t}",),
            "ask": (
                "The caravan leaves before an offer that would be too much. "
                "How many {ts} does it bear?",
            ),
        },
    ),
    Family(
        name="lighthouse",
        domain="Military Science",
        topic="signals of a lighthouse",
        skeleton="cycle",
        labels=("red", "green", "white", "blue"),
        marks=(numbered("At bell"),),
        says={
            "open": ("A signal lamp goes through red, green, white and blue and shows {state}",),
            "move 1": ("{mark} the keeper moves on by one",),
            "move 2": ("{mark} the keeper skips one",),
            "move 3": ("{mark} the keeper turns back by one",),
            "move 0": ("{mark} the keeper leaves it alone",),
            "ask": ("Which colour does the lamp show now?",),
        },
    ),
    Family(
        name="expedition-boxes",
        domain="Science",
        topic="samples of an expedition",
        skeleton="packs",
        things=(("shell", "shells"), ("fossil", "fossils")),
        marks=(DAYS,),
        says={
            "open": ("The museum already owns {n} {t}",),
            "pack": ("{mark} {who} brings {k} drawers of {n} {t}",),
            "ask": ("How many {ts} does the museum own in the end?",),
        },
    ),
    Family(
        name="bridge-spans",
        domain="Engineering",
        topic="spans of bridges",
        skeleton="relative",
        things=(("metre", "metres"), ("step", "steps")),
        marks=(numbered("Bridge"),),
        says={
            "open": ("{mark} of the river spans {n} {t}",),
            "up": ("{mark} spans {n} {t} more than the one before",),
            "down": ("{mark} spans {n} {t} less than the one before",),
            "ask": ("How many {ts} does bridge {last} span?",),
        },
    ),
    Family(
        name="two-theatres",
        domain="Literature and Arts",
        topic="costumes of two theatres",
        skeleton="merge",
        things=(("costume", "costumes"), ("wig", "wigs")),
        marks=(YEARS, MONTHS),
        says={
            "open": ("The theatre of {who} stores {n} {t}",),
            "up": ("{mark} {who} sews {n} {t}",),
            "down": ("{mark} {who} loses {n} {t}",),
            "ask": ("How many {ts} do the theatres of {who} and {other} store together?",),
        },
    ),
)
