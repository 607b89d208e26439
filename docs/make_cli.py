"""Write docs/cli.md: every verb with its options, as the parser itself tells them.

python docs/make_cli.py > docs/cli.md      # or: make docs
"""

import contextlib
import io
import os

os.environ["COLUMNS"] = "96"  # argparse reads it

from builders.cli import VERBS, parser
from builders.cli.annotate import ANNOTATIONS

HEADER = """\
# The command line

Made from the parser by `make docs`. The same words are printed by `nt --help` and `nt VERB --help`.

Output goes to standard output, errors and progress bars to standard error. A bar appears after
two seconds, on a terminal only. With `--json` a verb prints one JSON object and no words, with
`--quiet` nothing but errors. An error that you can mend is one line, `nt: …`, and exit code 2.

Completion for your shell, with verbs, options and paths:

```bash
nt --print-completion bash > ~/.local/share/bash-completion/completions/nt
nt --print-completion zsh > ~/.zsh/completions/_nt     # a folder on your $fpath
```
"""


def help_of(*words: str) -> str:
    """What `nt WORDS --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parser().parse_args([*words, "--help"])
    return printed.getvalue()


def reference() -> str:
    """The whole page."""
    sections = [HEADER, f"```text\n{help_of()}```\n"]
    for verb in VERBS:
        names = [(verb,)] + [(verb, name) for name in ANNOTATIONS if verb == "annotate"]
        sections += [f"## nt {' '.join(n)}\n\n```text\n{help_of(*n)}```\n" for n in names]
    return "\n".join(sections)


if __name__ == "__main__":
    print(reference(), end="")
