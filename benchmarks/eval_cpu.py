"""Evaluating on CPU: eval.py against bare lighteval on the same task, and against `generate` alone.

All three load the same student (the demo's shape, or SmolLM2-135M's, with random weights: it hardly
ever ends a reply, so all generate as much), ask the same questions with the same length limit and
batch, one after another in turns. All sample; for bare lighteval the student's generation config
has to say so. `generate` alone decodes, and scores nothing.

    python benchmarks/eval_cpu.py
    python benchmarks/eval_cpu.py --shape smollm2-135m --questions 16 --length 64 --batch 8

Wanted: no slower than bare lighteval, and at most a tenth above `generate` alone but for the start.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import measure
from train_tokens import SHAPES

ROOT = Path(__file__).parent.parent

# At import lighteval fetches a file for tasks that nobody asked for.
BARE = """
import sys, requests; from types import SimpleNamespace as N
requests.get = lambda *a, **k: N(status_code=404)
from lighteval.__main__ import app; app()
"""

ALONE = """
import json, sys, torch; from transformers import AutoModelForCausalLM, AutoTokenizer
student, questions, length, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tokenizer = AutoTokenizer.from_pretrained(student, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(student).eval()
asked = [json.loads(line)["question"] for line in open(questions)]
prompts = [tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False,
           add_generation_prompt=True) for text in asked]
for at in range(0, len(prompts), batch):
    given = tokenizer(prompts[at : at + batch], padding=True, return_tensors="pt")
    with torch.inference_mode():
        out = model.generate(**given, max_new_tokens=length, do_sample=True, temperature=0.6,
                             top_p=0.95, pad_token_id=tokenizer.pad_token_id)
    tokenizer.batch_decode(out[:, given["input_ids"].shape[1] :])
"""


def make(folder: Path, shape: str, questions: int) -> None:
    """A student with random weights, and questions."""
    sys.path.insert(0, str(ROOT / "tests"))
    import torch
    from students import make_tokenizer
    from transformers import AutoModelForCausalLM, LlamaConfig

    rows = [
        {"question": f"Jo has {n} apples and buys {n % 7} more. How many are there?", "answer": "1"}
        for n in range(questions)
    ]
    tokenizer = make_tokenizer([row["question"] for row in rows])
    config = LlamaConfig(
        **SHAPES[shape], max_position_embeddings=4096, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    model.generation_config.update(do_sample=True, temperature=0.6, top_p=0.95)
    model.save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "bare.py").write_text(BARE)
    (folder / "alone.py").write_text(ALONE)
    # eval.py goes on with what is there: each round gets a folder of its own.
    (folder / "ours.py").write_text(
        "import os, runpy, sys\n"
        f"sys.argv = [sys.argv[0], *sys.argv[1:], '--out', f'{folder}/{{os.getpid()}}']\n"
        f"sys.path.insert(0, '{ROOT}/recipes')\n"
        f"runpy.run_path('{ROOT}/recipes/eval.py', run_name='__main__')\n"
    )


def main() -> None:
    """Measure, and write the section."""
    told = argparse.ArgumentParser()
    told.add_argument("--shape", choices=SHAPES, default="demo")
    told.add_argument("--questions", type=int, default=128)
    told.add_argument("--length", type=int, default=384)
    told.add_argument("--batch", type=int, default=64)
    told.add_argument("--rounds", type=int, default=3)
    o = told.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(folder, o.shape, o.questions)
        student, data = str(folder / "student"), str(folder / "own.jsonl")
        os.environ |= {
            "HF_HUB_OFFLINE": "1", "HF_HOME": scratch, "EVAL_DATA": f"own={data}",
            "EVAL_MAX_NEW_TOKENS": str(o.length), "TQDM_DISABLE": "1",
        }  # fmt: skip
        ask = ["--data", f"own={data}", "--modes", "adaptive", "--seeds", "1"]
        limit = ["--max-new-tokens", str(o.length), "--batch-size", str(o.batch)]
        how = "generation_parameters={temperature:0.6,top_p:0.95}"
        model = f"model_name={student},batch_size={o.batch},{how}"
        tasks = str(ROOT / "recipes" / "lighteval_tasks.py")
        contenders = {
            "eval.py": [str(folder / "ours.py"), "--model", student, *ask, *limit],
            "bare lighteval": [str(folder / "bare.py"), "accelerate", model, "nt_own:adaptive|0",
                               "--custom-tasks", tasks, "--output-dir", f"{scratch}/bare"],
            "`generate` alone": [str(folder / "alone.py"), student, data, str(o.length),
                                 str(o.batch)],
        }  # fmt: skip
        # The cache of lighteval lies in the student's folder, and would answer the second round.
        runs: dict[str, list[measure.Run]] = {name: [] for name in contenders}
        for _ in range(o.rounds):
            for name, taken in measure.in_turns(contenders, rounds=1).items():
                runs[name] += taken
            for path in (folder / "student").iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
    text = (
        f"{o.questions} questions, {o.length} tokens each, batches of {o.batch}, a student of the "
        f"shape of {o.shape} with random weights, one core, {o.rounds} rounds.\n\n"
        f"{measure.table(runs, 'eval.py')}\n\n{measure.machine()}"
    )
    title = f"Evaluation on CPU ({o.shape})"
    measure.write_section(f"eval-cpu-{o.shape}", title, text)


if __name__ == "__main__":
    main()
