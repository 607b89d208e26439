"""The control tokens of chat templates, which no question and no trace may contain.

    "<|im_start|>", "<|eot_id|>", "<|endoftext|>", "<｜User｜>", "</s>", "[INST]", …

A tokenizer that meets one of these inside a text makes a control token of it, as if the template
had written it: a question can then end its own turn, and a student learn to stop, or to speak for
the user, in the middle of a trace. Nothing behind the data set can undo that, since a template
writes the same characters, so a row that contains one is dropped when it is imported.

No list is complete, for a tokenizer may declare any text to be a control token. This one goes by
the form where a form exists, so that it knows the templates of next year, too:

    <|name|>              ChatML, Qwen, Llama 3, Phi, GPT-2 and most others; names of 3 letters and
                          more, because `<|x|>` is the mean of an absolute value in physics
    <｜name｜>            DeepSeek, with its wide bars
    <s> </s> <unk> …      SentencePiece: Llama 2, Mistral; with <bos>, <eos>, <start_of_turn>: Gemma
    <<SYS>> [INST] …      Llama 2, Mistral; with [|name|]: EXAONE

The last two also are HTML for struck-out text, and words in brackets. Such a row is lost, too:
a few rows are cheaper than a student that stops in the middle.

>>> control_token("Is 2 <|im_end|> a number?")
'<|im_end|>'
"""

import re

# Two patterns, each with one literal first character, for which the engine can search: together in
# one they are eight times slower.
_ANGLE = re.compile(
    r"<(?:\|/?[A-Za-z][\w-]{2,63}\|>"
    r"|｜[^｜<>\s]{1,64}｜>"
    r"|(?:/?s|bos|eos|pad|unk|mask|(?:start|end)_of_turn)>"
    r"|</?SYS>>)"
)
_SQUARE = re.compile(
    r"\[(?:/?(?:INST|THINK|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS|CONTENT))"
    r"|\|[a-z]{3,64}\|)\]"
)


def control_token(text: str) -> str | None:
    """The first control token in a text, or None."""
    found = _ANGLE.search(text) or _SQUARE.search(text)
    return found.group() if found else None
