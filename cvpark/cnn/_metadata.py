"""Store a record in a TFLite model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..models._tflite import METADATA_NAME


def write_metadata(content: bytes, facts: Mapping[str, Any]) -> bytes:
    """The model with ``facts`` in the metadata entry ``cvpark``, in place of any before.

    Parameters
    ----------
    content : bytes
        A valid TFLite model.
    facts : mapping
        JSON-able.

    Returns
    -------
    bytes
        What `cvpark.models.CNN` reads back as its card.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    record = schema.BufferT()
    record.data = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    model.buffers.append(record)
    model.metadata = [
        *(other for other in model.metadata or () if _text(other.name) != METADATA_NAME),
        entry,
    ]
    builder = flatbuffers.Builder(len(content) + len(record.data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
