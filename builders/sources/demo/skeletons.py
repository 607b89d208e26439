"""The table of skeletons: the structures of problems, apart from what they are about.

A skeleton says how a problem is drawn, which parts a family has to put into words, and what a
solver may say about this structure: a plan, how it splits, which cases there are, what it is like.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from builders.sources.demo import branches, chains
from builders.sources.demo.problems import Problem
from builders.sources.demo.wording import Teller


class Skeleton(NamedTuple):
    """A structure of problems."""

    draw: Callable[[Teller, random.Random, int], Problem | None]  # (words, numbers, steps)
    parts: tuple[str, ...]  # what a family has to word; more is possible
    plan: str
    split: str
    cases: str
    analogy: str


_TOTAL = (
    "follow the changes in order and keep one total",
    "first where it starts, then the changes, one at a time",
    "what comes in is added, what goes out is taken away",
    "walking up and down a number line",
)

SKELETONS: Mapping[str, Skeleton] = {
    "running_total": Skeleton(chains.running_total, ("open", "ask"), *_TOTAL),
    "undo": Skeleton(
        chains.undo,
        ("open", "up", "down", "ask"),
        "start from what is there now and undo the changes one by one",
        "first what there is now, then each change undone",
        "what had come in is taken off, what had gone out is put back",
        "playing a film the other way round",
    ),
    "share": Skeleton(
        chains.share,
        ("open", "up", "down", "share", "ask"),
        "first find the total and then divide it",
        "first the changes, then the division",
        "what comes in is added, what goes out is taken away",
        "dealing a pack of cards at a table",
    ),
    "clock": Skeleton(
        chains.clock,
        ("open", "up", "ask"),
        "move the hand forward hour by hour and start again after 12",
        "first the hours up to 12, then what is left over",
        "up to 12 the hour stands, past 12 take 12 away",
        "turning the hand of a clock",
    ),
    "sequence": Skeleton(
        chains.sequence,
        ("open", "up", "term", "ask"),
        "write down one term after the other until the right one is reached",
        "first the rule, then the terms, one at a time",
        "the first term is given, every other one comes from the one before",
        "climbing stairs of equal height",
    ),
    "cycle": Skeleton(
        chains.cycle,
        ("open", "ask"),
        "write down the state after each clause",
        "first where it starts, then each clause on its own",
        "a clause may change the state or it may leave it",
        "going round a table with few seats",
    ),
    "relative": Skeleton(
        chains.relative,
        ("open", "up", "down", "ask"),
        "go from one to the next until the last one is reached",
        "first the one that is known, then each of the others",
        "more means add, less means take away",
        "walking along a chain, link by link",
    ),
    "compare": Skeleton(
        branches.compare,
        ("open", "up", "down", "ask"),
        "work out both results and then take the difference",
        "first the one side, then the other, then the difference",
        "the first side may be ahead or the second, and the smaller is taken from the larger",
        "reading two scales side by side",
    ),
    "merge": Skeleton(
        branches.merge,
        ("open", "up", "down", "ask"),
        "work out both results and then add them",
        "first the one side, then the other, then the sum",
        "what comes in is added, what goes out is taken away",
        "two streams that run into one river",
    ),
    "packs": Skeleton(
        branches.packs,
        ("open", "each", "pack", "ask"),
        "multiply for each clause and keep one total",
        "first each product, then the sum of the products",
        "packs are multiplied, loose ones are only added",
        "laying out rows of tiles",
    ),
    "alternatives": Skeleton(
        branches.alternatives,
        ("way", "ask"),
        "go through all of them and keep the smallest so far",
        "one comparison for each of them",
        "the new one may be smaller, then keep it, or larger, then leave it",
        "holding two sticks against each other",
    ),
    "budget": Skeleton(
        branches.budget,
        ("open", "load", "ask"),
        "add one after the other and stop at the limit",
        "first the sum so far, then the limit",
        "the sum may stay within the limit or pass it",
        "filling a cup up to the rim",
    ),
    "tally": Skeleton(
        branches.tally,
        ("value", "ask"),
        "look at each one and keep a count",
        "one question for each of them, yes or no",
        "it may be more, then it counts, or not, then it does not",
        "dropping beans into a jar",
    ),
    "transfer": Skeleton(
        branches.transfer,
        ("open", "move", "back", "gain", "ask"),
        "keep both totals and change them with each clause",
        "two totals, one for each side",
        "the one who gives has less, the one who takes has more",
        "pouring water between two jugs",
    ),
}
