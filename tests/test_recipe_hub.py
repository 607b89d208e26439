"""Training on a data set of the Hub, and pushing the student, with the real client."""

from pathlib import Path

import pytest
from model_hub import ModelHub
from recipe_runs import Sft, record_of

from tests.hub_server import COMMIT, HubServer

# On one worker, which trains the student that they share once.
pytestmark = pytest.mark.xdist_group("student")

TOKEN = "hf_secret0123456789"


def hub_environment(url: str, home: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }


@pytest.mark.slow
def test_the_commit_that_was_read_is_recorded(sft: Sft, release: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with HubServer("org/nt", release, {"license": "apache-2.0"}) as server:
        environment = hub_environment(server.url, tmp_path / "home")
        words = ("--output_dir", out, "--dataset_name", "org/nt", "--match_steps", 2)
        sft(*words, "--dataset_revision", "v1.0.0", **environment)
        other = sft(*words, "--dataset_revision", "f" * 40, check=False, **environment)
    card = (out / "README.md").read_text()
    assert f"commit `{COMMIT}`" in card
    assert f"--match_steps 2 --dataset_revision {COMMIT}" in card
    assert "v1.0.0" not in card
    assert "datasets:\n- org/nt" in card
    assert "| length of training | --match_steps 2 |" in card
    assert record_of(out)["steps"] == 2
    assert other.returncode == 2
    assert f"but read {COMMIT[:12]}" in other.stderr


def test_the_student_is_pushed_with_its_card_in_one_commit(
    sft: Sft, trained: tuple[Path, str], tmp_path: Path
) -> None:
    out, _ = trained
    words = ("--output_dir", out, "--push_to_hub", "--hub_private_repo", "true")
    with ModelHub() as hub:
        environment = hub_environment(hub.url, tmp_path / "home")
        hub.refuse = 403
        refused = sft(*words, "--hub_model_id", "me/student", check=False, **environment)
        hub.refuse = None
        pushed = sft(*words, "--hub_model_id", "me/student", **environment)
    assert refused.returncode == 2
    assert "was not pushed" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "pushed to http://127.0.0.1" in pushed.stdout
    assert hub.commits == ["Student, card and record of its training"]
    assert hub.private is True
    wanted = {"README.md", "model.safetensors", "config.json", "run.json", "tokenizer.json"}
    assert wanted <= set(hub.files)
    assert not {"training_args.bin", "preflight.html"} & set(hub.files)
    assert all(data == (out / name).read_bytes() for name, data in hub.files.items())
    assert hub.tokens == {f"Bearer {TOKEN}"}
    told = refused.stdout + refused.stderr + pushed.stdout + pushed.stderr
    assert TOKEN not in told
    assert not any(TOKEN.encode() in data for data in hub.files.values())
