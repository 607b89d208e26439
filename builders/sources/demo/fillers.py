"""What a wordy solver says beside the point. No numbers but ``{v}``, the value just reached."""

from __future__ import annotations

OPENERS = (
    "Okay.",
    "Let me see.",
    "Let me think about this.",
    "I read the question once more.",
    "This looks simple enough, but I take my time.",
    "Every number matters here, so I want to be careful.",
    "The question gives me all that I need.",
    "I begin at the beginning and go on from there.",
    "First I want to be sure that I understand what is asked.",
    "It helps to go slowly and to write everything down.",
    "There is no hurry, and a small error would spoil the result.",
    "I have seen such questions before, and they are easy to get wrong when one rushes.",
    "The text is short, yet each sentence of it carries a fact that I must not lose.",
    "So I will say each sentence to myself and work out what it means for the result.",
    "I do not want to guess here, because a guess would be worth very little.",
    "What is given comes first, and what is asked comes at the very end of the text.",
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
    "That was the last one.",
    "Nothing else is left to do.",
    "There is nothing more in the text.",
    "That should be all that was asked.",
    "I have used every sentence of the question.",
    "The work is done, and I only have to say what came out.",
    "It was longer than I thought, but no single step was hard.",
    "I am glad that I went slowly, since it would have been easy to lose the thread.",
    "Looking over it once more, I see no sentence that I left out.",
    "The result seems sensible for a question of this kind.",
    "I do not see any reason to doubt what came out of it.",
    "If somebody asked me, I could now say it without looking at the text again.",
)

ENDS = ("So the answer is {x}.", "That gives {x}.", "The result is {x}.")
