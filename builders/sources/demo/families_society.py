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
            "up": ("{mark} {who} earns {n} {t}", "{mark} {who} gets {n} {t}"),
            "down": ("{mark} {who} spends {n} {t}", "{mark} {who} pays {n} {t}"),
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
            "move": ("{mark} {who} sends {n} {t} to {other}",),
            "gain": ("{mark} {who} receives {n} {t} from a stranger",),
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
            "up": ("{mark} it earns {n} {t}", "{mark} it receives {n} {t}"),
            "down": ("{mark} it pays {n} {t}", "{mark} it spends {n} {t}"),
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
            "up": ("{mark} added {n} {t}",),
            "down": ("{mark} removed {n} {t}",),
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
            "up": ("{mark} {n} {t} {are} hired by {who}", "{mark} {who} hires {n} {t}"),
            "down": ("{mark} {n} {t} {are} sent away by {who}", "{mark} {who} loses {n} {t}"),
            "ask": ("How many {ts} do {who} and {other} have together?",),
        },
    ),
    Family(
        name="agenda",
        domain="Management",
        topic="meeting agenda",
        skeleton="budget",
        things=(("minute", "minutes"),),
        marks=(numbered("Point"), numbered("Speaker")),
        says={
            "open": ("A meeting may last {n} {t}", "The board has {n} {t} for its meeting"),
            "load": ("{mark} needs {n} {t}", "{mark} takes {n} {t}"),
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
            "up": ("{mark} {n} {t} {are} signed", "{mark} {n} {t} {are} added"),
            "down": ("{mark} {n} {t} {are} cancelled", "{mark} {n} {t} {are} finished"),
            "double": ("{mark} the number of {ts} doubles",),
            "halve": ("{mark} half of the {ts} are finished",),
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
            "up": ("{mark} {n} {t} {are} filed", "{mark} {n} {t} {are} brought"),
            "down": ("{mark} {n} {t} {are} settled", "{mark} {n} {t} {are} withdrawn"),
            "ask": ("How many {ts} are still open?", "How many {ts} are left for the judge?"),
        },
    ),
    Family(
        name="statutes",
        domain="Law",
        topic="length of statutes",
        skeleton="relative",
        things=(("page", "pages"), ("clause", "clauses")),
        marks=(numbered("Act"),),
        says={
            "open": ("{mark} of the new code has {n} {t}",),
            "up": ("{mark} has {n} {t} more than the one before",),
            "down": ("{mark} has {n} {t} less than the one before",),
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
            "up": ("{mark} {who} works {n} {t}", "{mark} {who} adds {n} {t}"),
            "down": ("{mark} {who} strikes {n} {t}",),
            "ask": ("By how many {ts} do the bills of {who} and {other} differ?",),
        },
    ),
    Family(
        name="long-contracts",
        domain="Law",
        topic="review of contracts",
        skeleton="tally",
        things=(("clause", "clauses"), ("page", "pages")),
        marks=(numbered("Contract"),),
        says={
            "value": ("{mark} has {n} {t}",),
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
            "move": ("{mark} {who} loses {n} {t} to {other}",),
            "gain": ("{mark} {who} gains {n} {t} from abroad",),
            "ask": ("How many {ts} live in {who} now?",),
        },
    ),
    Family(
        name="family-ages",
        domain="Sociology",
        topic="ages in a family",
        skeleton="relative",
        things=(("year", "years"),),
        marks=(numbered("Child"),),
        says={
            "open": ("{mark} of the family is {n} {t} old",),
            "up": ("{mark} is {n} {t} older than the one before",),
            "down": ("{mark} is {n} {t} younger than the one before",),
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
            "up": ("{mark} it wins {n} {t}", "{mark} {n} {t} {are} admitted"),
            "down": ("{mark} it loses {n} {t}", "{mark} {n} {t} {are} sent away"),
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
            "up": ("{mark} {who} wins {n} {t}",),
            "down": ("{mark} {who} loses {n} {t}",),
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
            "up": ("{mark} {n} {t} {are} brought back", "{mark} {who} adds {n} {t}"),
            "down": ("{mark} {n} {t} {are} lent out", "{mark} {who} lends {n} {t}"),
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
            "up": ("{mark} {who} finds {n} {t}", "{mark} {who} gets {n} {t}"),
            "down": ("{mark} {who} loses {n} {t}", "{mark} {who} lends {n} {t}"),
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
            "up": ("{mark} {who} gains {n} {t}", "{mark} {who} scores {n} {t}"),
            "down": ("{mark} {who} loses {n} {t}",),
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
            "pack": ("{mark} there are {k} rows of {n} {t}",),
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
        marks=(numbered("At call"), numbered("At whistle")),
        says={
            "open": ("Soldier {who} faces {state}", "Recruit {who} stands facing {state}"),
            "move 1": ("{mark} {who} turns right",),
            "move 3": ("{mark} {who} turns left",),
            "move 2": ("{mark} {who} turns about",),
            "move 0": ("{mark} {who} stands still",),
            "ask": ("Which way does {who} face now?",),
        },
    ),
    Family(
        name="march-routes",
        domain="Military Science",
        topic="choice of a route",
        skeleton="alternatives",
        things=(("hour", "hours"), ("mile", "miles")),
        marks=(numbered("Route"),),
        says={
            "then": (" and then ",),
            "way": ("{mark} has {legs} of march",),
            "ask": ("How many {ts} does the shortest route have?",),
        },
    ),
    Family(
        name="sentry-watch",
        domain="Military Science",
        topic="change of guard",
        skeleton="clock",
        things=(("hour", "hours"),),
        marks=(numbered("Sentry"), numbered("Guard")),
        says={
            "open": ("The watch begins at {n} o'clock", "The camp sets its watch at {n} o'clock"),
            "up": ("{mark} stands for {n} {t}", "{mark} serves {n} {t}"),
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
            "up": ("{mark} {who} receives {n} {t}",),
            "down": ("{mark} {who} uses {n} {t}", "{mark} {who} loses {n} {t}"),
            "ask": ("How many {ts} do {who} and {other} have together?",),
        },
    ),
)

SOCIETY = ECONOMICS + MANAGEMENT + LAW + SOCIOLOGY + EDUCATION + MILITARY
