"""CNRPark+EXT on disk and the built-in sample: lists and names in, splits and images out."""

from ._cnrpark import Dataset
from ._folder import labelled_split, slot_groups
from ._images import decode_image, read_image
from ._protocols import PROTOCOLS, Protocol, get_protocol
from ._sample import make_sample, sample_path
from ._split import Split, check_same_split, fingerprint

__all__ = [
    "PROTOCOLS",
    "Dataset",
    "Protocol",
    "Split",
    "check_same_split",
    "decode_image",
    "fingerprint",
    "get_protocol",
    "labelled_split",
    "make_sample",
    "read_image",
    "sample_path",
    "slot_groups",
]
