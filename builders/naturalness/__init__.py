"""How natural a response is to a student before its training: local and global naturalness.

From the ground up: `splitting` divides a text into steps, `windows` says how many of the steps
before one it sees, `encoding` turns a trace into tokens and steps of tokens, `student` loads the
model, `forward` asks it for log-probabilities, `scores` makes columns of them.
"""
