"""lighteval's pipeline over our tasks and our models, and over nothing else of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import launching
from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
from lighteval.tasks.registry import Registry

if TYPE_CHECKING:
    from lighteval.models.abstract_model import LightevalModel
    from lighteval.tasks.lighteval_task import LightevalTaskConfig


def run_tasks(
    tasks: Sequence[LightevalTaskConfig], load: Callable[[], LightevalModel], *, scratch: Path
) -> None:
    """Ask the questions of the tasks; the model keeps the replies.

    lighteval would import all its own tasks, which takes as long again as everything else, and one
    of them wants the network.
    """
    launching.hide_bars()
    for name in ("lighteval", "datasets", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    module = ModuleType("tasks")
    module.TASKS_TABLE = list(tasks)  # type: ignore[attr-defined]
    Registry.load_all_task_configs = staticmethod(  # type: ignore[method-assign]
        lambda custom_tasks=None, load_multilingual=False: Registry._extract_configs(custom_tasks)
    )
    pipeline = Pipeline(
        tasks=",".join(f"{task.name}|0" for task in tasks),
        pipeline_parameters=PipelineParameters(
            launcher_type=ParallelismManager.NONE,
            custom_tasks_directory=module,  # type: ignore[arg-type]
            remove_reasoning_tags=False,  # our metric looks at them
            bootstrap_iters=0,
        ),
        evaluation_tracker=EvaluationTracker(output_dir=str(scratch), save_details=False),
        model=load(),
    )
    pipeline.evaluate()
