"""The table of problem families; the number of a family is its cluster.

To add one, write an entry into the list of its field (see :mod:`.wording` for an example). New
families go to the end of POOL's last list if the numbers of the older ones are to stay.
"""

from __future__ import annotations

from builders.sources.demo.families_culture import CULTURE
from builders.sources.demo.families_nature import NATURE
from builders.sources.demo.families_society import SOCIETY
from builders.sources.demo.families_unseen import UNSEEN
from builders.sources.demo.wording import Family

POOL: tuple[Family, ...] = SOCIETY + NATURE + CULTURE
FAMILIES: tuple[Family, ...] = POOL + UNSEEN
