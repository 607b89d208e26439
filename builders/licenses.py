"""What the licences of the sources, taken together, allow.

    >>> licensing(["apache-2.0", "CC BY-NC 4.0"])
    Licensing(ids=['apache-2.0', 'cc-by-nc-4.0'], unknown=[], no_commerce=['cc-by-nc-4.0'],
              no_derivatives=[], clashes=[])

The rules are ours, not a lawyer's: a release is a derivative of its sources, which it selects,
labels and puts into another form; all of them have to allow that, in terms that can be met at once.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

# Identifiers of the Hub's that sources of reasoning data use; any other is published as "other".
_PERMISSIVE = (
    "apache-2.0",
    "mit",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "isc",
    "unlicense",
    "cc0-1.0",
    "pddl",
    "odc-by",
    "zlib",
    "ecl-2.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cdla-permissive-1.0",
    "cdla-permissive-2.0",
)
_SHARE_ALIKE = (
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "odbl",
    "cdla-sharing-1.0",
    "gpl",
    "gpl-2.0",
    "gpl-3.0",
    "agpl-3.0",
    "lgpl",
    "lgpl-3.0",
    "gfdl",
    "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
)
_OTHERS = (
    "cc-by-nc-2.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nd-4.0",
    "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
    "openrail",
    "llama2",
    "llama3",
    "llama3.1",
    "llama3.2",
    "llama3.3",
    "gemma",
)
_KNOWN = {*_PERMISSIVE, *_SHARE_ALIKE, *_OTHERS}
_NO_COMMERCE = re.compile(r"(^|-)nc(-|$)")
_NO_DERIVATIVES = re.compile(r"(^|-)nd(-|$)")
_UNKNOWN = ("unknown", "", "none", "other", "n/a")


class Licensing(NamedTuple):
    """The licences of a release's sources, and what stands in the way of sharing it."""

    ids: list[str]
    unknown: list[str]
    no_commerce: list[str]
    no_derivatives: list[str]
    clashes: list[tuple[str, str]]

    @property
    def metadata(self) -> dict[str, Any]:
        """The fields of the card: identifiers of the Hub's, never one that no source named."""
        ids = list(dict.fromkeys(i if i in _KNOWN or i == "unknown" else "other" for i in self.ids))
        fields: dict[str, Any] = {"license": ids[0] if len(ids) == 1 else ids}
        if "other" in ids:
            names = " and ".join(i for i in self.ids if i not in _KNOWN)
            # It comes from data: nothing but what the name of a licence is made of.
            fields["license_name"] = re.sub(r"[^a-z0-9 .+-]+", "", names)[:100].strip() or "other"
        return fields

    @property
    def obstacles(self) -> list[str]:
        """Why these rows should not be shared without a decision; empty if nothing is known."""
        return [
            *(f"the licence of some rows is not known ('{name}')" for name in self.unknown),
            *(f"{name} forbids derivatives" for name in self.no_derivatives),
            *(f"{a} and {b} cannot both be met" for a, b in self.clashes),
        ]


def licensing(licenses: Iterable[str]) -> Licensing:
    """Judge the licences of all sources together."""
    ids = sorted({_identifier(license) for license in licenses})
    share_alike = [i for i in ids if i in _SHARE_ALIKE]
    no_commerce = [i for i in ids if _NO_COMMERCE.search(i)]
    clashes = {
        (one, other)
        for one in share_alike
        for other in {*share_alike, *no_commerce} - {one}
        # What must be shared alike takes no further terms, unless its own forbid commerce too.
        if other in share_alike or one not in no_commerce
    }
    return Licensing(
        ids,
        [i for i in ids if i in _UNKNOWN],
        no_commerce,
        [i for i in ids if _NO_DERIVATIVES.search(i)],
        sorted({(min(pair), max(pair)) for pair in clashes}),
    )


def _identifier(license: str) -> str:
    """The identifier that the Hub has for a licence, where its spelling tells."""
    words = re.sub(r"[\s_/]+", "-", license.strip().lower())
    words = re.sub(r"^(the-)?|-(license|licence|international)$", "", words)
    words = {"apache-2": "apache-2.0", "apache-license-2.0": "apache-2.0", "cc0": "cc0-1.0"}.get(
        words, words
    )
    return words or "unknown"
