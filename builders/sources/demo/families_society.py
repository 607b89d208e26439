"""Families of Economics, Management, Law, Sociology, Education and Military Science."""

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

ECONOMICS = (
    Family(
        name="market-purse",
        domain="Economics",
        topic="household money",
        skeleton="running_total",
        things=(("coin", "coins"), ("crown", "crowns"), ("dollar", "dollars")),
        marks=(DAYS, WEEKS),
        says={
            "open": ("{who} has {n} {t}", "{who} starts with {n} {t}"),
            "up": (
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} went out",
                "{mark} {n} disappeared",
            ),
            "ask": (
                "How many {ts} does {who} have in the end?",
                "How many {ts} are left with {who}?",
            ),
        },
    ),
    Family(
        name="two-traders",
        domain="Economics",
        topic="trade between two merchants",
        skeleton="transfer",
        things=(("coin", "coins"), ("token", "tokens")),
        marks=(DAYS, ROUNDS),
        says={
            "open": ("{who} holds {n} {t}", "{who} brings {n} {t} to the market"),
            "move": (
                "{mark} {n} left {who} for {other}",
                "{mark} {n} passed from {who} to {other}",
            ),
            "gain": ("{mark} {n} fell to {who}",),
            "back": (
                "{mark} {n} reached {who} from {other}",
                "{mark} {n} returned to {who} from {other}",
            ),
            "ask": ("How many {ts} does {who} hold now?", "With how many {ts} does {who} go home?"),
        },
    ),
    Family(
        name="profit-shares",
        domain="Economics",
        topic="division of profit",
        skeleton="share",
        things=(("crown", "crowns"), ("dollar", "dollars")),
        marks=(WEEKS, MONTHS),
        says={
            "open": ("The till of the bakery holds {n} {t}", "A small shop has {n} {t}"),
            "up": (
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} went out",
                "{mark} {n} left",
            ),
            "share": ("The money is divided equally among {n} partners",),
            "ask": ("How many {ts} does each partner get?",),
        },
    ),
    Family(
        name="price-history",
        domain="Economics",
        topic="price changes",
        skeleton="undo",
        things=(("cent", "cents"), ("dollar", "dollars")),
        marks=(CHANGES_BACK,),
        says={
            "open": ("A pound of tea now costs {n} {t}", "Today a loaf costs {n} {t}"),
            "up": ("{mark} {n} came on top",),
            "down": ("{mark} {n} fell away",),
            "ask": ("What was the price in {ts} before all this?",),
        },
    ),
)

MANAGEMENT = (
    Family(
        name="two-teams",
        domain="Management",
        topic="staff planning",
        skeleton="merge",
        things=(("clerk", "clerks"), ("worker", "workers"), ("driver", "drivers")),
        marks=(MONTHS, WEEKS),
        says={
            "open": ("The team of {who} has {n} {t}", "{who} leads {n} {t}"),
            "up": (
                "{mark} {n} joined {who}",
                "{mark} {n} came to {who}",
            ),
            "down": (
                "{mark} {n} left {who}",
                "{mark} {n} went from {who}",
            ),
            "ask": ("How many {ts} do {who} and {other} have together?",),
        },
    ),
    Family(
        name="agenda",
        domain="Management",
        topic="meeting agenda",
        skeleton="budget",
        things=(("minute", "minutes"),),
        marks=(numbered("At point"), numbered("With speaker")),
        says={
            "open": ("A meeting has limit {n} in {ts}",),
            "load": ("{mark} {n} passed",),
            "ask": (
                "The meeting ends before the one that would be too long. How many {ts} were used?",
            ),
        },
    ),
    Family(
        name="order-book",
        domain="Management",
        topic="order volume",
        skeleton="running_total",
        things=(("order", "orders"),),
        marks=(MONTHS, WEEKS),
        says={
            "open": ("The office of {who} has {n} open {t}", "{who} starts with {n} open {t}"),
            "up": (
                "{mark} {n} arrived",
                "{mark} {n} came in",
            ),
            "down": (
                "{mark} {n} vanished",
                "{mark} {n} went out",
            ),
            "double": ("{mark} all doubled",),
            "halve": ("{mark} half vanished",),
            "ask": ("How many open {ts} are there in the end?",),
        },
    ),
)

