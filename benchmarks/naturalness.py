r"""Local naturalness beside the naive loop, and beside one pass over the response.

    python benchmarks/naturalness.py                                 # a small student, minutes
    python benchmarks/naturalness.py --shape smollm2-135m --steps 20 60 --windows 1 4
    python benchmarks/naturalness.py --shape smollm2-135m --steps 60 --windows 4 --prompt-tokens 300
    python benchmarks/naturalness.py --shape smollm2-135m --steps 150 --windows 4 --rounds 1
    python benchmarks/naturalness.py --device cuda --dtype bfloat16 --shape 7b --batch-tokens 4096

Students have random weights: speed does not depend on them. By default prompts and steps are as
long as those of GSM8K are to SmolLM2: 90 and 22 tokens. Responses are random tokens, the same
for all contenders, and all give the same scores, which is checked:

    ours       what nt annotate naturalness runs: local and global scores
    naive      one forward pass for each step and one over the response, with all their logits
    global     one forward pass over the response, with all its logits: the global score alone

Wanted: at most half of the naive loop's time at 60 steps.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SHAPES: dict[str, dict[str, int]] = {
    "small": {
        "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 8,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 8192,
    },
    "smollm2-135m": {
        "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
    },
    "7b": {
        "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064,
    },
}  # fmt: skip


def student(options: argparse.Namespace) -> Any:
    """A Llama of this shape."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    torch.manual_seed(0)
    config = LlamaConfig(max_position_embeddings=32768, **SHAPES[options.shape])
    with torch.device(options.device):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, options.dtype))
    return model.eval()


def response(steps: int, options: argparse.Namespace) -> tuple[Any, Any, list[int]]:
    """Tokens of a prompt and of a response, and where its steps begin."""
    rng = np.random.default_rng(steps)
    low, high = options.step_tokens // 2, options.step_tokens * 3 // 2
    lengths = rng.integers(low, high + 1, steps)
    starts = [0, *np.cumsum(lengths)[:-1].tolist()]
    vocabulary = SHAPES[options.shape]["vocab_size"]
    return (
        rng.integers(0, vocabulary, options.prompt_tokens),
        rng.integers(0, vocabulary, int(lengths.sum())),
        starts,
    )


def ours(model: Any, prompt: Any, tokens: Any, starts: list[int], window: Any, most: int) -> Any:
    """Ours: the mean of each step, and of all tokens."""
    from builders.naturalness.forward import Wanted, log_probabilities
    from builders.naturalness.windows import given_windows, spans_of

    spans = spans_of(starts, len(tokens), window)
    wanted = [Wanted(tokens, span) for span in spans]
    found = log_probabilities(model, prompt, wanted, batch_tokens=most)
    return [step.mean() for step in np.split(given_windows(spans, found), starts[1:])]


def _pass(model: Any, prompt: Any, tokens: Any, start: int, scored: int, end: int) -> Any:
    import torch

    ids = torch.from_numpy(np.concatenate([prompt, tokens[start:end]]))[None].to(model.device)
    logits = model(input_ids=ids).logits[0, scored - start + len(prompt) - 1 : -1]
    chosen = torch.from_numpy(tokens[scored:end]).to(model.device)
    return -torch.nn.functional.cross_entropy(logits.float(), chosen, reduction="none").mean()


def naive(model: Any, prompt: Any, tokens: Any, starts: list[int], window: Any, most: int) -> Any:
    """One forward pass for each step, and one for the global score."""
    _pass(model, prompt, tokens, 0, 0, len(tokens))
    edges = [*starts, len(tokens)]
    return [
        _pass(model, prompt, tokens, starts[n - window.before(n)], edges[n], edges[n + 1]).item()
        for n in range(len(starts))
    ]


def global_(model: Any, prompt: Any, tokens: Any, starts: list[int], window: Any, most: int) -> Any:
    """One forward pass."""
    return [_pass(model, prompt, tokens, 0, 0, len(tokens)).item()]


CONTENDERS = {"ours": ours, "naive": naive, "global": global_}


def multiplications(steps: int, window: str, options: argparse.Namespace) -> float:
    """How many times as many with weights the naive loop has, whatever they cost."""
    from builders.naturalness.windows import parse_window, spans_of

    shape = SHAPES[options.shape]
    hidden, heads = shape["hidden_size"], shape["num_attention_heads"]
    keys = hidden // heads * shape["num_key_value_heads"]
    layer = 2 * hidden * (hidden + keys) + 3 * hidden * shape["intermediate_size"]
    body, head = shape["num_hidden_layers"] * layer, hidden * shape["vocab_size"]
    prompt, tokens, starts = response(steps, options)
    seen = parse_window(window)
    spans = spans_of(starts, len(tokens), seen)
    first = [starts[step - seen.before(step)] for step in range(steps)]
    ends = [*starts[1:], len(tokens)]
    passes = [len(tokens), *(end - start for start, end in zip(first, ends, strict=True))]
    naive_ones = sum(len(prompt) + one for one in passes) * (body + head)
    run = len(prompt) + sum(span.end - span.start - 1 for span in spans)
    wanted = sum(span.end - span.scored for span in spans)
    return naive_ones / (run * body + wanted * head)


