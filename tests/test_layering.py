"""Who may import whom, and what starting the command line may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cvpark

PACKAGE = Path(cvpark.__file__).parent

# Room -> rooms it may import from, besides itself; exceptions, _files and _text are everybody's.
ROOMS = {
    "_kernels": set(),
    "features": {"_kernels"},
    "datasets": set(),
    "models": {"features", "_kernels"},
    "pretrained": set(),
    "evaluation": {"models", "features", "datasets"},
    "reporting": {"evaluation", "datasets"},
    "cnn": {"models", "features", "datasets"},
    "cli": {"features", "datasets", "models", "evaluation", "reporting", "cnn"},
}
STANDARD = {"collections", "typing", "__future__"}
SHARED = {"exceptions", "_files", "_text", "__version__"}


def modules():
    found = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")]
    return sorted(path for path in found if path.parent != PACKAGE)


def imports(path):
    """Absolute names of what a module imports, wherever in it."""
    package = path.relative_to(PACKAGE.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield f"{node.module}.{node.names[0].name}"
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            for alias in node.names:
                yield ".".join([*base, *([node.module] if node.module else []), alias.name])


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_only_what_lies_before_them(path):
    room = path.relative_to(PACKAGE).parts[0]
    assert room in ROOMS, f"{room} is a room this test does not know"
    for name in imports(path):
        root, *rest = name.split(".")
        if root == "cvpark":
            assert path.name != "__init__.py" or rest, "nobody imports the package root"
            assert rest, "nobody imports the package root from inside it"
            assert rest[0] in ROOMS[room] | {room} | SHARED, f"{path.name} imports {name}"
        if room == "_kernels":
            assert root in {"math", "numpy", "numba", "cvpark"} | STANDARD
        if room != "cli":
            assert root != "click", "the library never imports click"
        if room != "cnn":
            assert root not in {"tensorflow", "keras"}


def loaded_by(code):
    probe = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_loads_nothing_heavy():
    loaded = loaded_by("from cvpark.cli import cli\ntry: cli(['--help'])\nexcept SystemExit: pass")
    assert not loaded & {"numba", "sklearn", "cv2", "pandas", "matplotlib", "numpy", "tensorflow"}


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import cvpark") & {"numpy", "numba", "sklearn", "cv2", "click"}


def test_public_names_resolve():
    for name in cvpark.__all__:
        assert getattr(cvpark, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cvpark.nonsense
