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
            "up": ("{mark} {n} arrived",),
            "down": ("{mark} {n} died",),
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
            "up": ("{mark} {n} came in",),
            "down": ("{mark} {n} went out",),
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
            "up": ("{mark} {n} came to {who}",),
            "down": ("{mark} {n} slipped from {who}",),
            "ask": ("How large is the gap between {who} and {other} in {ts}?",),
        },
    ),
    Family(
        name="caravan",
        domain="Economics",
        topic="load of a caravan",
        skeleton="budget",
        things=(("bundle", "bundles"),),
        marks=(numbered("From merchant"),),
        says={
            "open": ("The camels of a caravan have limit {n} in {ts}",),
            "load": ("{mark} {n} followed",),
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
        marks=(numbered("Bell"),),
        says={
            "open": ("A signal lamp goes through red, green, white and blue and shows {state}",),
            "move 1": ("{mark} advances by one colour",),
            "move 2": ("{mark} skips one colour",),
            "move 3": ("{mark} reverses by one colour",),
            "move 0": ("{mark} keeps the same colour",),
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
            "pack": ("{mark} {k} drawers arrived",),
            "each": ("A drawer holds {n} {t}",),
            "ask": ("How many {ts} does the museum own in the end?",),
        },
    ),
    Family(
        name="bridge-spans",
        domain="Engineering",
        topic="spans of bridges",
        skeleton="relative",
        things=(("metre", "metres"), ("step", "steps")),
        marks=(numbered("For bridge"),),
        says={
            "open": ("Bridge one of the river spans {n} {t}",),
            "up": ("{mark} {n} more {are} noted than before",),
            "down": ("{mark} {n} less {are} noted than before",),
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
            "up": ("{mark} {n} came to {who}",),
            "down": ("{mark} {n} left {who}",),
            "ask": ("How many {ts} do the theatres of {who} and {other} store together?",),
        },
    ),
)
