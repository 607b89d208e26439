"""Base URLs and their keys: a key goes to the host that it was given for, and nowhere else."""

import urllib.parse
from collections.abc import Mapping, Sequence

from builders.errors import BadOption


def addresses(
    urls: Sequence[str], key_names: Sequence[str], environment: Mapping[str, str]
) -> dict[str, str | None]:
    """Each base URL with its key, or None.

    Args:
        urls: as they were given.
        key_names: names of environment variables that hold keys, each as `NAME` where all URLs are
            of one host, else as `HOST=NAME`.
        environment: where the variables are looked up.

    Raises:
        BadOption: an address is none, a variable is not set, or it is not clear whose a key is.
    """
    hosts = dict(map(_checked, urls))
    keys: dict[str, str] = {}
    for given in key_names:
        named, equals, name = given.rpartition("=")
        if not equals and len(set(hosts.values())) > 1:
            raise BadOption(
                f"--api-key-env {given}: the base URLs are of several hosts; say whose key it is: "
                f"--api-key-env {next(iter(hosts.values()))}={given}"
            )
        host = named or next(iter(hosts.values()))
        if host not in hosts.values():
            raise BadOption(
                f"--api-key-env {given}: no base URL is of the host '{host}'; "
                f"there are {', '.join(sorted(set(hosts.values())))}"
            )
        if not environment.get(name, "").strip():
            raise BadOption(f"--api-key-env {given}: the environment variable '{name}' is not set")
        keys[host] = environment[name].strip()
        if not all("!" <= character <= "~" for character in keys[host]):
            raise BadOption(
                f"--api-key-env {given}: the environment variable '{name}' is no key: it has a "
                "space, a line break, or a character that no header can hold"
            )
    return {url: keys.get(host) for url, host in hosts.items()}


def _checked(url: str) -> tuple[str, str]:
    """A base URL, and its host."""
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  # raises where it is no number, or too large
    except ValueError as error:
        raise BadOption(  # not what was given: a key may stand in it
            "--base-url: no address: its port is no number up to 65535, or a bracket is missing; "
            "write it as http://host:port or https://host/path"
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadOption(f"--base-url {url}: write it as http://host:port or https://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadOption(
            f"--base-url http://{parts.hostname}…: a key does not belong into an address, which is "
            "written into messages; give it with --api-key-env NAME"
        )
    return url.rstrip("/"), parts.hostname
