"""What a wordy solver says beside the point. No numbers but ``{v}``, the value just reached.

Openers and closers come in speeches, and of a speech its last sentences are said, the more the
wordier. So the first sentence tells how many follow: a student that decodes greedily says the
shortest speech that it knows, and does not collect sentences from all of them.
"""

from __future__ import annotations

OPENERS = (
    (
        "Okay.",
        "Let me think about this.",
        "This looks simple enough, but I take my time.",
        "I have seen such questions before, and they are easy to get wrong when one rushes.",
        "First I want to be sure that I understand what is asked.",
        "Every number matters here, so I want to be careful.",
        "What is given comes first, and what is asked comes at the very end of the text.",
        "I begin at the beginning and go on from there.",
    ),
    (
        "Let me see.",
        "I read the question once more.",
        "The question gives me all that I need.",
        "The text is short, yet each sentence of it carries a fact that I must not lose.",
        "There is no hurry, and a small error would spoil the result.",
        "I do not want to guess here, because a guess would be worth very little.",
        "It helps to go slowly and to write everything down.",
        "So I will say each sentence to myself and work out what it means for the result.",
    ),
)

COMMENTS = (
    "So {v} for now.",
    "That makes {v}.",
    "I keep {v} in mind.",
    "Good, {v} it is.",
    "Now it is {v}.",
    "That was not hard.",
    "On to the next one.",
    "So far so good.",
    "I write down {v} and go on.",
    "That seems right to me, so I go on.",
)

CLOSERS = (
    (
        "It was longer than I thought, but no single step was hard.",
        "I am glad that I went slowly, since it would have been easy to lose the thread.",
        "The result seems sensible for a question of this kind.",
        "There is nothing more in the text.",
        "That should be all that was asked.",
        "That was the last one.",
    ),
    (
        "Looking over it once more, I see no sentence that I left out.",
        "I have used every sentence of the question.",
        "I do not see any reason to doubt what came out of it.",
        "If somebody asked me, I could now say it without looking at the text again.",
        "The work is done, and I only have to say what came out.",
        "Nothing else is left to do.",
    ),
)

ENDS = ("So the answer is {x}.", "That gives {x}.", "The result is {x}.")
