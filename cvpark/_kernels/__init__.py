"""Compiled loops: arrays in, arrays filled.

Modules here import ``math``, ``numpy``, ``numba`` and each other, nothing else. They do not check
their arguments: the extractors and models above them do, once for a whole batch.
"""
