"""Recorded straight-line programs: optimised, planned, and replayed at the speed of hand-written NumPy."""
