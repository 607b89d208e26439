"""A synthetic pool: problems that a program writes, solves, and can verify.

The "teacher" is this program. Its traces look like a reasoning model's and are made to be learned
by a student of a million parameters in minutes; they say nothing about a real teacher.
"""

from __future__ import annotations

from builders.sources.demo.families import FAMILIES, POOL
from builders.sources.demo.others import TEACHERS, Trace
from builders.sources.demo.rows import SPLITS, DemoRow, benchmark, generate
from builders.sources.demo.strategies import STRATEGIES
from builders.sources.demo.teacher import SECOND_ANSWERER, TEACHER

__all__ = [
    "FAMILIES",
    "POOL",
    "SECOND_ANSWERER",
    "SPLITS",
    "STRATEGIES",
    "TEACHER",
    "TEACHERS",
    "DemoRow",
    "Trace",
    "benchmark",
    "generate",
]
