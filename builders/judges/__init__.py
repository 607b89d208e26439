"""Judges: models that annotate. What each annotation asks, and what its replies say.

    TASKS["domain"]   question ──► {"domain": "Science", "topic": "optics"}

A judge is asked about a *subject*: a question, a trace, or a trace and the answer that it is
compared with. Requests about a subject are numbered like samples: two for each order in which the
answers can be shown, the second of which is sent if the reply to the first has not the form.

    0  A and B     1  once more, with the error     2  B and A     3  once more, with the error
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from builders.endpoints import DONE, NOT_VALID, ONCE_MORE, Job, Message, Read, Reply, Verdict
from builders.endpoints.replies import read_reply
from builders.endpoints.store import Stored
from builders.judges.forms import Agreement, Domain, Form, Invalid, Strategies, Verbosity, read_form
from builders.judges.quotes import proven
from builders.prompts import JudgePrompt
from builders.schema import DISAGREES

OTHER = "other"
"""In the row of a pair (see `pairs`): the answer that the trace's is compared with."""

_QUOTED_BACK = 1000  # characters of a reply that was not valid
Labels = dict[str, Any]


class Task(NamedTuple):
    """What is asked for an annotation.

    Attributes:
        prompt: the name of the text.
        columns: what it shows, as columns of the shard that is annotated.
        form: what a reply says.
        orders: in how many orders it is asked.
        labels: the annotation's columns, from the forms in each order and the row.
        reads: the columns that `labels` needs.
    """

    prompt: str
    columns: tuple[str, ...]
    form: type[Form]
    orders: int
    labels: Callable[[Sequence[Any], Mapping[str, str]], Labels]
    reads: tuple[str, ...] = ()


def _as_they_are(forms: Sequence[Form], row: Mapping[str, str]) -> Labels:
    return forms[0].model_dump()


def _strategies(forms: Sequence[Strategies], row: Mapping[str, str]) -> Labels:
    found = proven(forms[0], row["reasoning"])
    return {
        "strategies": found.strategies,
        "strategy_quotes": found.quotes,
        "quotes_not_found": found.not_found,
    }


def _verdict(forms: Sequence[Agreement]) -> str:
    """What both orders say; a verdict that depends on the order is none."""
    verdicts = {form.verdict for form in forms}
    return verdicts.pop() if len(verdicts) == 1 else "unsure"


def _disagreement(forms: Sequence[Agreement], row: Mapping[str, str]) -> Labels:
    said = {"same": "agree", "different": "disagree", "unsure": "unsure"}[_verdict(forms)]
    return {
        "disagreement": said,
        "models_disagree": DISAGREES[said],
        "second_answer": row[OTHER],
    }


def _correctness(forms: Sequence[Agreement], row: Mapping[str, str]) -> Labels:
    return {"correct": {"same": True, "different": False, "unsure": None}[_verdict(forms)]}


TASKS = {
    "domain": Task("domain", ("question",), Domain, 1, _as_they_are),
    "strategies": Task(
        "strategies", ("question", "reasoning"), Strategies, 1, _strategies, reads=("reasoning",)
    ),
    "verbosity": Task("verbosity", ("question", "reasoning"), Verbosity, 1, _as_they_are),
    "disagreement": Task(
        "agreement", ("question", "answer"), Agreement, 2, _disagreement, reads=(OTHER,)
    ),
    "correctness": Task("agreement", ("question", "answer"), Agreement, 2, _correctness),
}
"""By annotation."""

SAME = Agreement(verdict="same")
"""What is said of a pair whose answers are the same for certain."""


def messages(
    task: Task, prompt: JudgePrompt, row: Mapping[str, str], *, order: int, room: int
) -> list[Message]:
    """What a judge is asked about a row.

    Args:
        task: what for.
        prompt: the text.
        row: what it is about.
        order: 1 shows the second answer first.
        room: bytes for the texts of others, together.
    """
    if task.form is Agreement:
        both = (row["answer"], row[OTHER])
        first, second = both[::-1] if order else both
        texts = {"question": row["question"], "first": first, "second": second}
    else:
        texts = {name.replace("reasoning", "trace"): row[name] for name in task.columns}
    return [{"role": "user", "content": prompt.about(texts, room=room)}]


def correction(job: Job, reply: Reply, error: str, prompt: JudgePrompt) -> Job:
    """The job that asks once more, with the error in the chat."""
    said = (reply.answer or reply.reasoning or "")[:_QUOTED_BACK]
    said = said.encode(errors="replace").decode()  # half of a surrogate pair cannot be sent
    more = [
        {"role": "assistant", "content": said},
        {"role": "user", "content": prompt.correction.replace("{error}", error)},
    ]
    return Job(job.subject, job.sample + 1, [*job.messages, *more])


def reader(task: Task, prompt: JudgePrompt) -> Read:
    """How a judge's replies are judged while they come in."""

    def read(job: Job, reply: Reply) -> Verdict:
        try:
            read_form(task.form, reply)
        except Invalid as error:
            if job.sample % 2:
                return Verdict(NOT_VALID, detail=str(error))
            then = correction(job, reply, str(error), prompt)
            return Verdict(ONCE_MORE, detail=str(error), then=then)
        return Verdict(DONE)

    return read


def labels_of(task: Task, stored: Sequence[Stored], row: Mapping[str, str]) -> Labels | None:
    """What stored replies say of a row; None where one is missing, or has no longer the form."""
    done = {one.sample // 2: one for one in stored if one.outcome == DONE}
    if len(done) < task.orders:
        return None
    try:
        forms = [read_form(task.form, read_reply(done[order].body)) for order in range(task.orders)]
    except Invalid:  # it was stored when forms were read in another way
        return None
    return task.labels(forms, row)