def measure_one(options: argparse.Namespace) -> None:
    """One contender on every response and window; writes seconds, CPU seconds, and scores."""
    import torch

    from builders.naturalness.windows import parse_window

    model = student(options)
    run = CONTENDERS[options.contender]
    found: dict[str, Any] = {}
    with torch.inference_mode():
        run(model, *response(2, options), parse_window("1"), options.batch_tokens)
        for steps, window in itertools.product(options.steps, options.windows):
            made = response(steps, options)
            if options.device != "cpu":
                torch.cuda.synchronize()
            wall, cpu = time.perf_counter(), time.process_time()
            scores = run(model, *made, parse_window(window), options.batch_tokens)
            if options.device != "cpu":
                torch.cuda.synchronize()
            found[f"{steps} {window}"] = {
                "seconds": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "scores": [float(one) for one in scores],
                "tokens": len(made[1]),
            }
    options.out.write_text(json.dumps(found))


def main() -> None:
    """Run the contenders in turns and write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 60, 150])
    parser.add_argument("--windows", nargs="+", default=["1", "4", "20%"])
    parser.add_argument("--prompt-tokens", type=int, default=90)
    parser.add_argument("--step-tokens", type=int, default=22, help="of a step, on average")
    parser.add_argument("--batch-tokens", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        measure_one(options)
        return

    from measure import in_turns, machine, spread, write_section

    with tempfile.TemporaryDirectory() as name:
        shared = [
            *("--shape", options.shape, "--device", options.device, "--dtype", options.dtype),
            *("--prompt-tokens", str(options.prompt_tokens)),
            *("--step-tokens", str(options.step_tokens)),
            *("--batch-tokens", str(options.batch_tokens)),
            *("--windows", *options.windows, "--steps", *map(str, options.steps)),
        ]
        out = {one: Path(name) / f"{one}.json" for one in options.contenders}
        words = {
            one: ["benchmarks/naturalness.py", "--contender", one, "--out", str(out[one]), *shared]
            for one in options.contenders
        }
        rounds: list[dict[str, dict[str, Any]]] = []
        peaks: dict[str, float] = dict.fromkeys(options.contenders, 0.0)
        for _ in range(options.rounds):
            runs = in_turns(words, rounds=1)
            rounds.append({one: json.loads(path.read_text()) for one, path in out.items()})
            peaks = {one: max(peaks[one], runs[one][0].peak_mb) for one in peaks}
    tolerance = 1e-3 if options.dtype == "float32" else 0.1
    clock = "cpu" if options.device == "cpu" else "seconds"
    lines = [
        "| steps | tokens | window | contender | CPU seconds | CPU against ours | "
        "responses/s | tokens/s |",
        "|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for key in rounds[0]["ours"]:
        steps, window = key.split()
        for one in options.contenders:
            each = [found[one][key] for found in rounds]
            own = [found["ours"][key] for found in rounds]
            if len(each[0]["scores"]) == len(own[0]["scores"]):
                np.testing.assert_allclose(
                    each[0]["scores"], own[0]["scores"], atol=tolerance, rtol=0
                )
            took = [run[clock] for run in each]
            ratio = [a / b[clock] for a, b in zip(took, own, strict=True)]
            middle = statistics.median(took)
            lines.append(
                f"| {steps} | {each[0]['tokens']:,} | {window} | {one} | {spread(took)} "
                f"| {'1' if one == 'ours' else spread(ratio)} "
                f"| {1 / middle:.3f} | {each[0]['tokens'] / middle:,.0f} |"
            )
    memory = ", ".join(f"{one} {peak:,.0f} MB" for one, peak in peaks.items())
    million = "; ".join(
        f"{key.replace(' ', ' steps, window ')}: "
        f"{statistics.median(one['ours'][key][clock] for one in rounds) * 1e6 / 86400:,.0f} days"
        for key in rounds[0]["ours"]
    )
    counted = "; ".join(
        f"{key.replace(' ', ' steps, window ')}: {multiplications(int(steps), window, options):.2f}"
        for key, (steps, window) in ((key, key.split()) for key in rounds[0]["ours"])
    )
    text = (
        f"A Llama of the shape of {options.shape} with random weights, {options.dtype} on "
        f"{options.device}, one core; prompts of {options.prompt_tokens} tokens, steps of about "
        f"{options.step_tokens}, {options.batch_tokens} tokens at once; {options.rounds} rounds in "
        "turns. The first two give the same scores, local and global. Responses and tokens of them "
        f"are those of one CPU second.\n\n" + "\n".join(lines) + f"\n\nPeak memory: {memory}.\n"
        "Counting multiplications with weights, the naive loop has so many times ours: "
        f"{counted}.\n"
        f"A million responses, by calculation, for `ours` on this one device: {million}.\n\n"
        f"{machine()}"
    )
    steps = " and ".join(map(str, options.steps))
    prompts = f"prompts of {options.prompt_tokens} tokens"
    title = f"Local naturalness: {options.shape}, {prompts}, {steps} steps"
    sizes = "-".join(map(str, (options.prompt_tokens, *options.steps)))
    name = f"naturalness_{options.shape}_{options.device}_{sizes}"
    write_section(name, title, text)


if __name__ == "__main__":
    main()
