"""Families of Engineering, Science, Medicine and Agronomy."""

from __future__ import annotations

from builders.sources.demo.marks import (
    CHANGES_BACK,
    DAYS,
    HOURS,
    WEEKS,
    YEARS,
    numbered,
)
from builders.sources.demo.wording import Family

ENGINEERING = (
    Family(
        name="goods-lift",
        domain="Engineering",
        topic="movement of a lift",
        skeleton="running_total",
        things=(("floor", "floors"), ("level", "levels")),
        marks=(numbered("On call"), HOURS),
        says={
            "open": ("A lift stands at floor {n} of a tower", "A lift begins at floor {n}"),
            "up": ("{mark} it rises {n} {t}", "{mark} it climbs {n} {t}"),
            "down": ("{mark} it falls {n} {t}", "{mark} it sinks {n} {t}"),
            "ask": ("At which floor does the lift stand now?",),
        },
    ),
    Family(
        name="crane-load",
        domain="Engineering",
        topic="load limit of a crane",
        skeleton="budget",
        things=(("tonne", "tonnes"),),
        marks=(numbered("Beam"),),
        says={
            "open": ("A crane carries at most {n} {t}", "A barge is built for {n} {t}"),
            "load": ("{mark} weighs {n} {t}",),
            "ask": (
                "Loading ends before a beam that would be too heavy. How many {ts} are loaded?",
            ),
        },
    ),
    Family(
        name="cable-routes",
        domain="Engineering",
        topic="length of a cable",
        skeleton="alternatives",
        things=(("metre", "metres"), ("reel", "reels")),
        marks=(numbered("Cable"),),
        says={
            "then": (" and then ", " and after that "),
            "way": ("{mark} runs for {legs}", "{mark} needs {legs}"),
            "ask": ("How many {ts} does the shortest cable need?",),
        },
    ),
    Family(
        name="two-tanks",
        domain="Engineering",
        topic="levels of two tanks",
        skeleton="compare",
        things=(("litre", "litres"),),
        marks=(HOURS, DAYS),
        who=tuple(f"tank {letter}" for letter in "ABCDEFGHJK"),
        says={
            "open": ("At first {who} holds {n} {t}", "At the start {who} has {n} {t}"),
            "up": ("{mark} {n} {t} {are} pumped into {who}", "{mark} {who} receives {n} {t}"),
            "down": ("{mark} {n} {t} {are} drawn from {who}", "{mark} {who} leaks {n} {t}"),
            "ask": ("By how many {ts} do {who} and {other} differ?",),
        },
    ),
)

SCIENCE = (
    Family(
        name="bacteria-dish",
        domain="Science",
        topic="growth of colonies",
        skeleton="running_total",
        things=(("colony", "colonies"), ("cell", "cells")),
        marks=(HOURS, DAYS),
        says={
            "open": ("A dish holds {n} {t}", "Under the glass {who} counts {n} {t}"),
            "up": ("{mark} {n} {t} {are} added", "{mark} {n} {t} {are} seen"),
            "down": ("{mark} {n} {t} {are} removed", "{mark} {n} {t} {are} lost"),
            "double": ("{mark} their number doubles",),
            "halve": ("{mark} half of them die",),
            "ask": ("How many {ts} are in the dish?", "How many {ts} are there at last?"),
        },
    ),
    Family(
        name="thermometer",
        domain="Science",
        topic="temperature of a sample",
        skeleton="running_total",
        things=(("degree", "degrees"),),
        marks=(HOURS, numbered("In run")),
        says={
            "open": ("A sample is {n} {t} warm", "The thermometer shows {n} {t}"),
            "up": ("{mark} it warms {n} {t}", "{mark} it rises {n} {t}"),
            "down": ("{mark} it cools {n} {t}", "{mark} it falls {n} {t}"),
            "ask": ("How many {ts} does the thermometer show at last?",),
        },
    ),
    Family(
        name="mineral-weights",
        domain="Science",
        topic="weights of minerals",
        skeleton="relative",
        things=(("gram", "grams"),),
        marks=(numbered("Stone"),),
        says={
            "open": ("{mark} weighs {n} {t}",),
            "up": (
                "{mark} weighs {n} {t} more than the one before",
                "{mark} is {n} {t} heavier than the one before",
            ),
            "down": (
                "{mark} weighs {n} {t} less than the one before",
                "{mark} is {n} {t} lighter than the one before",
            ),
            "ask": ("How many {ts} does stone {last} weigh?",),
        },
    ),
    Family(
        name="crystal-layers",
        domain="Science",
        topic="layers of a crystal",
        skeleton="sequence",
        things=(("atom", "atoms"), ("ion", "ions")),
        says={
            "open": ("Layer one of a crystal has {n} {t}",),
            "up": ("Every next layer has {n} {t} more than the one before",),
            "term": ("Layer {nth}",),
            "ask": ("How many {ts} does layer {nth} have?",),
        },
    ),
)

