"""Columns of the pool and of the published configs: names, types, meaning, in one place.

A pool has three tables, each a folder of Parquet shards. One row of `traces`:

    id                    "9f0c4e7d21b86a35"
    question_id           "41d8cd98f00b204e"
    question              "Natalia sold clips to 48 of her friends in April, …"
    reference_answer      "72"
    source                "openai/gsm8k"
    license               "mit"
    teacher               "human"
    reasoning             "Natalia sold 48/2 = 24 clips in May. …"
    answer                "72"
    num_tokens            58
    num_reasoning_tokens  56
    finish_reason         null

Everything that is computed later is a *sidecar*: see `ANNOTATIONS`. null always means "not known"
or "not annotated"; it is never replaced by 0 or "".
"""

from typing import Literal, NamedTuple

import pyarrow as pa

Grain = Literal["questions", "traces"]
Mode = Literal["think", "no_think"]

FORMAT = 1
"""Version of the layout on disk; raised when an older reader would misread a newer pool."""

DOMAINS = (
    "Agronomy",
    "Economics",
    "Education",
    "Engineering",
    "History",
    "Law",
    "Literature and Arts",
    "Management",
    "Medicine",
    "Military Science",
    "Philosophy",
    "Science",
    "Sociology",
)
"""The 13 disciplines of SuperGPQA, by which the paper annotates domains."""

DISAGREES = {"agree": False, "disagree": True, "unsure": None}
"""From a verdict on two answers to the column `models_disagree`."""


