"""Errors that a user can mend: what is wrong, the value, the choices, the fix.

    NTError                    every error below; the command line prints it and exits with 2
    ├── BadSource              a file or Hub data set cannot be read
    │   ├── UnknownLayout      its columns are not recognised
    │   └── CutOff             the connection to it ended before its rows did
    ├── BadOption              an option's value cannot be used
    ├── BadPool                a folder is not a pool, or its shards contradict each other
    │   └── MissingColumn      a selector needs an annotation that the pool does not have
    ├── UnknownConfig          no config has this name
    ├── PoolTooSmall           a config promises more rows than are eligible
    ├── BadRelease             a folder is not a release, or cannot be replaced by one
    │   └── ChangedByHand      files of a release are not what its build wrote
    ├── DiskFull               there is no room to write
    ├── Busy                   another process is writing to this folder
    ├── Found                  published text holds what looks like a secret or an address
    ├── NotFinite              a student gives a token no probability
    ├── EndpointError          a model server does not do what was asked
    └── HubError               the Hub does not do what was asked
        ├── Unreachable        it cannot be reached, or failed again and again
        ├── Refused            the token is not accepted, or may not do this
        ├── NotOnHub           there is no such data set, release or file
        └── Conflict           somebody else changed it meanwhile

Anything else that escapes is a bug of ours and keeps its traceback.
"""


class NTError(Exception):
    """An error whose message is meant for the user."""


class BadSource(NTError):
    """A file or Hub data set cannot be read."""


class UnknownLayout(BadSource):
    """The columns of a source are not recognised."""


class CutOff(BadSource):
    """The connection to a source ended before its rows did; those that came are good."""


class BadOption(NTError):
    """An option's value cannot be used."""


class BadPool(NTError):
    """A folder is not a pool, or its shards contradict each other."""


class MissingColumn(BadPool):
    """A selector needs an annotation that the pool does not have."""


class UnknownConfig(NTError):
    """No config has this name."""


class PoolTooSmall(NTError):
    """A config promises more rows than are eligible."""


class BadRelease(NTError):
    """A folder is not a release, or cannot be replaced by one."""


class ChangedByHand(BadRelease):
    """Files of a release are not what its build wrote."""


class DiskFull(NTError):
    """There is no room to write."""


class Busy(NTError):
    """Another process is writing to this folder."""


class Found(NTError):
    """Published text holds what looks like a secret or an address.

    Attributes:
        findings: where, one a line; never what.
    """

    def __init__(self, message: str, findings: list[str]) -> None:
        super().__init__(message)
        self.findings = findings


class NotFinite(NTError):
    """A student gives a token no probability: NaN, or 0, whose logarithm is no number."""


class EndpointError(NTError):
    """A model server does not do what was asked; every reply that came is stored."""


class HubError(NTError):
    """The Hub does not do what was asked."""


class Unreachable(HubError):
    """The Hub cannot be reached, or failed again and again.

    Attributes:
        wait: for how many seconds it asked to be left alone; None if it did not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(HubError):
    """The token is not accepted, or may not do this."""


class NotOnHub(HubError):
    """There is no such data set, release or file."""


class Conflict(HubError):
    """Somebody else changed it meanwhile."""
