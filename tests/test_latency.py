"""Latency, stages, cold starts and costs: who is asked what, with how many threads, and when."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvpark.datasets import Dataset, read_image
from cvpark.evaluation import Scenario, measure_latency, percentiles_us, ratio_of_medians
from cvpark.evaluation._busy import MachineWatch, _own_seconds
from cvpark.evaluation._cold_start import Script, cold_starts, measure_cold_start
from cvpark.evaluation._costs import EnergyMeter, measure_costs
from cvpark.evaluation._dependencies import installed_bytes
from cvpark.evaluation._environment import describe_environment
from cvpark.evaluation._stages import measure_stages
from cvpark.evaluation._threads import limit_threads
from cvpark.exceptions import CVParkError
from cvpark.models import load_model

SHIPPED = ("svm", "svm-linear", "gbdt", "cnn")
QUICK = (
    Scenario("single_stream", 1, 6, 2),
    Scenario("frame", 40, 6, 1),
    Scenario("offline", None, 6, 1),
)


class Sleeper:
    """A model that takes the time it is told and writes down who was asked what, when."""

    kind = "sleeper"
    classes_ = np.array([0, 1])
    threshold_, model_bytes, path, card = 0.5, 1, None, {}
    n_jobs = None

    def __init__(self, name, diary, seconds=0.0):
        self.name, self.diary, self.seconds = name, diary, seconds

    def predict_proba(self, patches):
        time.sleep(self.seconds)
        single = isinstance(patches, np.ndarray) and patches.ndim == 3
        n = 1 if single else len(patches)
        self.diary.append((self.name, n, self.n_jobs, patches if single else None))
        return np.tile([0.5, 0.5], (n, 1))


@pytest.fixture
def patches():
    return [np.full((20, 20, 3), value, np.uint8) for value in range(7)]


@pytest.fixture(scope="module")
def shipped():
    return [load_model(name) for name in SHIPPED]


def test_a_row_for_each_timed_call_in_the_layout_that_is_stored(patches):
    diary = []
    models = [Sleeper(name, diary) for name in "abc"]
    table = measure_latency(models, patches, threads=[1, 3], scenarios=QUICK)
    assert list(table) == ["scenario", "threads", "model", "round", "n_patches", "ns"]
    assert table.ns.dtype == np.int64
    assert (table.ns > 0).all()
    counts = table.groupby(["scenario", "threads", "model"]).size()
    assert len(counts) == 3 * 2 * 3
    assert (counts == 6).all()
    sizes = table.groupby("scenario").n_patches.unique()
    assert {name: list(n) for name, n in sizes.items()} == {
        "single_stream": [1], "frame": [40], "offline": [7],
    }  # fmt: skip
    # Warm-up calls are made and not stored.
    assert len(diary) == len(table) + 2 * 3 * sum(each.warm_up for each in QUICK)


def test_models_take_turns_on_the_same_patch_in_an_order_drawn_anew(patches):
    diary = []
    models = [Sleeper(name, diary) for name in "abc"]
    scenario = Scenario("single_stream", 1, 60, 0)
    table = measure_latency(models, patches, threads=[1], scenarios=[scenario], seed=3)
    rounds = [diary[i : i + 3] for i in range(0, len(diary), 3)]
    for number, calls in enumerate(rounds):
        assert sorted(name for name, *_ in calls) == ["a", "b", "c"]
        assert all(patch is patches[number % 7] for *_, patch in calls)
    orders = Counter("".join(name for name, *_ in calls) for calls in rounds)
    assert len(orders) == 6
    assert max(orders.values()) < 25
    assert list(table.model) == [name for name, *_ in diary]
    again = measure_latency(models, patches, threads=[1], scenarios=[scenario], seed=3)
    assert list(again.model) == list(table.model)


def test_it_measures_the_time_a_call_takes(patches):
    models = [Sleeper("quick", [], 0.002), Sleeper("slow", [], 0.02)]
    table = measure_latency(models, patches, threads=[1], scenarios=QUICK[:1])
    medians = table.groupby("model").ns.median() / 1e6
    assert 2 <= medians["quick"] < medians["slow"]
    assert 20 <= medians["slow"] < 40


def test_a_slow_model_ends_a_scenario_early_but_not_before_five_rounds(patches):
    models = [Sleeper("slow", [], 0.01), Sleeper("quick", [])]
    scenario = Scenario("single_stream", 1, 1000, 0)
    table = measure_latency(models, patches, threads=[1], scenarios=[scenario], seconds=0.12)
    assert 5 < len(table) / 2 < 13
    table = measure_latency(models, patches, threads=[1], scenarios=[scenario], seconds=0.0)
    assert set(table["round"]) == set(range(5))


def test_progress_names_each_scenario_and_thread_count(patches):
    seen = []

    def progress(items, total, label):
        seen.append((label, total))
        return items

    measure_latency([Sleeper("a", [])], patches, threads=(1, 2), scenarios=QUICK, progress=progress)
    names = [f"{each}, {n}" for n in ("1 thread", "2 threads") for each in
             ("single stream", "frame", "offline")]  # fmt: skip
    assert seen == [(name, 6) for name in names]


def test_nothing_to_measure_is_refused(patches):
    with pytest.raises(ValueError, match="0 models and 7 patches"):
        measure_latency([], patches)
    with pytest.raises(ValueError, match="1 models and 0 patches"):
        measure_latency([Sleeper("a", [])], [])


def test_patches_of_several_sizes_go_as_a_list(shipped):
    patches = [np.zeros((side, side, 3), np.uint8) for side in (40, 64, 150)]
    table = measure_latency(shipped, patches, threads=[1], scenarios=QUICK[1:])
    assert set(table.n_patches) == {40, 3}


def test_threads_are_set_alike_everywhere_and_put_back(patches):
    import numba
    from threadpoolctl import threadpool_info

    def pools():
        return [pool["num_threads"] for pool in threadpool_info()]

    model = Sleeper("a", [])
    model.n_jobs = 7
    numba.get_num_threads()  # its pool may be of a library of its own
    before = cv2.getNumThreads(), numba.get_num_threads(), pools()
    for threads in (1, 2):
        with limit_threads([model], threads):
            assert model.n_jobs == threads
            assert cv2.getNumThreads() == threads
            assert numba.get_num_threads() == min(threads, numba.config.NUMBA_NUM_THREADS)
            assert set(pools()) == {threads}
    with pytest.raises(RuntimeError, match="inside"), limit_threads([model], 1):
        raise RuntimeError("inside")
    assert (cv2.getNumThreads(), numba.get_num_threads(), pools()) == before
    assert model.n_jobs == 7
    with pytest.raises(ValueError, match="at least 1"), limit_threads([model], 0):
        pass


def test_every_model_can_be_told_its_threads_later(shipped, monkeypatch):
    from cvpark.models import _cnn

    interpreters = []

    class Recording(_cnn.Runner):
        def __init__(self, content, n_threads):
            interpreters.append(n_threads)
            super().__init__(content, n_threads)

    monkeypatch.setattr(_cnn, "Runner", Recording)
    batch = np.random.default_rng(0).integers(0, 256, (90, 64, 64, 3), np.uint8)
    models = [*shipped[:3], load_model("cnn")]
    one = [model.predict_proba(batch) for model in models]
    with limit_threads(models, 2):
        two = [model.predict_proba(batch) for model in models]
        models[3].predict_proba(batch[0])
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
    assert interpreters == [1, 1, 2, 2]  # on loading; then batch; then batch and single
    models[3].predict_proba(batch)
    assert len(interpreters) == 4, "an interpreter is kept for the next time"


def test_percentiles_have_intervals_that_cover_the_truth():
    rng = np.random.default_rng(0)
    truth = 1000 * np.exp(0.3 * np.array([0.0, 1.6449]))  # of a log-normal distribution
    hits = np.zeros(2)
    for trial in range(300):
        samples = 1e6 * np.exp(rng.normal(0, 0.3, 400))
        found = percentiles_us(samples, n_resamples=300, seed=trial)
        for row, name in enumerate(("p50", "p95")):
            low, high = found["intervals"][name]
            hits[row] += low <= truth[row] <= high
    assert np.all(hits / 300 > 0.91), hits / 300
    assert np.all(hits / 300 < 0.99), hits / 300


def test_samples_in_a_row_that_are_alike_widen_the_interval():
    rng = np.random.default_rng(0)
    drift = np.repeat(rng.normal(0, 1, 100), 10)
    samples = 1e6 + 1e5 * drift
    together = percentiles_us(samples)["intervals"]["p50"]
    apart = percentiles_us(rng.permutation(samples))["intervals"]["p50"]
    assert np.ptp(together) > 1.8 * np.ptp(apart)


def test_what_slows_both_down_leaves_their_ratio_alone():
    rng = np.random.default_rng(0)
    machine = rng.uniform(1, 3, 500)
    first, second = 1e5 * machine, 2e5 * machine * rng.uniform(0.99, 1.01, 500)
    found = ratio_of_medians(first, second)
    low, high = found["interval"]
    assert low <= found["ratio"] <= high
    assert found["ratio"] == pytest.approx(0.5, rel=0.02)
    assert high / low < 1.05 < np.divide(*percentiles_us(first)["intervals"]["p50"][::-1])


def test_stages_are_those_of_each_model_and_come_to_what_it_answers(shipped, sample):
    files = Dataset(sample).split("val").files[:8]
    contents = [file.read_bytes() for file in files]
    table = measure_stages([*shipped, Sleeper("no stages", [])], contents)
    assert list(table) == ["model", "stage", "n_patches", "ns"]
    assert (table.ns > 0).all()
    counts = table.groupby(["model", "stage"], sort=False).size()
    assert (counts == 8).all()
    for model in shipped:
        stages = list(dict.fromkeys(table.stage[table.model == model.name]))
        extractors = model.card.get("descriptor", {"extractors": []})["extractors"]
        between = [stage.partition(" ")[0] for stage in stages[2:-2]]
        assert between == [entry["kind"] for entry in extractors]
        assert stages[:2] + stages[-2:] == ["decode", "resize", "classifier", "calibration"]
    assert set(table.model) == set(SHIPPED)


def test_a_second_extractor_of_a_kind_is_told_apart():
    from cvpark.models._predictor import _numbered

    assert _numbered(["hog", "lbp", "hog", "hog"]) == ["hog", "lbp", "hog 2", "hog 3"]


def test_going_step_by_step_gives_the_same_answer(shipped, sample):
    patch = read_image(Dataset(sample).split("val").files[0])
    for model in shipped:
        steps = model.steps(patch)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                np.testing.assert_array_equal(end.value, model.predict_proba(patch))
                break


def test_cold_starts_tell_seconds_memory_and_what_was_imported(shipped):
    rows = measure_cold_start([*shipped, Sleeper("never in a file", [])], attempts=2)
    found = {(row["model"], row["runtime"]): row for row in rows}
    assert list(found) == [*((name, "cvpark") for name in SHIPPED), ("cnn", "ai-edge-litert")]
    for row in rows:
        inside = zip(row["import_s"], row["load_s"], row["first_answer_s"], strict=True)
        for whole, parts in zip(row["seconds"], inside, strict=True):
            assert 0 < sum(parts) < whole
        if Path("/proc/self/clear_refs").exists():
            assert all(10 < peak < 600 for peak in row["peak_memory_mb"])
        assert row["dependency_bytes"] == sum(row["dependencies"].values())
    ours, bare = found["svm", "cvpark"], found["cnn", "ai-edge-litert"]
    assert {"numpy", "numba"} <= set(ours["dependencies"])
    assert not {"scikit-learn", "pandas"} & set(ours["dependencies"])
    assert {"numpy", "ai-edge-litert"} <= set(bare["dependencies"])
    assert "numba" not in bare["dependencies"]


def test_peak_memory_is_that_of_the_new_process_alone():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system does not tell")
    mine = np.ones(40_000_000)  # 320 MB of this process
    allocate = "keep = bytearray(100_000_000); keep[::4096] = b'x' * len(keep[::4096])"
    scripts = {"small": Script("import json", "", ""), "large": Script("import json", allocate, "")}
    found = cold_starts(scripts, 1)
    small, large = (found[name]["peak_memory_mb"][0] for name in ("small", "large"))
    assert small < 100
    assert 90 < large - small < 130
    assert mine.sum() > 0


def test_a_new_process_that_fails_says_why():
    with pytest.raises(CVParkError, match=r"'no_such_name'.* failed: NameError"):
        cold_starts({"a": Script("import json", "no_such_name", "")}, 1)


def test_options_of_a_cnn_reach_the_new_process():
    model = load_model("cnn")
    model.options = {"scale": (0.0, 1.0), "no_such_option": 1}
    with pytest.raises(CVParkError, match="no_such_option"):
        measure_cold_start([model], attempts=1)


def test_installed_bytes_are_those_of_the_files(tmp_path, monkeypatch):
    from cvpark.evaluation import _dependencies

    (tmp_path / "toy.py").write_bytes(b"#" * 1000)
    (tmp_path / "toy.pyc").write_bytes(b"#" * 5000)
    (tmp_path / "other.py").write_bytes(b"")
    for name, record in {"toy": "toy.py,,\ntoy.pyc,,\n", "other": None}.items():
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "top_level.txt").write_text(name)
        if record:
            (info / "RECORD").write_text(record)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for cached in (_dependencies._owners, _dependencies._bytes):
        cached.cache_clear()
    try:
        assert installed_bytes(["toy", "other", "os", "cvpark"]) == {"other": None, "toy": 1000}
    finally:
        for cached in (_dependencies._owners, _dependencies._bytes):
            cached.cache_clear()


class Burner(Sleeper):
    """A model that computes as long as it is told."""

    def predict_proba(self, patches):
        end = time.process_time() + self.seconds
        while time.process_time() < end:
            pass
        return np.tile([0.5, 0.5], (len(patches), 1))


def test_cpu_time_counts_work_and_not_waiting(patches):
    models = [Burner("burner", [], 0.02), Sleeper("idle", [], 0.02)]
    rows = {row["model"]: row for row in measure_costs(models, patches)}
    assert rows["burner"]["cpu_s_per_1000"] == pytest.approx(0.02 * 1000 / 40, rel=0.1)
    assert rows["idle"]["cpu_s_per_1000"] < 0.05
    assert all(row["n_patches"] % 40 == 0 < row["n_patches"] for row in rows.values())


def rapl(folder, **counters):
    for zone, value in counters.items():
        shown = folder / zone.replace("_", ":")
        shown.mkdir(parents=True, exist_ok=True)
        (shown / "energy_uj").write_text(f"{value}\n")
        (shown / "max_energy_range_uj").write_text("1000000\n")


def test_energy_is_the_sum_of_the_processors_also_when_a_counter_begins_anew(tmp_path):
    rapl(tmp_path, **{"intel-rapl_0": 100, "intel-rapl_0_0": 50, "intel-rapl_1": 900_000})
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    assert before == [100, 900_000]  # the parts of a processor are in its own counter
    rapl(tmp_path, **{"intel-rapl_0": 300_100, "intel-rapl_0_0": 60_000, "intel-rapl_1": 100_000})
    assert meter.since(before) == pytest.approx(0.5)
    assert EnergyMeter(tmp_path / "none").since(None) is None


def test_energy_per_patch_follows_from_the_counters(tmp_path, patches):
    rapl(tmp_path, **{"intel-rapl_0": 0})
    counter = tmp_path / "intel-rapl:0/energy_uj"

    class Hungry(Sleeper):
        def predict_proba(self, patches):
            counter.write_text(str((int(counter.read_text()) + 4000) % 1_000_000))
            return super().predict_proba(patches)

    meter = EnergyMeter(tmp_path)
    [row] = measure_costs([Hungry("hungry", [], 0.01)], patches, meter=meter)
    assert row["energy_j_per_1000"] == pytest.approx(0.1)  # 4 mJ for each frame of 40


def test_environment_names_the_machine_and_the_versions():
    machine = describe_environment()
    assert machine["cpu"]
    assert 1 <= machine["usable_cores"] <= machine["cores"]
    assert machine["memory_mb"] > 100
    assert {"cvpark", "numpy", "numba"} <= set(machine["packages"])
    assert {"governor", "load_1min", "system", "python"} <= set(machine)


def stat(file, busy_seconds, steal_seconds=0.0):
    tick = os.sysconf("SC_CLK_TCK")
    user, steal = int(busy_seconds * tick), int(steal_seconds * tick)
    file.write_text(f"cpu  {user} 0 0 99999 500 0 0 {steal} 0 0\ncpu0 1 1 1 1\n")


def test_a_busy_machine_is_warned_about_and_an_idle_one_is_not(tmp_path):
    file = tmp_path / "stat"
    for busy, steal, expected in ((0.0, 0.0, False), (50.0, 0.0, True), (0.0, 50.0, True)):
        stat(file, 1000.0)
        watch = MachineWatch(file)
        time.sleep(0.05)
        stat(file, 1000.0 + busy, steal)
        report = watch.report()
        assert report["busy"] is expected
        assert (report["warning"] is not None) is expected
        assert report["other_cores"] == pytest.approx((busy + steal) / 0.05, rel=0.5)
        if expected:
            assert "other processes took" in report["warning"]


def test_where_the_system_counts_nothing_the_load_before_decides(tmp_path, monkeypatch):
    from cvpark.evaluation import _busy

    for load, expected in ((0.1, False), (3.0, True), (None, False)):
        monkeypatch.setattr(_busy, "load_1min", lambda load=load: load)
        report = MachineWatch(tmp_path / "none").report()
        assert report["other_cores"] is None
        assert report["busy"] is expected


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="not Linux")
def test_work_of_children_is_nobody_elses():
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
    before = _own_seconds()
    subprocess.run([sys.executable, "-c", burn.format(0.5)], check=True)
    assert _own_seconds() - before > 0.5, "one that has ended"
    before = _own_seconds()
    code = burn.format(0.5) + "print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline()
        alive = _own_seconds()
        child.kill()
    assert alive - before > 0.4, "one that is alive"
