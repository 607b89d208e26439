"""The layouts of data sets that others have published.

    natural_reasoning      question, reference_answer, responses[{response_model, response}]
    openthoughts           conversations[{from, value}]; OpenThoughts3, and the config `default`
                           of OpenThoughts-114k
    openthoughts-metadata  problem, starter_code, deepseek_reasoning, deepseek_solution,
                           ground_truth_solution, source; the config `metadata` of OpenThoughts-114k
    s1k-1.1                question, solution, {deepseek,gemini}_{thinking_trajectory,attempt}
    s1k                    question, solution, thinking_trajectories[text], attempt
    limo                   question, solution, answer
    messages               messages[{role, content}], source; Mixture-of-Thoughts and many others
    gsm8k                  question, answer, where the answer is "reasoning #### answer"

Where the columns were looked up, since no data set itself could be opened: of OpenThoughts-114k in
the card of ryanmarten/OpenThoughts-1k-sample, a sample with both configs, and in the code that
wrote it, open_thoughts/prompt.py of open-thoughts/open-thoughts, which names the roles "user" and
"assistant", writes the marks of Sky-T1 that become `<think>` here, and puts `starter_code` behind
the problem; of s1K in the card of simplescaling/data_ablation_full59K, its superset, and in code of
bespokelabs-curator, which calls its trajectories those of Gemini and takes the first; of
Mixture-of-Thoughts in its card. That its replies have inline `<think>`, and that s1K's lists hold
one text each, is not verified: a row where it is not so is dropped with its reason. Revisions and
licences are never written here; they are resolved when a data set is read.
"""

import re

from builders.sources import UNKNOWN, SecondAnswer
from builders.sources.cells import (
    Cells,
    Defaults,
    Parts,
    Reader,
    Unusable,
    is_there,
    objects_of,
    response_from_parts,
    response_from_reply,
    text_of,
)

_GSM8K_MARK = "####"
_SKY_T1 = re.compile(r"<\|((?:begin|end)_of_(?:thought|solution))\|>")
_AS_THINK = {
    "begin_of_thought": "<think>",
    "end_of_thought": "</think>",
    "begin_of_solution": "",
    "end_of_solution": "",
}


def _read_natural_reasoning(row: Cells, defaults: Defaults) -> Parts:
    second = tuple(
        SecondAnswer(text_of(one.get("response_model")) or UNKNOWN, answer)
        for one in objects_of(row.get("responses"))
        if (answer := text_of(one.get("response")))
    )
    return Parts(text_of(row.get("question")), row.get("reference_answer"), (), second)


def _read_conversation(turns: list[Cells], row: Cells, defaults: Defaults) -> Parts:
    """One question and one reply; what a system message says is not kept."""
    said = [(turn.get("from", turn.get("role")), turn) for turn in turns]
    texts = [(who, turn.get("value", turn.get("content"))) for who, turn in said]
    asked = [text for who, text in texts if who in ("human", "user")]
    replied = [text for who, text in texts if who in ("gpt", "assistant")]
    if len(asked) != 1 or len(replied) != 1:
        raise Unusable("not_one_turn")
    question = text_of(asked[0])
    reply = replied[0]
    if isinstance(reply, str) and "<|begin_of_thought|>" in reply:
        reply = _SKY_T1.sub(lambda mark: _AS_THINK[mark.group(1)], reply)
    response = response_from_reply(defaults.teacher, question, reply)
    return Parts(question, None, (response,), source=row.get("source"))


def _read_openthoughts(row: Cells, defaults: Defaults) -> Parts:
    return _read_conversation(objects_of(row.get("conversations")), row, defaults)


def _read_messages(row: Cells, defaults: Defaults) -> Parts:
    return _read_conversation(objects_of(row.get("messages")), row, defaults)


