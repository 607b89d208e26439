"""What models are asked, as text files with a version in their name.

    plain-1.txt            {question}
    think-tags-1.txt       {question}, and a request to think between <think> and </think>
    judges/domain-1.txt    what a judge is asked about a question; judges/ has one for each task

A text that has been used is never changed: it gets the next number. The name and a hash of the text
are part of the key of every reply.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from builders.errors import BadOption
from builders.ids import content_id

_FOLDER = Path(__file__).parent
_PLACE = re.compile(r"\{([a-z]+)\}")


class Prompt(NamedTuple):
    """A template with `{question}` in it, and what replies are stored under."""

    name: str
    text: str

    @property
    def hash(self) -> str:
        """A hash of the text."""
        return content_id(self.text)

    def about(self, question: str) -> str:
        """The text for a question. Nothing in the question is taken for a placeholder."""
        return self.text.replace("{question}", question)


class JudgePrompt(NamedTuple):
    """What a judge is asked, with places for the texts of a row; and how it is asked once more.

    `show` makes of a text, and the bytes that it may have, what stands in its place.
    """

    name: str
    text: str
    correction: str
    show: Callable[[str, int], str]

    @property
    def hash(self) -> str:
        """A hash of both texts."""
        return content_id(self.text, self.correction)

    def about(self, texts: Mapping[str, str], *, room: int) -> str:
        """The text about a row. Nothing in the row's texts is taken for a placeholder.

        Args:
            texts: by the name of their place. Each gets an equal share of the room at least, and
                what the others do not need, so that two answers are cut alike in either order.
            room: bytes for all of them.
        """
        sizes = [len(text.encode()) for text in texts.values()]
        left, shown = room, {}
        for number, (place, text) in enumerate(texts.items()):
            share = max(left // (len(sizes) - number), left - sum(sizes[number + 1 :]))
            shown[place] = self.show(text, share)
            left -= min(share, sizes[number])
        return _PLACE.sub(lambda match: shown.get(match[1], match[0]), self.text)


def load_prompt(name: str) -> Prompt:
    """One of ours, the newest of its name, or a text file.

    Raises:
        BadOption: there is none, or it does not say where the question goes.
    """
    stem, text = _read(_FOLDER, name)
    _check_places(name, text, ["question"])
    return Prompt(stem, text)


def load_judge_prompt(
    name: str,
    *,
    lists: Mapping[str, str],
    places: Sequence[str],
    show: Callable[[str, int], str],
) -> JudgePrompt:
    """What a judge is asked: one of ours, the newest of its name, or a text file.

    Args:
        name: of the text.
        lists: our lists, by the name of their place, if the text has it.
        places: of the row's texts; the text has each of them once.
        show: see `JudgePrompt`.

    Raises:
        BadOption: there is none, or a place is missing.
    """
    stem, text = _read(_FOLDER / "judges", name)
    _check_places(name, text, places)
    filled = _PLACE.sub(lambda match: lists.get(match[1], match[0]), text)
    correction = _read(_FOLDER / "judges", "correction")[1]
    return JudgePrompt(stem, filled, correction, show)


def _read(folder: Path, name: str) -> tuple[str, str]:
    versions: dict[str, list[int]] = {}
    for path in folder.glob("*.txt"):
        of, _, number = path.stem.rpartition("-")
        versions.setdefault(of, []).append(int(number))
    path = folder / f"{name}-{max(versions[name])}.txt" if name in versions else Path(name)
    if not path.is_file():
        names = ", ".join(sorted(versions))
        raise BadOption(f"--prompt {name}: neither a text file nor one of {names}")
    try:
        return path.stem, path.read_text("utf-8").rstrip("\n")
    except ValueError as error:
        raise BadOption(f"--prompt {name}: not UTF-8 text") from error


def _check_places(name: str, text: str, places: Sequence[str]) -> None:
    for place in places:
        if text.count(f"{{{place}}}") != 1:
            raise BadOption(f"--prompt {name}: write {{{place}}} once, where the {place} goes")
