#!/usr/bin/env bash
# Does a small student gain from a thousand traces? SmolLM2-135M on GSM8K, before and after, on a CPU.
#
#     bash recipes/smollm2-135m/gsm8k.sh train.jsonl out/gsm8k [STUDENT]
#
# A tenth of the file's questions, by a hash, is never trained on and asks both students. Each step
# goes on where it was cut off. The slice is ours, for a CPU: one epoch, 200 questions, decoded greedily.
set -euo pipefail
file=$1 out=$2 student=${3:-HuggingFaceTB/SmolLM2-135M-Instruct}
mkdir -p "$out"

python - "$file" "$out" <<'PYTHON'
import hashlib, json, sys

def held_out(question):
    return hashlib.sha256(question.encode()).digest()[0] % 10 == 0

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
for name, wanted in (("train", False), ("held-out", True)):
    chosen = [row for row in rows if held_out(row["question"]) == wanted]
    if wanted:  # what is asked has the final answer alone
        chosen = [row | {"answer": row["answer"].rpartition("####")[2].strip()} for row in chosen]
    with open(f"{sys.argv[2]}/{name}.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in chosen)
    print(f"{name}: {len(chosen)} questions")
PYTHON

nt import "$out/train.jsonl" --pool "$out/pool" --license mit
nt build --pool "$out/pool" --out "$out/nt" --config random-1k

python recipes/sft.py --config recipes/smollm2-135m/random-1k.yaml --model_name_or_path "$student" \
    --dataset_name "$out/nt" --output_dir "$out/student" --use_cpu true --gradient_checkpointing false \
    --max_length 1024 --tokens_per_step 4000 --tokens_per_device 2000 --num_train_epochs 1 \
    --learning_rate 1.0e-4

for name in before after; do
    model=$student
    if [ $name = after ]; then model=$out/student; fi
    python recipes/eval.py --model "$model" --data gsm8k="$out/held-out.jsonl" --instructions "$out/nt" \
        --max-samples 200 --temperature 0 --max-new-tokens 320 --dtype bfloat16 --out "$out/results/$name"
done
python recipes/compare.py "$out/results/before" "$out/results/after" --out "$out/report"