LAW = (
    Family(
        name="complaints",
        domain="Law",
        topic="pending complaints",
        skeleton="running_total",
        things=(("complaint", "complaints"), ("appeal", "appeals")),
        marks=(DAYS, MONTHS),
        says={
            "open": ("Judge {who} has {n} {t} to read", "{n} {t} {are} waiting for judge {who}"),
            "up": (
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} went away",
                "{mark} {n} fell away",
            ),
            "ask": ("How many {ts} are still open?", "How many {ts} are left for the judge?"),
        },
    ),
    Family(
        name="statutes",
        domain="Law",
        topic="length of statutes",
        skeleton="relative",
        things=(("page", "pages"), ("clause", "clauses")),
        marks=(numbered("For act"),),
        says={
            "open": ("Act one of the new code has {n} {t}",),
            "up": ("{mark} {n} more {are} written than before",),
            "down": ("{mark} {n} less {are} written than before",),
            "ask": ("How many {ts} does act {last} have?",),
        },
    ),
    Family(
        name="lawyer-hours",
        domain="Law",
        topic="hours of counsel",
        skeleton="compare",
        things=(("hour", "hours"),),
        marks=(DAYS, WEEKS),
        says={
            "open": ("Counsel {who} has noted {n} {t}", "The bill of {who} begins with {n} {t}"),
            "up": ("{mark} {n} came on for {who}",),
            "down": ("{mark} {n} fell away for {who}",),
            "ask": ("By how many {ts} do the bills of {who} and {other} differ?",),
        },
    ),
    Family(
        name="long-contracts",
        domain="Law",
        topic="review of contracts",
        skeleton="tally",
        things=(("clause", "clauses"), ("page", "pages")),
        marks=(numbered("In contract"),),
        says={
            "value": (
                "{mark} {n} stood",
                "{mark} {n} followed",
            ),
            "ask": (
                "How many of the contracts have more than {n} {ts}?",
                "A review is due above {n} {ts}. How many contracts are reviewed?",
            ),
        },
    ),
)

SOCIOLOGY = (
    Family(
        name="two-districts",
        domain="Sociology",
        topic="moves between districts",
        skeleton="transfer",
        things=(("family", "families"), ("household", "households")),
        marks=(YEARS, MONTHS),
        who=("Northside", "Southgate", "Oldtown", "Riverside", "Hilltop", "Eastfield", "Lakeview"),
        says={
            "open": ("In {who} live {n} {t}", "The district {who} counts {n} {t}"),
            "move": ("{mark} {n} left {who} for {other}",),
            "gain": ("{mark} {n} settled in {who}",),
            "back": ("{mark} {n} reached {who} from {other}",),
            "ask": ("How many {ts} live in {who} now?",),
        },
    ),
    Family(
        name="family-ages",
        domain="Sociology",
        topic="ages in a family",
        skeleton="relative",
        things=(("year", "years"),),
        marks=(numbered("For child"),),
        says={
            "open": ("Child one of the family is {n} {t} old",),
            "up": ("{mark} {n} more {are} counted than before",),
            "down": ("{mark} {n} less {are} counted than before",),
            "ask": (
                "How old is child {last}?",
                "What is the age of child {last}?",
            ),
        },
    ),
    Family(
        name="club-members",
        domain="Sociology",
        topic="membership of a club",
        skeleton="running_total",
        things=(("member", "members"),),
        marks=(YEARS, MONTHS),
        says={
            "open": ("A choir club has {n} {t}", "A village club begins with {n} {t}"),
            "up": (
                "{mark} {n} joined",
                "{mark} {n} entered",
            ),
            "down": (
                "{mark} {n} left",
                "{mark} {n} quit",
            ),
            "ask": ("How many {ts} does the club have now?", "How large is the club in {ts}?"),
        },
    ),
    Family(
        name="street-survey",
        domain="Sociology",
        topic="survey answers",
        skeleton="compare",
        things=(("vote", "votes"), ("voice", "voices")),
        marks=(ROUNDS, DAYS),
        says={
            "open": ("In the survey {who} has {n} {t}", "{who} starts the survey with {n} {t}"),
            "up": (
                "{mark} {n} joined {who}",
                "{mark} {n} came to {who}",
            ),
            "down": (
                "{mark} {n} left {who}",
                "{mark} {n} turned from {who}",
            ),
            "ask": ("By how many {ts} are {who} and {other} apart?",),
        },
    ),
)