def _read_openthoughts_metadata(row: Cells, defaults: Defaults) -> Parts:
    # The teacher of a programming problem was given the code to start from behind the problem.
    parts = (text_of(row.get(name)) for name in ("problem", "starter_code"))
    question = "\n".join(part for part in parts if part)
    teacher = "deepseek" if defaults.teacher == UNKNOWN else defaults.teacher
    reasoning, answer = row.get("deepseek_reasoning"), row.get("deepseek_solution")
    response = response_from_parts(teacher, question, reasoning, answer)
    reference = row.get("ground_truth_solution")
    return Parts(question, reference, (response,), source=row.get("source"))


def _read_s1k(row: Cells, defaults: Defaults) -> Parts:
    question = text_of(row.get("question"))
    trajectories = row.get("thinking_trajectories")
    if isinstance(trajectories, list):
        if len(trajectories) > 1:
            raise Unusable("not_one_turn")
        trajectories = next(iter(trajectories), None)
    teacher = "gemini" if defaults.teacher == UNKNOWN else defaults.teacher
    response = response_from_parts(teacher, question, trajectories, row.get("attempt"))
    return Parts(question, row.get("solution"), (response,), source=row.get("source_type"))


def _read_s1k_1_1(row: Cells, defaults: Defaults) -> Parts:
    question = text_of(row.get("question"))
    found = (
        (who, row.get(f"{who}_thinking_trajectory"), row.get(f"{who}_attempt"))
        for who in ("deepseek", "gemini")  # named as the source names them
    )
    responses = tuple(
        response_from_parts(who, question, trajectory, attempt)
        for who, trajectory, attempt in found
        if is_there(trajectory) or is_there(attempt)
    )
    return Parts(question, row.get("solution"), responses, source=row.get("source_type"))


def _read_limo(row: Cells, defaults: Defaults) -> Parts:
    question, answer = text_of(row.get("question")), row.get("answer")
    response = response_from_parts(defaults.teacher, question, row.get("solution"), answer)
    return Parts(question, answer, (response,))


def is_gsm8k(row: Cells) -> bool:
    """Whether an answer has the mark between reasoning and result."""
    return _GSM8K_MARK in str(row.get("answer"))


def read_gsm8k(row: Cells, defaults: Defaults) -> Parts:
    """A row whose answer is "reasoning #### result"."""
    question = text_of(row.get("question"))
    reasoning, mark, answer = text_of(row.get("answer")).rpartition(_GSM8K_MARK)
    teacher = "human" if defaults.teacher == UNKNOWN else defaults.teacher
    # Without the mark all text is in the last part, and there is no reasoning.
    response = response_from_parts(teacher, question, reasoning, answer)
    return Parts(question, answer if mark else None, (response,))


PUBLISHED: tuple[tuple[str, set[str], Reader], ...] = (
    ("natural_reasoning", {"question", "reference_answer", "responses"}, _read_natural_reasoning),
    ("openthoughts", {"conversations"}, _read_openthoughts),
    (
        "openthoughts-metadata",
        {"problem", "deepseek_reasoning", "deepseek_solution"},
        _read_openthoughts_metadata,
    ),
    ("s1k-1.1", {"question", "deepseek_thinking_trajectory", "deepseek_attempt"}, _read_s1k_1_1),
    ("s1k", {"question", "thinking_trajectories", "attempt"}, _read_s1k),
    ("limo", {"question", "solution", "answer"}, _read_limo),
    ("messages", {"messages"}, _read_messages),
)

OF_PUBLISHED = frozenset(
    {
        *("responses", "conversations", "messages", "solution", "source_type"),
        *("problem", "starter_code", "ground_truth_solution"),
        *("deepseek_reasoning", "deepseek_solution"),
        *("thinking_trajectories", "attempt"),
        *("deepseek_thinking_trajectory", "deepseek_attempt"),
        *("gemini_thinking_trajectory", "gemini_attempt"),
    }
)
"""The columns that these readers read, besides our own."""
