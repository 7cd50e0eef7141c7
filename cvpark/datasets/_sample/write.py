"""The sample as files in the published layout."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...exceptions import DatasetError
from .camera import FRAME_HEIGHT, FRAME_WIDTH, Window
from .ground import Ground
from .growth import grow
from .light import make_light
from .plan import DAYS, N_CAMERAS, Shot, choose, clock, plan
from .render import Capture, Setting
from .scene import View, make_lot, make_stays, parked
from .sensor import Sensor, make_lens

_SIDE = 150
_FRAME_SIZE = (1000, 750)
# Those of the published files.
_PATCH_QUALITY, _FRAME_QUALITY = 75, 95


class Writer:
    """Renders the shots of a sample and writes them to a folder."""

    def __init__(self, root: Path, n_patches: int, seed: int) -> None:
        lot, ground, sensor, days, lenses, shots = np.random.SeedSequence(seed).spawn(6)
        self._root = root
        self._n_frames = min(4, 1 + n_patches // 1000)
        self._lot = make_lot(lot, N_CAMERAS)
        self._ground, self._sensor = Ground(ground), Sensor(sensor)
        self._stays = [
            make_stays(day, self._lot, 0.45 + 0.3 * (k % 3) / 2)
            for k, day in enumerate(days.spawn(len(DAYS)))
        ]
        self._groves = [grow(camera, self._lot.plants) for camera in self._lot.cameras]
        rng = np.random.default_rng(lenses)
        self._lenses = [
            [make_lens(rng, day.weather == "RAINY") for _ in self._lot.cameras] for day in DAYS
        ]
        self._shots = plan(shots, n_patches)
        self._seeds = shots.spawn(len(self._shots))
        self._settings: dict[tuple[int, int], Setting] = {}
        self._labels: list[tuple[str, int, Shot]] = []
        self._frames: list[tuple[str, int, str, int, int]] = []

    def write(self) -> None:
        """Patches and frames first, the lists last."""
        framed: set[tuple[int, str]] = set()
        for shot, seed in zip(self._shots, self._seeds, strict=True):
            rng = np.random.default_rng(seed)
            stays = parked(self._stays[shot.day], shot.hour)
            busy = {stay.slot.number for stay in stays}
            camera = self._lot.cameras[shot.camera]
            light = make_light(rng, DAYS[shot.day].weather, shot.hour, camera.cast)
            capture = Capture(camera, light, stays, self._groves[shot.camera])
            (self._root / "PATCHES" / _folder(shot)).mkdir(parents=True, exist_ok=True)
            views = choose(rng, self._lot.views[shot.camera], busy, shot.n_patches)
            for view in views:
                self._write_patch(shot, capture, view, int(view.slot.number in busy), rng)
            key = (shot.camera, DAYS[shot.day].weather)
            if key not in framed and len(framed) < self._n_frames:
                framed.add(key)
                self._write_frame(shot, capture, busy, rng)
        self._write_tables()
        self._write_lists()

    def _set(self, camera: int, window: Window) -> Setting:
        surface = self._ground.survey(self._lot.cameras[camera], window)
        return Setting(window, surface, self._groves[camera].cut(window))

    def _expose(
        self, shot: Shot, capture: Capture, setting: Setting, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        camera, light = capture.camera, capture.light
        lens = self._lenses[shot.day][shot.camera]
        return self._sensor.expose(
            capture.render(setting),
            blur=camera.softness * setting.window.scale,
            haze=camera.haze + lens.haze,
            veil=light.develop(np.array(light.sky) * 0.18 + np.array(light.sun) * 0.04),
            noise=light.noise,
            smear=lens.smear(setting.window),
            smear_blur=lens.blur * setting.window.scale,
            rng=rng,
        )

    def _write_patch(
        self, shot: Shot, capture: Capture, view: View, label: int, rng: np.random.Generator
    ) -> None:
        camera = capture.camera
        key = (shot.camera, view.slot.number)
        if key not in self._settings:
            window = Window(view.left, view.top, view.side, view.side, _SIDE, _SIDE)
            self._settings[key] = self._set(shot.camera, window)
        image = self._expose(shot, capture, self._settings[key], rng)
        _, weather, date = DAYS[shot.day]
        time = clock(shot.hour, camera.number)
        name = f"{weather[0]}_{date}_{time}_C{camera.number:02d}_{view.slot.number}.jpg"
        path = f"{_folder(shot)}/{name}"
        _write_jpeg(self._root / "PATCHES" / path, image, _PATCH_QUALITY)
        self._labels.append((path, label, shot))

    def _write_frame(
        self, shot: Shot, capture: Capture, busy: set[int], rng: np.random.Generator
    ) -> None:
        camera = capture.camera
        window = Window(0, 0, FRAME_WIDTH, FRAME_HEIGHT, *_FRAME_SIZE)
        image = self._expose(shot, capture, self._set(shot.camera, window), rng)
        _, weather, date = DAYS[shot.day]
        time = clock(shot.hour, camera.number).replace(".", "")
        path = f"camera{camera.number}/{date}_{time}.jpg"
        (self._root / "FRAMES" / path).parent.mkdir(parents=True, exist_ok=True)
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
            split, weather, _ = DAYS[shot.day]
            camera = f"camera{self._lot.cameras[shot.camera].number}"
            for name in ("all", split, weather.lower(), camera):
                lists.setdefault(name, []).append(f"{path} {label}\n")
        folder = self._root / "LABELS"
        folder.mkdir()
        for name, lines in lists.items():
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8", newline="\n")


def _folder(shot: Shot) -> str:
    """Of a capture's patches: cameras are numbered from 1."""
    _, weather, date = DAYS[shot.day]
    return f"{weather}/{date}/camera{shot.camera + 1}"


def _write_jpeg(path: Path, image: NDArray[np.uint8], quality: int) -> None:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise DatasetError(f"{path}: OpenCV cannot encode JPEG")
    path.write_bytes(data.data)


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
