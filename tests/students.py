"""Tiny students with random weights and a small tokenizer, in the chat formats of real families."""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

ROOT = Path(__file__).parent.parent
# The recipes are scripts: their folder is on the path when one of them is launched.
sys.path.append(str(ROOT / "recipes"))

LOOP = "{% for m in messages %}"
CHATML = (
    LOOP + "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "<|begin_of_text|>" + LOOP + "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
THOUGHT = "{{ m.content.split('</think>')[0].replace('<think>', '').strip() }}"
ANSWER = "{{ m.content.split('</think>')[-1].strip() }}"
# What the families do with thinking, in templates of our own.
TEMPLATES = {
    "chatml": CHATML,
    "llama": LLAMA,
    # Qwen 3 renders the thinking anew, and puts an empty block before a plain answer.
    "qwen3": LOOP + "<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "<think>\n{% if '</think>' in m.content %}" + THOUGHT + "{% endif %}\n</think>\n\n" + ANSWER
    + "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    # DeepSeek-R1-Distill keeps what follows the thinking, and opens it in the prompt.
    "strips": LOOP + "<|im_start|>{{ m.role }}\n" + ANSWER + "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
    "opens": CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"),
    "reorders": LOOP + "<|im_start|>{{ m.role }}\n{% if '</think>' in m.content %}" + ANSWER
    + "\n<think>\n" + THOUGHT + "\n</think>{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "no_end": CHATML.replace("<|im_end|>", ""),
    "other_end": CHATML.replace("<|im_end|>", "<|eot_id|>"),
    "prompt_differs": CHATML.replace("assistant\n{% endif %}", "bot\n{% endif %}"),
    "dated": "{{ strftime_now('%d %b %Y') }}\n" + CHATML,
    "tags": LOOP + "<|{{ m.role }}|>{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}",
}  # fmt: skip
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>"]
SPECIAL += ["<|end_header_id|>", "<|eot_id|>", "<|pad|>"]


def make_tokenizer(texts: list[str], family: str = "chatml") -> PreTrainedTokenizerFast:
    """Byte-level BPE, so that every text comes back as it was."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|eot_id|>" if family == "llama" else "<|im_end|>",
        pad_token="<|pad|>",
    )
    fast.chat_template = TEMPLATES[family]
    return fast


def make_student(
    folder: Path, texts: list[str], *, family: str = "chatml", positions: int = 4096
) -> Path:
    """A Llama of two layers in a folder."""
    tokenizer = make_tokenizer(texts, family)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
