"""What several tests need: data folders small and real, and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_data = not os.environ.get("CVPARK_DATA")
    for item in items:
        if item.path.name.startswith(("test_kernels", "test_features", "test_common")):
            item.add_marker("kernels")
        if no_data and "realdata" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="CVPARK_DATA is not set"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    return Path(os.environ["CVPARK_DATA"])


@pytest.fixture(autouse=True)
def _no_data_by_default(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees the machine's data folder only when it says so."""
    if "realdata" not in request.keywords:
        monkeypatch.delenv("CVPARK_DATA", raising=False)


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The built-in sample is not made in the user's cache, unless told where."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("CVPARK_CACHE"):
            patch.setenv("CVPARK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in sample, small."""
    from cvpark.datasets import make_sample

    return make_sample(tmp_path_factory.mktemp("sample") / "data", n_patches=600)


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes a data folder: lists given as name -> lines, an image for each line's path."""

    def write(lists: dict[str, list[str]], *, missing: tuple[str, ...] = ()) -> Path:
        root = tmp_path / "data"
        rng = np.random.default_rng(0)
        for name, lines in lists.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            folder = root / ("CNRPark" if name.startswith("CNRPark") else "PATCHES")
            for line in lines:
                path = line.rpartition(" ")[0]
                if not path or path in missing:
                    continue
                patch = folder / path
                patch.parent.mkdir(parents=True, exist_ok=True)
                image = rng.integers(0, 256, (20, 20, 3), np.uint8)
                patch.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
        return root

    return write


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line as a user would, error boundary included: status, stdout, stderr."""
    from cvpark.cli import main

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        import sys
        from unittest.mock import patch

        command_line = ["cvpark", *map(str, arguments)]
        with patch.object(sys, "argv", command_line), pytest.raises(SystemExit) as left:
            main()
        captured = capfd.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call