EDUCATION = (
    Family(
        name="class-library",
        domain="Education",
        topic="class library",
        skeleton="running_total",
        things=(("book", "books"), ("atlas", "atlases"), ("reader", "readers")),
        marks=(DAYS, WEEKS),
        says={
            "open": ("The class of {who} owns {n} {t}", "On the shelf of {who} stand {n} {t}"),
            "up": (
                "{mark} {n} returned",
                "{mark} {n} came back",
            ),
            "down": (
                "{mark} {n} left",
                "{mark} {n} went out",
            ),
            "ask": ("How many {ts} are on the shelf now?",),
        },
    ),
    Family(
        name="pencil-groups",
        domain="Education",
        topic="school supplies",
        skeleton="share",
        things=(("pencil", "pencils"), ("notebook", "notebooks"), ("ruler", "rulers")),
        marks=(DAYS, numbered("In lesson")),
        says={
            "open": ("Teacher {who} has {n} {t}", "In the box of {who} lie {n} {t}"),
            "up": (
                "{mark} {n} came in",
                "{mark} {n} arrived",
            ),
            "down": (
                "{mark} {n} broke",
                "{mark} {n} vanished",
            ),
            "share": ("The rest is divided equally among {n} groups",),
            "ask": ("How many {ts} does each group get?",),
        },
    ),
    Family(
        name="quiz-points",
        domain="Education",
        topic="quiz scores",
        skeleton="compare",
        things=(("point", "points"), ("mark", "marks")),
        marks=(ROUNDS, numbered("After question")),
        says={
            "open": ("{who} enters the quiz with {n} {t}", "{who} has {n} {t} from last week"),
            "up": (
                "{mark} {n} fell to {who}",
                "{mark} {n} came to {who}",
            ),
            "down": (
                "{mark} {n} slipped from {who}",
                "{mark} {n} went from {who}",
            ),
            "ask": (
                "How many {ts} lie between {who} and {other}?",
                "By how many {ts} do {who} and {other} differ?",
            ),
        },
    ),
    Family(
        name="desk-rows",
        domain="Education",
        topic="seating in an exam",
        skeleton="packs",
        things=(("desk", "desks"), ("chair", "chairs"), ("seat", "seats")),
        marks=(numbered("In room"),),
        says={
            "open": ("In the hall there {are} {n} {t}",),
            "pack": ("{mark} {k} rows stood",),
            "each": ("A row has {n} {t}",),
            "ask": ("How many {ts} are there in all?",),
        },
    ),
)

MILITARY = (
    Family(
        name="compass-drill",
        domain="Military Science",
        topic="drill on the square",
        skeleton="cycle",
        labels=("north", "east", "south", "west"),
        marks=(numbered("Call"), numbered("Whistle")),
        says={
            "open": ("Soldier {who} faces {state}", "Recruit {who} stands facing {state}"),
            "move 1": ("{mark} right turn",),
            "move 3": ("{mark} left turn",),
            "move 2": ("{mark} about turn",),
            "move 0": ("{mark} no turn",),
            "ask": ("Which way does {who} face now?",),
        },
    ),
    Family(
        name="march-routes",
        domain="Military Science",
        topic="choice of a route",
        skeleton="alternatives",
        things=(("hour", "hours"), ("mile", "miles")),
        marks=(numbered("On route"),),
        says={
            "way": (
                "{mark} {n} passed",
                "{mark} {n} are walked",
            ),
            "ask": ("How many {ts} does the shortest route have?",),
        },
    ),
    Family(
        name="sentry-watch",
        domain="Military Science",
        topic="change of guard",
        skeleton="clock",
        things=(("hour", "hours"),),
        marks=(numbered("With sentry"), numbered("With guard")),
        says={
            "open": ("The watch begins at {n} o'clock", "The camp sets its watch at {n} o'clock"),
            "up": (
                "{mark} {n} passed",
                "{mark} {n} went by",
            ),
            "ask": ("At what hour does the last one leave?",),
        },
    ),
    Family(
        name="ration-stores",
        domain="Military Science",
        topic="supplies of two companies",
        skeleton="merge",
        things=(("ration", "rations"), ("crate", "crates"), ("tent", "tents")),
        marks=(DAYS, WEEKS),
        says={
            "open": ("Captain {who} has {n} {t}", "The company of {who} carries {n} {t}"),
            "up": (
                "{mark} {n} reached {who}",
                "{mark} {n} came to {who}",
            ),
            "down": (
                "{mark} {n} left {who}",
                "{mark} {n} went from {who}",
            ),
            "ask": ("How many {ts} do {who} and {other} have together?",),
        },
    ),
)

SOCIETY = ECONOMICS + MANAGEMENT + LAW + SOCIOLOGY + EDUCATION + MILITARY
