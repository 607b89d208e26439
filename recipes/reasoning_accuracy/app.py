"""The page of the metric, where the folder is a Space."""

import evaluate
from evaluate.utils import launch_gradio_widget

launch_gradio_widget(evaluate.load("reasoning_accuracy.py"))
