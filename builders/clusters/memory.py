"""How much memory clustering takes, estimated before anything is computed."""

from pathlib import Path

from builders.clusters import Settings
from builders.errors import BadOption

_BASE = 400e6  # Python with scikit-learn, and a shard of questions
_FITTED = 1500  # bytes a fitted point: HDBSCAN takes a third of it, see benchmarks/README.md
_TEXT = 2500  # bytes a fitted question: its text, its words, and what the SVD makes of them
_POINT = 40  # bytes a question, besides its reduced vector: keys, labels, order
_PIECE = 4096 * 8 + 8192 * 8  # bytes for each dimension of a vector: a shard, and a piece of it


def needed(questions: int, vector: int, settings: Settings) -> int:
    """Bytes that clustering takes at its peak, about.

    Args:
        questions: of the pool.
        vector: the dimensions of an embedding.
        settings: how clusters are made.
    """
    fitted = min(questions, settings.fit_on)
    fixed = _BASE + _PIECE * vector + 3 * 8 * vector**2  # the sums of PCA, and what eigh copies
    points = questions * (_POINT + 2 * 4 * settings.dimensions)
    return round(fixed + points + fitted * (_FITTED + _TEXT))


def check(questions: int, vector: int, settings: Settings, *, available: int | None) -> None:
    """Refuse what does not fit.

    Raises:
        BadOption: with the largest sample that does.
    """
    takes = needed(questions, vector, settings)
    if available is None or takes <= available:
        return
    said = (
        f"clustering {questions:,} questions with --fit-on {settings.fit_on} takes about "
        f"{takes / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free"
    )
    without = needed(questions, vector, settings._replace(fit_on=0))
    fits = int((available - without) / (_FITTED + _TEXT)) // 1000 * 1000
    if fits < 1000:
        raise BadOption(f"{said}; even the smallest sample would not fit: use a larger machine")
    raise BadOption(f"{said}; --fit-on {fits} fits")


def available() -> int | None:
    """Bytes of memory that are free for this process; None where the system does not tell."""
    found = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        if "MemAvailable" in lines:
            found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.exists() and limit.read_text().strip().isdigit():
        found.append(int(limit.read_text()) - int(used.read_text()))
    return min(found, default=None)
