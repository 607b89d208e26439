"""The forms of judges' replies, and how a reply is read.

    '```json\n{"domain": "Science", "topic": "optics"}\n```'  ──►  Domain("Science", "optics")
    'It is Science.'                                          ──►  Invalid: no JSON object

The schema is sent along, but servers lose, ignore or refuse it; so every reply is checked here.
"""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from builders.endpoints import Reply
from builders.judges.strategies import STRATEGIES
from builders.schema import DOMAINS

_LONGEST = 300
_CHECKED_HERE = ("title", "description", "minLength", "maxLength", "minimum", "maximum")
_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


class Form(BaseModel):
    """What a reply says. Nothing is converted: "7" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Domain(Form):
    """Of a question."""

    domain: Literal[DOMAINS]  # type: ignore[valid-type]  # it is a tuple of texts
    topic: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Found(Form):
    """One strategy, and the words that show it."""

    strategy: Literal[tuple(STRATEGIES)]  # type: ignore[valid-type]
    quote: str


class Strategies(Form):
    """Of a trace."""

    strategies: list[Found]


class Verbosity(Form):
    """Of a trace."""

    # An enumeration of numbers is understood by servers that know no bounds.
    verbosity: int = Field(ge=0, le=10, json_schema_extra={"enum": list(range(11))})


class Agreement(Form):
    """Of two answers."""

    verdict: Literal["same", "different", "unsure"]


class Invalid(ValueError):
    """A reply that has not the form; the message is for the judge."""


def read_form(form: type[Form], reply: Reply) -> Form:
    """What a reply says.

    Thinking in front of it and a fence around it are left out: who pays for a reply wants it read.
    Of a reply that has not come to its end nothing is left out: what it weighs is no verdict.

    Raises:
        Invalid: it does not have the form.
    """
    text = reply.answer.rpartition("</think>")[2].strip()
    cut, thinks = reply.finish_reason == "length", "<think>" in text
    try:
        return form.model_validate_json(_object(text, alone=cut or thinks))
    except ValidationError as error:
        if cut:
            raise Invalid("it is cut off, because it is too long") from error
        raise Invalid("its thinking does not end" if thinks else _explained(error)) from error


def _object(text: str, *, alone: bool) -> str:
    """The object in a text, or a text that is nothing but the object."""
    fenced = _FENCED.fullmatch(text) if alone else _FENCED.search(text)
    if fenced:
        return fenced[1]
    if alone:
        return text
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _explained(error: ValidationError) -> str:
    problems = []
    for one in error.errors(include_url=False, include_input=False)[:3]:
        where = ".".join(map(str, one["loc"]))
        problems.append(f"{where}: {one['msg']}" if where else one["msg"])
    return "; ".join(problems)[:_LONGEST]


def schema_of(form: type[Form]) -> dict[str, Any]:
    """The JSON schema, without titles, and without bounds, which not every server takes."""
    plain: dict[str, Any] = json.loads(json.dumps(_without_words(form.model_json_schema())))
    return plain


def _without_words(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_words(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {field: _without_words(one) for field, one in value.items()}
        if name in ("properties", "$defs")
        else _without_words(value)
        for name, value in schema.items()
        if name not in _CHECKED_HERE
    }
