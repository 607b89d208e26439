"""Embedders that are models: run here, or behind an endpoint."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_server import Answer, ModelServer, Request, as_json
from students import make_student

from builders.embedders.endpoint import Server, endpoint
from builders.embedders.models import open_model
from builders.errors import BadOption, EndpointError

NT = Callable[..., tuple[int, str, str]]

TEXTS = ["How many apples are there?", "A train leaves at noon.", "Why?", "How many pears?" * 30]


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_student(tmp_path_factory.mktemp("causal") / "tiny-llama", TEXTS)


@pytest.fixture(scope="module")
def of_sentences(causal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(causal))
    model = SentenceTransformer(modules=[transformer, Pooling(32, "mean")], device="cpu")
    folder = tmp_path_factory.mktemp("sentences") / "tiny-sentences"
    model.save(str(folder))
    return folder


def test_hidden_states_are_averaged_without_special_tokens(causal: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    embedder = open_model(str(causal), revision=None, max_tokens=64)
    assert embedder.facts["kind"] == "causal LM" and embedder.facts["embedder"] == "tiny-llama"
    vectors = embedder.embed([*TEXTS, ""])
    tokenizer = AutoTokenizer.from_pretrained(causal)
    model = AutoModelForCausalLM.from_pretrained(causal)
    for text, vector in zip(TEXTS, vectors, strict=False):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:64]
        with torch.no_grad():
            states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0]
        mean = states.mean(dim=0).numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert not vectors[-1].any(), "nothing is known of an empty text"


def test_hidden_states_do_not_depend_on_the_batch(causal: Path) -> None:
    embed = open_model(str(causal), revision=None, max_tokens=512).embed
    together = embed(TEXTS * 20)
    np.testing.assert_allclose(together[:4], embed(TEXTS), atol=1e-5)
    np.testing.assert_allclose(together[-1], embed(TEXTS[-1:])[0], atol=1e-5)


def test_a_model_is_not_asked_to_read_more_than_it_can(tmp_path: Path, causal: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config

    tokenizer = AutoTokenizer.from_pretrained(causal)
    tokenizer.save_pretrained(tmp_path)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=32, n_layer=1, n_head=2)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    embedder = open_model(str(tmp_path), revision=None, max_tokens=512)
    assert embedder.facts["max_tokens"] == 16
    long = "How many pears?" * 30
    start = tokenizer.decode(tokenizer(long, add_special_tokens=False)["input_ids"][:16])
    np.testing.assert_allclose(*embedder.embed([long, start]), atol=1e-5)
    assert open_model(str(tmp_path), revision=None, max_tokens=8).facts["max_tokens"] == 8


def test_a_gpu_that_is_too_small_is_said(causal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(*args: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr("builders.embedders.hidden._pooled", full)
    embedder = open_model(str(causal), revision=None, max_tokens=64)
    with pytest.raises(BadOption, match=r"tiny-llama: needs more memory .* smaller --max-tokens"):
        embedder.embed(TEXTS)


def test_a_model_of_sentence_transformers_keeps_its_own_pooling(of_sentences: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = open_model(str(of_sentences), revision=None, max_tokens=512)
    assert embedder.facts["kind"] == "sentence-transformers"
    theirs = SentenceTransformer(str(of_sentences), device="cpu").encode(TEXTS)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.embed(TEXTS), theirs, atol=1e-5)


def test_another_model_or_length_is_another_key(causal: Path, of_sentences: Path) -> None:
    def key(folder: Path, max_tokens: int = 512) -> str:
        return open_model(str(folder), revision=None, max_tokens=max_tokens).key

    before = key(causal)
    assert before == key(causal)
    assert len({before, key(of_sentences), key(causal, 64)}) == 3
    config = causal / "config.json"
    text = config.read_text()
    config.write_text(text + "\n")
    assert key(causal) != before
    config.write_text(text)


def vector_of(text: str) -> list[float]:
    """Synthetic; depends on the text alone."""
    return [float(len(text)), float(len(set(text))), float("apples" in text)]


def embeddings(texts: list[str]) -> Any:
    rows = [{"index": n, "embedding": vector_of(text)} for n, text in enumerate(texts)]
    return {"object": "list", "data": rows[::-1], "usage": {"prompt_tokens": 9}}


def serve(request: Request) -> Answer:
    return as_json(embeddings(request.body["input"]))


def expected(texts: list[str]) -> Any:
    vectors = np.array([vector_of(text) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ask(server: ModelServer, texts: list[str], **more: Any) -> Any:
    keys = {server.url: more.pop("key", None)}
    return endpoint(Server(keys, "m", batch=2, **more)).embed(texts)


def test_an_endpoint_gives_vectors_in_order_and_gets_its_own_key_only(monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with ModelServer(serve) as server:
        np.testing.assert_allclose(ask(server, TEXTS), expected(TEXTS), rtol=1e-5)
        assert all("authorization" not in one.headers for one in server.requests)
        assert {one.path for one in server.requests} == {"/v1/embeddings"}
        ask(server, TEXTS, key="own")
        assert server.requests[-1].headers["authorization"] == "Bearer own"


def test_an_endpoint_is_waited_for_and_tried_again() -> None:
    def moody(request: Request) -> Answer:
        if request.number == 0:
            return Answer(status=429, headers=(("retry-after", "0.05"),))
        if request.number == 1:
            return Answer(status=500)
        if request.number == 2:
            return as_json({"data": []})
        return serve(request)

    with ModelServer(moody) as server:
        np.testing.assert_allclose(ask(server, TEXTS), expected(TEXTS), rtol=1e-5)


def test_a_text_that_is_refused_gets_zeros_and_the_others_their_vectors() -> None:
    def strict(request: Request) -> Answer:
        if any(len(text) > 100 for text in request.body["input"]):
            return Answer(b'{"error": "too long"}', status=400)
        return serve(request)

    with ModelServer(strict) as server:
        vectors = ask(server, TEXTS)
        np.testing.assert_allclose(vectors[:3], expected(TEXTS[:3]), rtol=1e-5)
        assert not vectors[3].any()
        with pytest.raises(EndpointError, match=r"refuses every question: HTTP 400: .*too long"):
            ask(server, TEXTS[3:])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b"no key: own", status=401), "HTTP 401: no key: …"),
        (Answer(status=500), "HTTP 500"),
        (Answer(b"<html>"), "no reply"),
        (as_json({"data": [{"index": 0, "embedding": "x"}]}), "no reply"),
        (Answer(status=307, headers=(("location", "http://else.where"),)), "HTTP 307"),
    ],
)
def test_an_endpoint_that_does_not_do_it_ends_the_run(answer: Answer, said: str) -> None:
    with ModelServer(lambda request: answer) as server, pytest.raises(EndpointError) as caught:
        ask(server, TEXTS[:1], key="own", tries=2, patience=0.2)
    assert said in str(caught.value) and "own" not in str(caught.value)


def test_an_endpoint_that_is_not_there_ends_the_run() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EndpointError, match="cannot be reached"):
            endpoint(Server({url: None}, "m", patience=0.1)).embed(TEXTS)


def test_the_command_line_embeds_by_an_endpoint_and_by_a_causal_model(
    nt: NT, tmp_path: Path, causal: Path
) -> None:
    pool, file = tmp_path / "pool", tmp_path / "asked.jsonl"
    rows = [{"question": f"{'apples ' * (n % 3)}{'why ' * (n % 4)} {n % 30}?"} for n in range(300)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert nt("import", file, "--pool", pool, "--license", "mit")[0] == 0
    words = ["annotate", "clusters", "--pool", pool, "--overwrite", "--json"]
    words += ["--min-cluster-size", 4, "--min-samples", 1, "--largest", 0.5, "--dimensions", 2]
    with ModelServer(serve) as server:
        where = ["--embedder", "endpoint", "--base-url", server.url, "--embedding-model", "e5"]
        code, out, error = nt(*words, *where)
        assert code == 0, error
        assert json.loads(out)["embedder"]["embedder"] == "e5"
        before = len(server.requests)
        assert nt(*words, *where, "--seed", 1)[0] == 0
        assert len(server.requests) == before, "paid twice"
    code, out, error = nt(*words, "--embedder", causal)
    assert code == 0, error
    assert json.loads(out)["embedder"]["kind"] == "causal LM"
    assert len(list((pool / "embeddings").iterdir())) == 2
