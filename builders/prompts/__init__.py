"""What models are asked, as text files with a version in their name.

    plain-1.txt        {question}
    think-tags-1.txt   {question}, and a request to think between <think> and </think>

A text that has been used is never changed: it gets the next number. The name and a hash of the text
are part of the key of every reply.
"""

from pathlib import Path
from typing import NamedTuple

from builders.errors import BadOption
from builders.ids import content_id

_FOLDER = Path(__file__).parent


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


def load_prompt(name: str) -> Prompt:
    """One of ours, the newest of its name, or a text file.

    Raises:
        BadOption: there is none, or it does not say where the question goes.
    """
    versions: dict[str, list[int]] = {}
    for path in _FOLDER.glob("*.txt"):
        of, _, number = path.stem.rpartition("-")
        versions.setdefault(of, []).append(int(number))
    path = _FOLDER / f"{name}-{max(versions[name])}.txt" if name in versions else Path(name)
    if not path.is_file():
        names = ", ".join(sorted(versions))
        raise BadOption(f"--prompt {name}: neither a text file nor one of {names}")
    try:
        text = path.read_text("utf-8").rstrip("\n")
    except ValueError as error:
        raise BadOption(f"--prompt {name}: not UTF-8 text") from error
    if text.count("{question}") != 1:
        raise BadOption(f"--prompt {name}: write {{question}} once, where the question goes")
    return Prompt(path.stem, text)
