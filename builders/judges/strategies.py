"""The reasoning strategies that judges look for: a closed list, with a line of definition each.

The paper names self-verification, backtracking and exploration in public; the rest of the list and
all definitions are ours.
"""

STRATEGIES = {
    "analogy": "the problem, or a part of it, is treated like another one that is better known",
    "backtracking": "a step is recognised as wrong or leading nowhere, and is given up or redone",
    "case-analysis": "the possibilities are divided into cases, which are treated one by one",
    "contradiction": "something is assumed in order to show that it cannot be",
    "decomposition": "the problem is divided into smaller ones, solved one after the other",
    "elimination": "candidates are ruled out until one or few are left",
    "estimation": "a rough value is found instead of, or before, the exact one",
    "exploration": "a second, different way to the result is tried or weighed",
    "generalisation": "a rule is drawn from instances, or a more general claim is shown",
    "planning": "the steps to come are laid out before they are taken",
    "recall": "a named theorem, law, definition or fact is stated in order to use it",
    "restatement": "the question is put into other words or another notation to understand it",
    "self-verification": "a result is checked: put back, recomputed, held against what is known",
    "simplification": "an easier version is solved first, or what does not matter is left out",
    "small-examples": "concrete small instances are tried to see what happens",
    "working-backwards": "the thought goes from the goal, or the result, back to what is given",
}