MEDICINE = (
    Family(
        name="ward-beds",
        domain="Medicine",
        topic="patients on a ward",
        skeleton="running_total",
        things=(("patient", "patients"), ("child", "children")),
        marks=(DAYS, HOURS),
        says={
            "open": ("On the ward of nurse {who} lie {n} {t}", "Nurse {who} cares for {n} {t}"),
            "up": ("{mark} {n} {t} {are} admitted", "{mark} {n} {t} {are} brought in"),
            "down": ("{mark} {n} {t} {are} sent home", "{mark} {n} {t} {are} discharged"),
            "ask": ("How many {ts} are on the ward now?",),
        },
    ),
    Family(
        name="dose-times",
        domain="Medicine",
        topic="times of doses",
        skeleton="clock",
        things=(("hour", "hours"),),
        marks=(numbered("Dose"),),
        says={
            "open": ("{who} falls asleep at {n} o'clock", "The clinic opens at {n} o'clock"),
            "up": ("{mark} is given {n} {t} later", "{mark} follows after {n} {t}"),
            "ask": ("At what hour is the last dose given?",),
        },
    ),
    Family(
        name="tablet-boxes",
        domain="Medicine",
        topic="stock of a pharmacy",
        skeleton="packs",
        things=(("tablet", "tablets"), ("capsule", "capsules")),
        marks=(DAYS,),
        says={
            "open": ("The pharmacy has {n} loose {t}",),
            "pack": (
                "{mark} {who} stores {k} boxes of {n} {t}",
                "{mark} {who} adds {k} packs of {n} {t}",
            ),
            "ask": ("How many {ts} does the pharmacy have in all?",),
        },
    ),
    Family(
        name="high-pulse",
        domain="Medicine",
        topic="readings of a patient",
        skeleton="tally",
        things=(("fever point", "fever points"), ("pain point", "pain points")),
        marks=(HOURS, DAYS),
        says={
            "value": ("{mark} {who} has {n} {t}", "{mark} {who} reports {n} {t}"),
            "ask": ("How often does {who} have more than {n} {ts}?",),
        },
    ),
)

AGRONOMY = (
    Family(
        name="seed-jars",
        domain="Agronomy",
        topic="seed stock",
        skeleton="running_total",
        things=(("jar", "jars"), ("bag", "bags"), ("sack", "sacks")),
        marks=(DAYS, WEEKS),
        says={
            "open": ("{who} keeps {n} {t} of seed", "{who} owns {n} {t} of seed"),
            "up": ("{mark} {who} buys {n} {t}", "{mark} {who} fills {n} {t}"),
            "down": ("{mark} {who} sells {n} {t}", "{mark} {who} sows {n} {t}"),
            "ask": ("How many {ts} of seed does {who} have in the end?",),
        },
    ),
    Family(
        name="crop-rotation",
        domain="Agronomy",
        topic="crop rotation",
        skeleton="cycle",
        labels=("wheat", "beans", "barley", "clover"),
        marks=(YEARS, numbered("In season")),
        says={
            "open": (
                "A field rotates wheat, beans, barley and clover in this order "
                "and now bears {state}",
            ),
            "move 1": ("{mark} the farmer moves on by one crop",),
            "move 2": ("{mark} the farmer skips one crop",),
            "move 3": ("{mark} the farmer goes back by one crop",),
            "move 0": ("{mark} the farmer keeps the same crop",),
            "ask": ("Which crop does the field bear now?",),
        },
    ),
    Family(
        name="hay-barn",
        domain="Agronomy",
        topic="hay in a barn",
        skeleton="undo",
        things=(("bale", "bales"), ("load", "loads")),
        marks=(CHANGES_BACK,),
        says={
            "open": ("In the barn of {who} lie {n} {t} of hay now",),
            "up": (
                "{mark} brought {n} {t}",
                "{mark} added {n} {t}",
            ),
            "down": (
                "{mark} took {n} {t}",
                "{mark} removed {n} {t}",
            ),
            "ask": ("How many {ts} lay there before all this?",),
        },
    ),
    Family(
        name="seedling-trays",
        domain="Agronomy",
        topic="seedlings in a nursery",
        skeleton="packs",
        things=(("seedling", "seedlings"), ("sapling", "saplings")),
        marks=(DAYS,),
        says={
            "open": ("The nursery starts with {n} {t}",),
            "pack": (
                "{mark} {who} plants {k} rows of {n} {t}",
                "{mark} {who} sets {k} trays of {n} {t}",
            ),
            "ask": ("How many {ts} are there in all?",),
        },
    ),
)

NATURE = ENGINEERING + SCIENCE + MEDICINE + AGRONOMY
