"""Families of Engineering, Science, Medicine and Agronomy."""

from __future__ import annotations

from builders.sources.demo.marks import (
    CHANGES_BACK,
    DAYS,
    HOURS,
    WEEKS,
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
            "up": (
                "{mark} {n} upwards",
                "{mark} {n} higher",
            ),
            "down": (
                "{mark} {n} downwards",
                "{mark} {n} lower",
            ),
            "ask": ("At which floor does the lift stand now?",),
        },
    ),
    Family(
        name="crane-load",
        domain="Engineering",
        topic="load limit of a crane",
        skeleton="budget",
        things=(("tonne", "tonnes"),),
        marks=(numbered("With beam"),),
        says={
            "open": (
                "A crane has limit {n} in {ts}",
                "A barge has limit {n} in {ts}",
            ),
            "load": (
                "{mark} {n} came up",
                "{mark} {n} followed",
            ),
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
        marks=(numbered("For cable"),),
        says={
            "way": (
                "{mark} {n} {are} used",
                "{mark} {n} {are} laid",
            ),
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
            "up": (
                "{mark} {n} entered {who}",
                "{mark} {n} came into {who}",
            ),
            "down": (
                "{mark} {n} left {who}",
                "{mark} {n} leaked from {who}",
            ),
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
            "up": (
                "{mark} {n} appeared",
                "{mark} {n} grew",
            ),
            "down": (
                "{mark} {n} died",
                "{mark} {n} vanished",
            ),
            "double": ("{mark} all doubled",),
            "halve": ("{mark} half died",),
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
            "up": (
                "{mark} {n} more",
                "{mark} {n} up",
            ),
            "down": (
                "{mark} {n} less",
                "{mark} {n} down",
            ),
            "ask": ("How many {ts} does the thermometer show at last?",),
        },
    ),
    Family(
        name="mineral-weights",
        domain="Science",
        topic="weights of minerals",
        skeleton="relative",
        things=(("gram", "grams"),),
        marks=(numbered("For stone"),),
        says={
            "open": ("Stone one weighs {n} {t}",),
            "up": (
                "{mark} {n} more {are} weighed than before",
                "{mark} {n} more {are} noted than before",
            ),
            "down": (
                "{mark} {n} less {are} weighed than before",
                "{mark} {n} less {are} noted than before",
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
            "up": (
                "{mark} {n} arrived",
                "{mark} {n} came in",
            ),
            "down": (
                "{mark} {n} left",
                "{mark} {n} went home",
            ),
            "ask": ("How many {ts} are on the ward now?",),
        },
    ),
    Family(
        name="dose-times",
        domain="Medicine",
        topic="times of doses",
        skeleton="clock",
        things=(("hour", "hours"),),
        marks=(numbered("Until dose"),),
        says={
            "open": ("{who} falls asleep at {n} o'clock", "The clinic opens at {n} o'clock"),
            "up": (
                "{mark} {n} passed",
                "{mark} {n} went by",
            ),
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
                "{mark} {k} boxes came",
                "{mark} {k} boxes arrived",
            ),
            "each": ("A box holds {n} {t}",),
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
            "value": (
                "{mark} {n} {are} felt",
                "{mark} {n} {are} noted",
            ),
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
            "up": (
                "{mark} {n} arrived",
                "{mark} {n} came in",
            ),
            "down": (
                "{mark} {n} left",
                "{mark} {n} went out",
            ),
            "ask": ("How many {ts} of seed does {who} have in the end?",),
        },
    ),
    Family(
        name="crop-rotation",
        domain="Agronomy",
        topic="crop rotation",
        skeleton="cycle",
        labels=("wheat", "beans", "barley", "clover"),
        marks=(numbered("Year"), numbered("Season")),
        says={
            "open": (
                "A field rotates wheat, beans, barley and clover in this order "
                "and now bears {state}",
            ),
            "move 1": ("{mark} advances by one crop",),
            "move 2": ("{mark} skips one crop",),
            "move 3": ("{mark} reverses by one crop",),
            "move 0": ("{mark} keeps the same crop",),
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
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} went out",
                "{mark} {n} left",
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
                "{mark} {k} trays came",
                "{mark} {k} trays arrived",
            ),
            "each": ("A tray holds {n} {t}",),
            "ask": ("How many {ts} are there in all?",),
        },
    ),
)

NATURE = ENGINEERING + SCIENCE + MEDICINE + AGRONOMY
