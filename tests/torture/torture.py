#!/usr/bin/env python3
"""Runs what draws at random, with new seeds, until the time is over.

Every round gives each harness a seed of its own; as many run at once as there are processors. What
fails is printed with the command that repeats it, its output stays in the folder of findings, and
the rounds go on: one failure may hide another.
"""

import argparse
import concurrent.futures
import dataclasses
import datetime
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

BAZEL = "/usr/bin/bazel"
ROOT = pathlib.Path(__file__).resolve().parents[2]

# A harness that has not ended after this many seconds hangs.
LONGEST_RUN = 1800
FUZZ_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Harness:
    """A test that takes its seed and its amount from the environment, or a fuzzer."""

    label: str
    scale: int = 1
    config: str = ""

    @property
    def program(self) -> str:
        return self.label.partition(":")[2]

    @property
    def is_fuzzer(self) -> bool:
        return self.config == "fuzz"


HARNESSES = (
    Harness("//tests/db:history_test"),
    Harness("//tests/db:power_loss_test"),
    Harness("//tests/sched:interleaving_test", config="sched"),
    Harness("//tests/db:damage_test"),
    Harness("//tests/db:concurrency_test"),
    Harness("//tests/capi:durability_test", scale=4),
    Harness("//tests/wal:log_hostile_test", scale=10),
    *(Harness(f"//tests/fuzz:{target}_fuzzer", config="fuzz")
      for target in ("api", "batch", "block", "directory", "log", "manifest", "table")),
)


def build(programs: pathlib.Path) -> None:
    """Builds all harnesses, each in its configuration, and copies them out of Bazel's reach."""
    programs.mkdir(parents=True, exist_ok=True)
    for config in sorted({h.config for h in HARNESSES}):
        labels = [h.label for h in HARNESSES if h.config == config]
        flags = [f"--config={config}"] if config else []
        print(f"building {' '.join(labels)}", flush=True)
        subprocess.run([BAZEL, "build", "--noshow_progress", "--ui_event_filters=-info", *flags,
                        *labels], cwd=ROOT, check=True)
        found = subprocess.run([BAZEL, "info", "--ui_event_filters=-info", *flags, "bazel-bin"],
                               cwd=ROOT, check=True, capture_output=True, text=True)
        for label in labels:
            built = pathlib.Path(found.stdout.strip(), label.removeprefix("//").replace(":", "/"))
            target = programs / built.name
            target.unlink(missing_ok=True)
            shutil.copy(built, target)


@dataclasses.dataclass
class Tally:
    """What one harness did so far."""

    runs: int = 0
    seconds: float = 0
    failures: int = 0


class Torture:
    """The rounds of one call."""

    def __init__(self, programs: pathlib.Path, findings: pathlib.Path, deadline: float, seed: int):
        self.programs = programs
        self.findings = findings
        self.deadline = deadline
        self.random = random.Random(seed)
        self.tallies: dict[str, Tally] = {}
        self.started = time.monotonic()
        self.lock = threading.Lock()

    def command(self, harness: Harness, seed: int) -> tuple[dict[str, str], list[str]]:
        """What a run adds to the environment, and its arguments."""
        program = str(self.programs / harness.program)
        if harness.is_fuzzer:
            target = harness.program.removesuffix("_fuzzer")
            learnt = self.findings / f"{target}-corpus"
            learnt.mkdir(parents=True, exist_ok=True)
            known = [str(corpus) for corpus in (ROOT / "fuzz" / target,
                                                ROOT / "tests" / "fuzz" / "corpus" / target)
                     if corpus.is_dir()]
            return {}, [program, f"-seed={seed}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                        "-rss_limit_mb=2048", "-max_len=8192",
                        f"-artifact_prefix={self.findings}/{target}-", str(learnt), *known]
        return {"LSM_TEST_SEED": str(seed), "LSM_TEST_SCALE": str(harness.scale)}, [program]

    def run(self, harness: Harness, seed: int) -> None:
        added, arguments = self.command(harness, seed)
        before = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="lsm-torture-") as scratch:
            environment = os.environ | added | {
                "TEST_TMPDIR": scratch, "TEST_UNDECLARED_OUTPUTS_DIR": str(self.findings)}
            try:
                done = subprocess.run(arguments, cwd=ROOT, env=environment, check=False, text=True,
                                      errors="replace", stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=LONGEST_RUN)
                what = "" if done.returncode == 0 else f"exit code {done.returncode}"
                output = done.stdout
            except subprocess.TimeoutExpired as hung:
                what = f"no end after {LONGEST_RUN} s"
                output = hung.output or ""
        self.report(harness, seed, time.monotonic() - before, what, output)

    def report(self, harness: Harness, seed: int, seconds: float, what: str, output: str) -> None:
        with self.lock:
            tally = self.tallies.setdefault(harness.program, Tally())
            tally.runs += 1
            tally.seconds += seconds
            clock = datetime.timedelta(seconds=int(time.monotonic() - self.started))
            print(f"[{clock}] {harness.program} seed {seed}: {what or 'ok'}, {seconds:.0f} s",
                  flush=True)
            if not what:
                return
            tally.failures += 1
            log = self.findings / f"{harness.program}-{seed}.log"
            log.write_text(output)
            added, arguments = self.command(harness, seed)
            words = [f"{name}={value}" for name, value in added.items()] + arguments
            print(f"    its output: {log}\n    again: {' '.join(words)}", flush=True)

    def rounds(self, harnesses: list[Harness]) -> None:
        """Starts one run after the other until the deadline; those begun are waited for."""
        draws = itertools.cycle(harnesses)
        draw_lock = threading.Lock()

        def work() -> None:
            while time.monotonic() < self.deadline:
                with draw_lock:
                    harness, seed = next(draws), self.random.randrange(1, 2**31)
                self.run(harness, seed)

        workers = os.cpu_count() or 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(work) for _ in range(workers)]:
                future.result()

    def summary(self) -> int:
        for program, tally in sorted(self.tallies.items()):
            print(f"{program:24} {tally.runs:5} runs {tally.seconds:8.0f} s "
                  f"{tally.failures} failed")
        failures = sum(t.failures for t in self.tallies.values())
        print(f"{sum(t.runs for t in self.tallies.values())} runs, {failures} failed")
        return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev torture", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hours", type=float, nargs="?", default=1)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31,
                        help="draws the same seeds again")
    arguments = parser.parse_args()
    findings = ROOT / "torture"
    build(findings / "programs")
    print(f"{arguments.hours:g} h, --seed={arguments.seed}", flush=True)
    torture = Torture(findings / "programs", findings,
                      time.monotonic() + 3600 * arguments.hours, arguments.seed)
    torture.rounds(list(HARNESSES))
    return torture.summary()


if __name__ == "__main__":
    sys.exit(main())
