import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_builds_a_release_in_an_empty_folder(tmp_path: Path) -> None:
    wheels, site, empty = (tmp_path / name for name in ("wheels", "site", "empty"))
    empty.mkdir()
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("tests", "recipes", "docs"))]

    def nt(*words: str) -> str:
        program = "import sys; from builders.cli import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *words],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import builders; print(builders.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-P", "-c", where]
    found = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(site)), "the test must run the wheel, not the checkout"

    nt("import", "demo", "--rows", "200", "--pool", "pool")
    nt("build", "--pool", "pool", "--out", "nt", "--config", "random-100")
    assert (empty / "nt" / "README.md").read_text().startswith("---\n")
