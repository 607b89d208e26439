"""System-1 and System-2: the mode of each row, and the chat that a student is trained on.

    mode "think"     assistant: "<think>\n{reasoning}\n</think>\n\n{answer}"
    mode "no_think"  assistant: "{answer}"

In a mix, half of the rows tell the student what to do, by an instruction behind the question:

    user: "What is 7 + 5?\n\nAnswer directly, without thinking first."

so that it learns both to obey (Think, No-Think) and to decide for itself (Adaptive: nothing said).
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.ids import uniform
from builders.schema import MESSAGES
from builders.traces import join_replies

Unsure = Literal["think", "no_think"]

INSTRUCTIONS: dict[str, Any] = {
    "version": 1,
    "placement": "behind the question in the user's message, after an empty line",
    "think": "Think carefully before you answer.",
    "no_think": "Answer directly, without thinking first.",
    "adaptive": None,
}
"""How a student is told its mode; the manifest of each release holds a copy.

The paper names the three ways of asking (section 5.3) but not their wording: it is ours. Raise the
version when a word changes; training and evaluation read the copy that came with the data.
"""

INSTRUCTED_SHARE = 0.5
"""Share of a mix's rows that carry the instruction of their mode; the paper is silent, so ours."""


class Mixing(NamedTuple):
    """How the rows of a config get their mode.

    `rule` is "think" or "no_think" for all rows alike; "random", System-2 with probability `p`;
    or "difficulty", System-2 where the models disagree, System-1 where they agree (section 5.3),
    and `unsure` where the judge could not tell: ours, since thinking is the safer habit. Rows that
    no judge has seen are left out.
    """

    rule: Literal["think", "no_think", "random", "difficulty"] = "think"
    p: float = 0.0
    unsure: Unsure = "think"
    instructed_share: float = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that the rule reads."""
        return ("models_disagree", "disagreement") if self.rule == "difficulty" else ()

    @property
    def parameters(self) -> dict[str, Any]:
        """What the manifest records of the rule."""
        record: dict[str, Any] = {"rule": self.rule, "instructed_share": self.instructed_share}
        if self.rule == "random":
            record["p"] = self.p
        if self.rule == "difficulty":
            record["unsure"] = self.unsure
        return record

    @property
    def words(self) -> str:
        """The rule in words, for the card and for `nt list`."""
        return {
            "think": "",
            "no_think": "of each the answer alone (System-1)",
            "random": f"of a share of {self.p} the reasoning too (System-2), of the others the "
            "answer alone (System-1)",
            "difficulty": "reasoning and answer (System-2) where the models disagree, the answer "
            f"alone (System-1) where they agree, `{self.unsure}` where the judge is unsure",
        }[self.rule]

    @property
    def about(self) -> str:
        """What is the paper's, and what is our choice."""
        said = {
            "think": "The paper's: reasoning and answer.",
            "no_think": "The paper's System-1 (section 5.3): the answer alone.",
            "random": "The paper's random mixing (section 5.3): System-2 with probability p.",
            "difficulty": "The paper's difficulty mixing (section 5.3): System-2 where the models "
            "disagree. What happens where the judge is unsure is our choice; rows that no judge "
            "has seen are left out.",
        }[self.rule]
        if self.instructed_share:
            said += (
                f" That a share of {self.instructed_share} of the rows carries the instruction of "
                "its mode, and its wording, are our choice."
            )
        return said


def decidable(mixing: Mixing, columns: pa.Table) -> NDArray[np.bool_]:
    """Whether the rule can tell the mode of each row: for difficulty, whether a judge saw it."""
    if mixing.rule != "difficulty":
        return np.ones(len(columns), dtype=bool)
    judged = pc.or_(pc.is_valid(columns["models_disagree"]), pc.is_valid(columns["disagreement"]))
    return np.asarray(judged)


def modes(mixing: Mixing, columns: pa.Table, *, seed: int) -> NDArray[np.bool_]:
    """Whether each row thinks.

    Args:
        mixing: the rule.
        columns: `id` and what the rule needs, of the chosen rows.
        seed: the build's; one id has one random number, so the System-2 rows of `mix-p20` are
            among those of `mix-p40`.
    """
    if mixing.rule == "random":
        return uniform(columns["id"].to_pylist(), seed=seed, decision="mode") < mixing.p
    if mixing.rule == "difficulty":
        unsure = mixing.unsure == "think"
        thinks: NDArray[np.bool_] = columns["models_disagree"].fill_null(unsure).to_numpy()
        return thinks
    return np.full(len(columns), mixing.rule == "think")


def instructed(mixing: Mixing, ids: Iterable[str], *, seed: int) -> NDArray[np.bool_]:
    """Whether each row carries the instruction of its mode."""
    return uniform(ids, seed=seed, decision="instruction") < mixing.instructed_share


def chats(
    rows: pa.Table, thinks: NDArray[np.bool_], told: NDArray[np.bool_]
) -> dict[str, pa.Array]:
    """The published columns `mode`, `instruction` and `messages` of rows with their text."""
    mode = pc.if_else(pa.array(thinks), "think", "no_think")
    instruction = pa.array(
        [
            INSTRUCTIONS["think" if think else "no_think"] if tell else None
            for think, tell in zip(thinks, told, strict=True)
        ],
        pa.string(),
    )
    asked = pc.binary_join_element_wise(rows["question"], instruction, "\n\n", null_handling="skip")
    whole = join_replies(rows["reasoning"], rows["answer"])
    replied = pc.if_else(pa.array(thinks), whole, rows["answer"])
    return {"mode": mode, "instruction": instruction, "messages": _turns(asked, replied)}


def _turns(asked: pa.ChunkedArray, replied: pa.ChunkedArray) -> pa.Array:
    """A chat of two messages for each row: what the user says, and what the student replies."""
    rows = len(asked)
    contents = pa.concat_arrays([asked.combine_chunks(), replied.combine_chunks()])
    alternating = np.arange(2 * rows).reshape(2, rows).T.ravel()
    messages = pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"] * rows, pa.string()), contents.take(alternating)],
        fields=list(MESSAGES.value_type),
    )
    ends = pa.array(np.arange(0, 2 * rows + 1, 2), pa.int32())
    return pa.ListArray.from_arrays(ends, messages, type=MESSAGES)
