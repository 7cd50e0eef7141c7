"""The sample as files in the published layout."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...exceptions import DatasetError
from .camera import FRAME_HEIGHT, FRAME_WIDTH, Window
from .ground import Ground, Surface
from .light import make_light
from .render import Capture
from .scene import Lot, View, make_lot, make_stays, parked
from .sensor import Sensor, make_lens

GENERATOR_VERSION = 1
MINIMUM = 60
_MARK = "sample.json"
_SIDE = 150
_PATCH_QUALITY, _FRAME_QUALITY = 75, 95
_FRAMES = 4
_FRAME_SIZE = (1000, 750)
_HOURS = np.arange(7.5, 17.5, 0.5)

# Split, weather, date; any first part of the list keeps all splits and weathers.
_DAYS = (
    ("train", "SUNNY", "2015-11-12"),
    ("val", "OVERCAST", "2015-11-13"),
    ("test", "RAINY", "2015-11-17"),
    ("train", "RAINY", "2015-11-18"),
    ("train", "OVERCAST", "2015-11-19"),
    ("test", "SUNNY", "2015-11-24"),
    ("val", "SUNNY", "2015-11-26"),
    ("test", "OVERCAST", "2015-12-01"),
    ("train", "SUNNY", "2015-12-02"),
    ("train", "OVERCAST", "2015-12-04"),
    ("val", "RAINY", "2015-12-09"),
    ("train", "RAINY", "2015-12-11"),
)


@dataclass(frozen=True)
class _Shot:
    """One capture to be rendered."""

    day: int
    hour: float
    camera: int
    n_patches: int


def make_sample(dest: str | Path, *, n_patches: int = 3000, seed: int = 0) -> Path:
    """Render parking lots into a small dataset in the layout of CNRPark+EXT.

    The pictures are computed, so nothing is downloaded and nothing has a licence. The same
    arguments give the same bytes under the same versions of NumPy and OpenCV.

    Parameters
    ----------
    dest : path
        Folder to make. It appears under this name when it is complete. If it already holds the
        sample asked for, nothing is done.
    n_patches : int
        Number of patches, at least 60.
    seed : int
        Not negative.

    Returns
    -------
    Path
        `dest`.

    Raises
    ------
    ValueError
        Too few patches or a negative seed.
    DatasetError
        `dest` holds something else.

    Examples
    --------
    >>> import tempfile
    >>> folder = make_sample(tempfile.mkdtemp() + "/sample", n_patches=60)
    >>> len((folder / "LABELS" / "all.txt").read_text().splitlines())
    60
    """
    if n_patches < MINIMUM:
        raise ValueError(f"n_patches={n_patches}: a sample has at least {MINIMUM} patches")
    if seed < 0:
        raise ValueError(f"seed={seed}: expected a number that is not negative")
    dest = Path(dest)
    wanted = {"generator_version": GENERATOR_VERSION, "n_patches": n_patches, "seed": seed}
    if _is_there(dest, wanted):
        return dest
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}-", dir=dest.parent) as partial:
        built = Path(partial) / dest.name
        _Writer(built, n_patches, seed).write()
        (built / _MARK).write_text(json.dumps(wanted) + "\n", encoding="utf-8")
        try:
            os.replace(built, dest)
        except OSError:
            # Another process was faster.
            if not _is_there(dest, wanted):
                raise
    return dest


def sample_path(*, n_patches: int = 3000, seed: int = 0) -> Path:
    """The sample in the user's cache folder, made on first use; see `make_sample`.

    The environment variable ``CVPARK_CACHE`` names another cache folder.

    Examples
    --------
    >>> sample_path(n_patches=60).name
    'sample-v1-60-0'
    """
    import platformdirs

    cache = Path(os.environ.get("CVPARK_CACHE") or platformdirs.user_cache_dir("cvpark"))
    name = f"sample-v{GENERATOR_VERSION}-{n_patches}-{seed}"
    return make_sample(cache / name, n_patches=n_patches, seed=seed)


def _is_there(dest: Path, wanted: dict[str, int]) -> bool:
    mark = dest / _MARK
    if mark.is_file():
        found = json.loads(mark.read_text(encoding="utf-8"))
        if found != wanted:
            raise DatasetError(f"{dest}: holds the sample {found}, not {wanted}; remove it first")
        return True
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DatasetError(f"{dest}: exists and is not a sample; give another folder")
    return False


class _Writer:
    """Renders the shots of a sample and writes them to a folder."""

    def __init__(self, root: Path, n_patches: int, seed: int) -> None:
        lot, ground, sensor, days, lenses, shots = np.random.SeedSequence(seed).spawn(6)
        self._root = root
        self._lot: Lot = make_lot(lot)
        self._ground, self._sensor = Ground(ground), Sensor(sensor)
        self._stays = [
            make_stays(day, self._lot, 0.45 + 0.3 * (k % 3) / 2)
            for k, day in enumerate(days.spawn(len(_DAYS)))
        ]
        rng = np.random.default_rng(lenses)
        self._lenses = [
            [make_lens(rng, weather == "RAINY") for _ in self._lot.cameras]
            for _, weather, _ in _DAYS
        ]
        self._shots = _plan(shots, n_patches, len(self._lot.cameras))
        self._seeds = shots.spawn(len(self._shots))
        self._surfaces: dict[tuple[int, int], Surface] = {}
        self._labels: list[tuple[str, int, _Shot]] = []
        self._frames: list[tuple[str, int, str, int, int]] = []

    def write(self) -> None:
        framed: set[tuple[int, str]] = set()
        for shot, seed in zip(self._shots, self._seeds, strict=True):
            rng = np.random.default_rng(seed)
            stays = parked(self._stays[shot.day], shot.hour)
            busy = {stay.slot.number for stay in stays}
            light = make_light(rng, _DAYS[shot.day][1], shot.hour)
            camera = self._lot.cameras[shot.camera]
            capture = Capture(camera, light, stays, self._lot.plants)
            views = _choose(rng, self._lot.views[shot.camera], busy, shot.n_patches)
            for view in views:
                self._write_patch(shot, capture, view, int(view.slot.number in busy), rng)
            key = (shot.camera, _DAYS[shot.day][1])
            if key not in framed and len(framed) < _FRAMES:
                framed.add(key)
                self._write_frame(shot, capture, busy, rng)
        self._write_tables()
        self._write_lists()

    def _expose(
        self,
        shot: _Shot,
        capture: Capture,
        window: Window,
        sharp: NDArray[np.uint8],
        rng: np.random.Generator,
    ) -> NDArray[np.uint8]:
        camera, light = capture.camera, capture.light
        middle = window.left + window.span_x / 2, window.top + window.span_y / 2
        trouble = self._lenses[shot.day][shot.camera].trouble(*middle)
        return self._sensor.expose(
            sharp,
            blur=(camera.softness + 8 * trouble) * window.scale,
            haze=camera.haze + 0.6 * trouble,
            veil=light.develop(np.array(light.sky) * 0.22),
            noise=light.noise,
            rng=rng,
        )

    def _write_patch(
        self, shot: _Shot, capture: Capture, view: View, label: int, rng: np.random.Generator
    ) -> None:
        camera = capture.camera
        window = Window(view.left, view.top, view.side, view.side, _SIDE, _SIDE)
        key = (shot.camera, view.slot.number)
        if key not in self._surfaces:
            self._surfaces[key] = self._ground.survey(camera, window)
        sharp = capture.render(window, self._surfaces[key])
        image = self._expose(shot, capture, window, sharp, rng)
        _, weather, date = _DAYS[shot.day]
        clock = _clock(shot.hour, camera.number)
        name = f"{weather[0]}_{date}_{clock}_C{camera.number:02d}_{view.slot.number}.jpg"
        path = f"{weather}/{date}/camera{camera.number}/{name}"
        _write_jpeg(self._root / "PATCHES" / path, image, _PATCH_QUALITY)
        self._labels.append((path, label, shot))

    def _write_frame(
        self, shot: _Shot, capture: Capture, busy: set[int], rng: np.random.Generator
    ) -> None:
        camera = capture.camera
        window = Window(0, 0, FRAME_WIDTH, FRAME_HEIGHT, *_FRAME_SIZE)
        sharp = capture.render(window, self._ground.survey(camera, window))
        image = self._expose(shot, capture, window, sharp, rng)
        _, weather, date = _DAYS[shot.day]
        clock = _clock(shot.hour, camera.number).replace(".", "")
        path = f"camera{camera.number}/{date}_{clock}.jpg"
        _write_jpeg(self._root / "FRAMES" / path, image, _FRAME_QUALITY)
        for view in self._lot.views[shot.camera]:
            number = view.slot.number
            self._frames.append((path, camera.number, weather, number, int(number in busy)))

    def _write_tables(self) -> None:
        folder = self._root / "FRAMES"
        for camera, views in zip(self._lot.cameras, self._lot.views, strict=True):
            boxes = [(v.slot.number, v.left, v.top, v.side, v.side) for v in views]
            path = folder / f"camera{camera.number}.csv"
            _write_csv(path, ("SlotId", "X", "Y", "W", "H"), boxes)
        header = ("frame", "camera", "weather", "slot_id", "occupancy")
        _write_csv(folder / "labels.csv", header, self._frames)

    def _write_lists(self) -> None:
        lists: dict[str, list[str]] = {"all": []}
        for path, label, shot in self._labels:
            split, weather, _ = _DAYS[shot.day]
            camera = f"camera{self._lot.cameras[shot.camera].number}"
            for name in ("all", split, weather.lower(), camera):
                lists.setdefault(name, []).append(f"{path} {label}\n")
        folder = self._root / "LABELS"
        folder.mkdir()
        for name, lines in lists.items():
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def _plan(seed: np.random.SeedSequence, n_patches: int, n_cameras: int) -> list[_Shot]:
    """Which captures to render: turns of all days, with few patches each in a small sample."""
    rng = np.random.default_rng(seed)
    each = min(14, max(4, n_patches // (2 * len(_DAYS))))
    hours = [rng.permutation(_HOURS) for _ in _DAYS]
    shots: list[_Shot] = []
    left = n_patches
    turn = 0
    while left > 0:
        for day in range(len(_DAYS)):
            count = min(each, left)
            if count:
                hour = hours[day][(turn // n_cameras) % len(_HOURS)]
                shots.append(_Shot(day, float(hour), (day + turn) % n_cameras, count))
                left -= count
        turn += 1
    return shots


def _choose(
    rng: np.random.Generator, views: tuple[View, ...], busy: set[int], count: int
) -> list[View]:
    """Random slots, half of them busy as far as there are enough."""
    order = [views[k] for k in rng.permutation(len(views))]
    taken = [view for view in order if view.slot.number in busy]
    free = [view for view in order if view.slot.number not in busy]
    n_taken = min(len(taken), max(count // 2, count - len(free)))
    chosen = taken[:n_taken] + free[: count - n_taken]
    return sorted(chosen, key=lambda view: view.slot.number)


def _clock(hour: float, camera: int) -> str:
    """Cameras take their pictures one minute after the other."""
    minutes = int(hour * 60) + camera
    return f"{minutes // 60:02d}.{minutes % 60:02d}"


def _write_jpeg(path: Path, image: NDArray[np.uint8], quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DatasetError(f"{path}: OpenCV cannot encode JPEG")
    path.write_bytes(data.tobytes())


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterator | list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
