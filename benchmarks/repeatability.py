"""Do two runs of the latency part agree? ``python -m benchmarks.repeatability``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cvpark.datasets import Dataset, read_image, sample_path
from cvpark.evaluation import SCENARIOS, Scenario, measure_latency, ratio_of_medians
from cvpark.evaluation._busy import MachineWatch
from cvpark.models import load_model

from .results import machine_line

MODELS = ("svm", "svm-linear", "gbdt", "cnn")
MOST = 0.1  # difference of two ratios to the CNN
QUICK = tuple(Scenario(each.name, each.n_patches, 5, 1) for each in SCENARIOS)


def one_run(out: Path, n_patches: int, seed: int, quick: bool) -> None:
    """Store the samples of one run, as `cvpark compare --out` does."""
    split = Dataset(os.environ.get("CVPARK_DATA") or sample_path()).split("val")
    drawn = np.random.default_rng(0).permutation(len(split))[:n_patches]
    patches = [read_image(split.files[row]) for row in drawn]
    models = [load_model(name) for name in MODELS]
    scenarios = QUICK if quick else SCENARIOS
    measure_latency(models, patches, scenarios=scenarios, seed=seed).to_csv(out, index=False)


def ratios(samples: pd.DataFrame) -> dict[tuple[str, int, str], float]:
    """Ratio of medians to the CNN, of each scenario, thread count and model."""
    found = {}
    for (scenario, threads), table in samples.groupby(["scenario", "threads"], sort=False):
        ns = table.pivot(index="round", columns="model", values="ns")
        for name in MODELS[:-1]:
            ratio = ratio_of_medians(ns[name].to_numpy(), ns["cnn"].to_numpy())["ratio"]
            found[scenario, threads, name] = ratio
    return found


def rows(n_patches: int, quick: bool) -> Iterator[tuple[tuple[str, int, str], float, float]]:
    """Scenario, threads and model, with its ratio to the CNN in each of two new processes."""
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for number in range(2):
            out = Path(folder) / f"{number}.csv"
            command = [sys.executable, "-m", "benchmarks.repeatability", "--run", str(out)]
            command += ["--seed", str(number), "--patches", str(n_patches), *["--quick"] * quick]
            subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)
            runs.append(ratios(pd.read_csv(out)))
    for key, first in runs[0].items():
        yield key, first, runs[1][key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write; default: print only")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try the script")
    parser.add_argument("--patches", type=int, default=1024, help="patches of the offline calls")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        one_run(arguments.run, arguments.patches, arguments.seed, arguments.quick)
        return
    lines = [
        "# Repeatability of latency",
        "",
        machine_line("benchmarks.repeatability"),
        "Two new processes, one after the other, each with all scenarios of `cvpark compare`:",
        f"ratios to the CNN, medians, which should agree within {MOST:.0%} on an idle machine.",
        "",
        "| scenario | threads | model | first | second | difference |",
        "|---|---|---|---|---|---|",
    ]
    watch = MachineWatch()
    worst = 0.0
    for (scenario, threads, name), first, second in rows(arguments.patches, arguments.quick):
        difference = abs(second - first) / min(first, second)
        worst = max(worst, difference)
        lines.append(
            f"| {scenario} | {threads} | {name} | {first:.3f} | {second:.3f} | {difference:.1%} |"
        )
    report = watch.report()
    lines += ["", f"Largest difference: {worst:.1%} (asked: at most {MOST:.0%})."]
    lines += [f"Warning: {report['warning']}."] if report["busy"] else []
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