class Column(NamedTuple):
    """One column: its Arrow type and what the data card says about it."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False

    @property
    def field(self) -> pa.Field:
        """The column as an Arrow field."""
        return pa.field(self.name, self.type, self.nullable)


class Annotation(NamedTuple):
    """One sidecar: what it describes, and its columns. `nt annotate NAME` makes it."""

    grain: Grain
    columns: tuple[Column, ...]


_ID = Column("id", pa.string(), "hash of question, teacher, reasoning and answer: 16 hex digits")
_QUESTION_ID = Column("question_id", pa.string(), "hash of the question's text: 16 hex digits")
_QUESTION = Column("question", pa.string(), "what was asked")
_REFERENCE = Column(
    "reference_answer", pa.string(), "the source's own answer; null if it gives none", True
)
_SOURCE = Column("source", pa.string(), "where the question comes from")
_LICENSE = Column("license", pa.string(), "licence under which the source is shared")
_TEACHER = Column("teacher", pa.string(), "the model or person that wrote the trace")
_REASONING = Column("reasoning", pa.string(), "the trace up to `</think>` (System-2)")
_ANSWER = Column("answer", pa.string(), "the final answer after `</think>` (System-1)")
_NUM_TOKENS = Column("num_tokens", pa.int32(), "tokens of reasoning and answer")
_NUM_REASONING = Column("num_reasoning_tokens", pa.int32(), "tokens of the reasoning")
_FINISH = Column("finish_reason", pa.string(), "why generation stopped; null if not told", True)

QUESTIONS = (_QUESTION_ID, _QUESTION, _REFERENCE, _SOURCE, _LICENSE)
TRACES = (
    _ID,
    _QUESTION_ID,
    _QUESTION,
    _REFERENCE,
    _SOURCE,
    _LICENSE,
    _TEACHER,
    _REASONING,
    _ANSWER,
    _NUM_TOKENS,
    _NUM_REASONING,
    _FINISH,
)
SECOND_ANSWERS = (
    Column("id", pa.string(), "hash of question, model and answer"),
    _QUESTION_ID,
    Column("model", pa.string(), "the second model, which does not teach"),
    Column("answer", pa.string(), "its response, by which disagreement is judged"),
)
TABLES = {"questions": QUESTIONS, "traces": TRACES, "second_answers": SECOND_ANSWERS}
KEYS = {"questions": "question_id", "traces": "id", "second_answers": "id"}
TEXT = ("question", "reasoning", "answer", "second_answer", "strategy_quotes")
"""The wide columns, which selection never reads."""

_DOMAIN = Column("domain", pa.string(), "one of SuperGPQA's 13 disciplines", True)
_TOPIC = Column("topic", pa.string(), "a finer subject within the domain", True)
_STRATEGIES = Column(
    "strategies", pa.list_(pa.string()), "reasoning strategies seen in the trace, sorted", True
)
_VERBOSITY = Column("verbosity", pa.int8(), "how wordy the trace is, 0 to 10", True)
_DISAGREE = Column(
    "models_disagree", pa.bool_(), "a second model answers differently; null if unsure", True
)

ANNOTATIONS = {
    "domain": Annotation("questions", (_DOMAIN, _TOPIC)),
    "clusters": Annotation(
        "questions",
        (Column("cluster", pa.int32(), "cluster of the question; -1 is noise", True),),
    ),
    "strategies": Annotation(
        "traces",
        (
            _STRATEGIES,
            Column(
                "strategy_quotes",
                pa.list_(pa.string()),
                "for each strategy words of the trace that show it; null if the judge gave none",
                True,
            ),
        ),
    ),
    "duplicates": Annotation(
        "questions",
        (
            Column("is_duplicate", pa.bool_(), "the question repeats another one", True),
            Column("duplicate_of", pa.string(), "id of that one; null: it repeats none", True),
        ),
    ),
    "contamination": Annotation(
        "questions",
        (
            Column(
                "contaminated_by",
                pa.list_(pa.string()),
                "benchmarks of which the question repeats an item; empty: none was found",
                True,
            ),
        ),
    ),
    "verbosity": Annotation("traces", (_VERBOSITY,)),
    "disagreement": Annotation(
        "traces",
        (
            Column("disagreement", pa.string(), "agree, disagree or unsure", True),
            _DISAGREE,
            Column("second_answer", pa.string(), "what the second model answered", True),
        ),
    ),
    "correctness": Annotation(
        "traces",
        (
            Column(
                "correct",
                pa.bool_(),
                "the answer comes to the reference answer; null if there is none, or if unsure",
                True,
            ),
        ),
    ),
    "naturalness": Annotation(
        "traces",
        (
            Column(
                "local_naturalness",
                pa.float32(),
                "how expected each step is to the student, given the question and the few steps "
                "before it: mean log-probability of a token, in nats; then the mean over steps",
                True,
            ),
            Column(
                "global_naturalness",
                pa.float32(),
                "the mean log-probability of all tokens, given everything before them",
                True,
            ),
            Column(
                "local_naturalness_skip_first",
                pa.float32(),
                "the local one without the first token of each step; null if no step has two",
                True,
            ),
            Column("num_steps", pa.int32(), "steps of the response", True),
            Column("num_student_tokens", pa.int32(), "its tokens, as the student counts", True),
            Column(
                "step_inverse_length",
                pa.float64(),
                "mean over steps of x = 1 / tokens of the step, to regress length out",
                True,
            ),
            Column("step_inverse_length_squared", pa.float64(), "mean over steps of x²", True),
            Column(
                "step_inverse_length_times_score",
                pa.float64(),
                "mean over steps of x times the step's score",
                True,
            ),
            Column("not_scored", pa.string(), "why there is no score; null if there is one", True),
        ),
    ),
}

JUDGED = ("domain", "strategies", "verbosity", "disagreement", "correctness")
"""The annotations that a judge can make."""

MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
PUBLISHED = (
    *(column for column in TRACES if column is not _FINISH),
    _DOMAIN,
    _TOPIC,
    _STRATEGIES,
    _VERBOSITY,
    _DISAGREE,
    Column("mode", pa.string(), "`think`: reasoning and answer; `no_think`: the answer alone"),
    Column("instruction", pa.string(), "what `messages` adds to the question; null: nothing", True),
    Column("messages", MESSAGES, "question and reply as a chat; `<think>…</think>` stays inline"),
)
"""A published row: the trace, what was annotated, and the chat that a student is trained on."""


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of a table with these columns."""
    return pa.schema([column.field for column in columns])


def sidecar_schema(name: str) -> pa.Schema:
    """The Arrow schema of an annotation's sidecars: the key of the rows, then its columns."""
    annotation = ANNOTATIONS[name]
    key = pa.field(KEYS[annotation.grain], pa.string(), False)
    return pa.schema([key, *(column.field for column in annotation.columns)])


def annotation_of(column: str) -> str | None:
    """The name of the annotation that makes a column; None for a column of the trace itself."""
    for name, annotation in ANNOTATIONS.items():
        if any(column == made.name for made in annotation.columns):
            return name
    return None
