"""Which teacher is most natural to a student: scores, their means and intervals, and in words."""
