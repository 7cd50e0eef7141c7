"""The built-in sample: rendered parking lots in the layout of CNRPark+EXT."""

from .make import make_sample, sample_path

__all__ = ["make_sample", "sample_path"]
