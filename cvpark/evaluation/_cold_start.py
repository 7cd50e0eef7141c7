"""Start of a new process to its first answer."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..exceptions import CVParkError
from ..models import CNN, Model, StockModel
from ._dependencies import installed_bytes
from ._latency import Progress


class Script(NamedTuple):
    """Python that imports, loads ``{path!r}`` with ``{options!r}``, and answers."""

    imports: str
    load: str
    answer: str


CVPARK = Script(
    "import numpy as np\nfrom cvpark.models import load_model",
    "model = load_model({path!r}, **{options!r})",
    "model.predict(np.zeros((150, 150, 3), np.uint8))",
)

STOCK = Script(
    "import numpy as np\nfrom cvpark.models import StockModel",
    "model = StockModel.load({path!r})",
    CVPARK.answer,
)

# The CNN without any of cvpark.
LITERT = Script(
    "import cv2, numpy as np\nfrom ai_edge_litert.interpreter import Interpreter",
    """
network = Interpreter({path!r}, num_threads=1)
network.allocate_tensors()
given, = network.get_input_details()
_, height, width, channels = given["shape"]
""",
    """
patch = cv2.resize(np.zeros((150, 150, 3), np.uint8), (width, height), interpolation=cv2.INTER_AREA)
network.set_tensor(given["index"], patch[np.newaxis, ..., :channels].astype(given["dtype"]))
network.invoke()
network.get_tensor(network.get_output_details()[0]["index"])
""",
)

_BEGIN = """
import sys, time
already = set(sys.modules)
try:  # what the system tells of a new process begins with its parent's peak
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
except OSError:
    pass
marks = [time.perf_counter()]
"""
_MARK = "\nmarks.append(time.perf_counter())\n"
_END = """
modules = sorted({name.partition(".")[0] for name in set(sys.modules) - already})
peak = None
try:
    with open("/proc/self/status") as file:
        peak = [int(line.split()[1]) for line in file if line.startswith("VmHWM")][0] / 1000
except (OSError, IndexError):
    pass
import json
print("\\n" + json.dumps({"marks": marks, "peak_memory_mb": peak, "modules": modules}))
"""


def measure_cold_start(
    models: Sequence[Model],
    *,
    attempts: int = 5,
    progress: Progress = lambda items, total, label: items,
) -> list[dict[str, Any]]:
    """Time, memory and dependencies of a new process that answers one question.

    Models take turns, and what the first process of each takes is not counted: it may compile. A
    model that never was in a file is left out. A CNN comes twice: as cvpark runs it, and by its
    runtime alone, resized by OpenCV.

    Parameters
    ----------
    models : sequence of Model
    attempts : int
        Processes of each.
    progress : callable
        Called with processes, their number and a label; passes them through.

    Returns
    -------
    list of dict
        model, runtime : str. seconds, import_s, load_s, first_answer_s : list of float, a value
        an attempt; the first is all of a process's life, from outside. peak_memory_mb : list of
        float, None where the system does not tell. dependencies : dict, bytes of each distribution
        it imported; dependency_bytes : int, their sum, None when one is not known.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> rows = measure_cold_start([load_model("svm-linear")], attempts=1)
    >>> rows[0]["runtime"], rows[0]["seconds"][0] > rows[0]["first_answer_s"][0] > 0
    ('cvpark', True)
    """
    with _scripts(models) as scripts:
        found = cold_starts(scripts, attempts, progress=progress)
    return [{"model": name, "runtime": runtime, **row} for (name, runtime), row in found.items()]


def cold_starts(
    codes: Mapping[Any, Script],
    attempts: int,
    *,
    progress: Progress = lambda items, total, label: items,
) -> dict[Any, dict[str, Any]]:
    """What `measure_cold_start` measures, of any scripts.

    Parameters
    ----------
    codes : mapping
        Any key to a complete `Script`.
    attempts : int
    progress : callable

    Raises
    ------
    CVParkError
        A script failed.
    """
    runs: dict[Any, list[dict[str, Any]]] = {key: [] for key in codes}
    turns = [key for _ in range(attempts + 1) for key in codes]
    for key in progress(turns, len(turns), "cold start"):
        runs[key].append(_run(codes[key]))
    return {key: _summary(found) for key, found in runs.items()}


@contextmanager
def _scripts(models: Sequence[Model]) -> Iterator[dict[tuple[str, str], Script]]:
    """Scripts by name and runtime, as long as the files they load are there."""
    scripts: dict[tuple[str, str], Script] = {}
    with tempfile.TemporaryDirectory(prefix="cvpark-") as folder:
        for number, model in enumerate(models):
            if isinstance(model, StockModel):
                file = model.save(Path(folder) / f"{number}.zip")
                scripts[model.name, StockModel.runtime] = _of(STOCK, file)
            elif model.path is not None:
                options = model.options if isinstance(model, CNN) else {}
                scripts[model.name, "cvpark"] = _of(CVPARK, model.path, options)
                if isinstance(model, CNN):
                    scripts[model.name, "ai-edge-litert"] = _of(LITERT, model.path)
        yield scripts


def _of(script: Script, path: Path, options: Mapping[str, Any] | None = None) -> Script:
    load = script.load.format(path=str(path.resolve()), options=dict(options or {}))
    return script._replace(load=load)


def _run(script: Script) -> dict[str, Any]:
    code = _BEGIN + "".join(part + _MARK for part in script) + _END
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - start
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise CVParkError(f"a new process that ran {script.load.strip()!r} failed: {reason}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"seconds": seconds}


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    counted = runs[1:]
    marks = [run["marks"] for run in counted]
    sizes = installed_bytes(runs[-1]["modules"])
    known = [size for size in sizes.values() if size is not None]
    return {
        "seconds": [run["seconds"] for run in counted],
        "import_s": [mark[1] - mark[0] for mark in marks],
        "load_s": [mark[2] - mark[1] for mark in marks],
        "first_answer_s": [mark[3] - mark[2] for mark in marks],
        "peak_memory_mb": [run["peak_memory_mb"] for run in counted],
        "dependencies": sizes,
        "dependency_bytes": sum(known) if len(known) == len(sizes) else None,
    }
