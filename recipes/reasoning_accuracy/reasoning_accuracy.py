"""Accuracy of replies with reasoning, with its interval, their length, and the share that was cut.

    import evaluate
    metric = evaluate.load("recipes/reasoning_accuracy")
    metric.compute(predictions=[True, False], questions=["a", "b"], tokens=[90, 120],
                   truncated=[False, False])

It needs no network; `recipes/eval.py` prints its table by it.
"""

import datasets
import evaluate
import numpy as np

DESCRIPTION = """Accuracy over questions that were asked with several seeds. Its standard error is
clustered by question: replies to one question are not independent. Beside it stand the mean number
of generated tokens and the share of replies that were cut by the length limit and count as wrong.
"""

INPUTS = """
    predictions: whether each reply is right.
    questions: the question that each reply belongs to.
    tokens: the tokens of each reply.
    truncated: whether each reply was cut.
Returns accuracy, standard_error (NaN with one question), low and high (the 95% interval), tokens,
truncated, questions, replies."""


class ReasoningAccuracy(evaluate.Metric):
    """The metric, as `evaluate` wants it."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description=INPUTS,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("bool"),
                    "questions": datasets.Value("string"),
                    "tokens": datasets.Value("int64"),
                    "truncated": datasets.Value("bool"),
                }
            ),
        )

    def _compute(self, predictions, questions, tokens, truncated):  # type: ignore[no-untyped-def]
        right = np.asarray(predictions, dtype=float)
        _, of = np.unique(np.asarray(questions), return_inverse=True)
        clusters = int(of.max()) + 1
        mean = float(right.mean())
        # The sum of deviations of each question; questions are what was drawn.
        sums = np.bincount(of, weights=right - mean, minlength=clusters)
        error = float("nan")
        if clusters > 1:
            error = float(np.sqrt(clusters / (clusters - 1) * (sums**2).sum()) / len(right))
        return {
            "accuracy": mean,
            "standard_error": error,
            "low": mean - 1.96 * error,
            "high": mean + 1.96 * error,
            "tokens": float(np.mean(tokens)),
            "truncated": float(np.mean(truncated)),
            "questions": clusters,
            "replies": len(right),
        }
