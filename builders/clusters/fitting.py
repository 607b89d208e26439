"""HDBSCAN on points that fit into memory, by the package hdbscan or, on a GPU, by cuML."""

from typing import Any

import numpy as np

from builders.clusters import NOISE, Labels, Points, Settings
from builders.errors import BadOption

_SMALLEST = 5
"""In a sample a cluster has fewer members; of less than these nothing can be told."""


def fit(points: Points, settings: Settings, *, of: int) -> Labels:
    """The clusters of these points.

    Args:
        points: all, or a sample.
        settings: `min_cluster_size` counts members among all points.
        of: how many points there are in all.

    Raises:
        BadOption: the package is not installed.
    """
    size = scaled_size(settings, len(points), of)
    options = {
        "min_cluster_size": size,
        "min_samples": min(settings.min_samples, len(points) - 1),
        "max_cluster_size": max(size, int(settings.largest * len(points))),
        "cluster_selection_method": "eom",
    }
    if len(points) < 2 * size:
        return np.full(len(points), NOISE, np.int32)
    make = _cuml if settings.backend == "cuml" else _hdbscan
    labels: Labels = np.asarray(make(options).fit_predict(points), np.int32)
    return labels


def scaled_size(settings: Settings, fitted: int, of: int) -> int:
    """How many members a cluster must have in a sample."""
    smallest = min(settings.min_cluster_size, _SMALLEST)
    return max(smallest, round(settings.min_cluster_size * fitted / of))


def _hdbscan(options: dict[str, Any]) -> Any:
    try:
        from hdbscan import HDBSCAN
    except ImportError as error:
        raise BadOption(
            "--backend hdbscan: the package hdbscan is not installed; it comes with the extra "
            "'embed': pip install 'naturalthoughts[embed]'"
        ) from error
    # By default it approximates the spanning tree, and starts four processes.
    return HDBSCAN(**options, approx_min_span_tree=False, core_dist_n_jobs=1)


def _cuml(options: dict[str, Any]) -> Any:
    try:
        from cuml.cluster.hdbscan import HDBSCAN
    except ImportError as error:
        raise BadOption(
            "--backend cuml: RAPIDS cuML is not installed; it needs an NVIDIA GPU: see "
            "https://docs.rapids.ai/install, or leave the option out"
        ) from error
    return HDBSCAN(**options, output_type="numpy")
