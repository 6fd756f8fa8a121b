#!/usr/bin/env python3
"""Removes one safeguard of the engine at a time and shows that the tests notice.

The list beside this file (mutants.toml) names, file by file, statements to drop, conditions that
are to hold never or always, and files whose locks are dropped one by one, each with the tests that
must fail. They are tried in a copy of the tree with a Bazel output base of its own, which is kept
from run to run; the tree itself is never touched.

A mutant is killed when a test fails or does not end. It survives when all pass: then a safeguard is
not tested, or is none.
"""

import argparse
import dataclasses
import os
import pathlib
import random
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).resolve().with_name("mutants.toml")
BAZEL = "/usr/bin/bazel"

# What bazel says of a test run.
TESTS_PASSED = 0
TESTS_FAILED = 3

LOCK = re.compile(r"^ *(?:\w+::)?MutexLock \w+\([^;]*\);$", re.MULTILINE)
OWNER = re.compile(r"^(?:class (\w+)|[A-Za-z][^;]*?(\w+)\()", re.MULTILINE)
REPLACEMENTS = {
    "drop": "",
    "succeed": "return Status::Ok();",
    "never": "(false && ({}))",
    "bounds": "(false && ({}))",
    "always": "(true || ({}))",
}
KINDS = (*REPLACEMENTS, "locks")


class ListError(Exception):
    """The list does not fit the tree."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change to one file, and what must notice it."""

    file: str
    place: str
    what: str
    mutated: str
    tests: tuple[str, ...]
    config: str

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.what}"


def first_line(text: str) -> str:
    return " ".join(text.split())[:100]


def owner_of(source: str, position: int) -> str:
    """The function, or the class of functions written in it, that holds a place."""
    owner = ""
    for found in OWNER.finditer(source, 0, position):
        owner = found.group(1) or found.group(2)
    return owner


def find(path: str, text: str, source: str) -> tuple[int, int]:
    """Where in the source the text is, or what «» encloses of it."""
    before, opened, rest = text.partition("«")
    inside, closed, _ = rest.partition("»")
    whole = text.replace("«", "").replace("»", "")
    if source.count(whole) != 1 or bool(opened) != bool(closed):
        raise ListError(f"{path} has {source.count(whole)} places, expected one, of: {text}")
    begin = source.index(whole)
    return (begin + len(before), begin + len(before) + len(inside)) if opened else (
        begin, begin + len(whole))


def safeguards(path: str, entry: dict, source: str) -> list[Mutant]:
    """The mutants of one file that the list spells out."""
    mutants = []
    for kind, replacement in REPLACEMENTS.items():
        for text in entry.get(kind, []):
            begin, end = find(path, text, source)
            changed = source[begin:end]
            mutated = source[:begin] + replacement.format(changed) + source[end:]
            mutants.append(Mutant(path, owner_of(source, begin), f"{kind} {first_line(changed)}",
                                  mutated, tuple(entry["tests"]),
                                  "asan" if kind == "bounds" else ""))
    return mutants


def locks(path: str, entry: dict, source: str) -> list[Mutant]:
    """One mutant for each lock of a file, less those listed as harmless."""
    if "locks" not in entry:
        return []
    harmless = set(entry["locks"].get("harmless", []))
    mutants = []
    for lock in LOCK.finditer(source):
        owner = owner_of(source, lock.start())
        if owner in harmless:
            continue
        mutated = source[: lock.start()] + source[lock.end() :]
        mutants.append(Mutant(path, owner, f"drop {first_line(lock.group())}", mutated,
                              tuple(entry["locks"]["tests"]), "tsan"))
    unknown = harmless - {owner_of(source, lock.start()) for lock in LOCK.finditer(source)}
    if unknown:
        raise ListError(f"{path} takes no lock in {', '.join(sorted(unknown))}")
    if not mutants:
        raise ListError(f"{path} has no locks to drop")
    return mutants


def load(list_file: pathlib.Path, root: pathlib.Path) -> list[Mutant]:
    """All mutants of the list, in its order."""
    mutants: list[Mutant] = []
    for path, entry in tomllib.loads(list_file.read_text()).items():
        unknown = set(entry) - {"tests", *KINDS}
        if unknown:
            raise ListError(f"{path}: unknown key {', '.join(sorted(unknown))}")
        source = (root / path).read_text()
        mutants += safeguards(path, entry, source) + locks(path, entry, source)
    return mutants


def tracked_files(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=root, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def mirror(root: pathlib.Path, copy: pathlib.Path) -> None:
    """Makes `copy` hold the files of `root`, rewriting only those that differ."""
    wanted = set(tracked_files(root))
    for name in wanted:
        source, target = root / name, copy / name
        content = source.read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        target.chmod(source.stat().st_mode & 0o777)
    for target in copy.rglob("*"):
        name = str(target.relative_to(copy))
        if target.is_file() and not name.startswith("bazel-") and name not in wanted:
            target.unlink()


def run_tests(workspace: pathlib.Path, tests: tuple[str, ...], config: str) -> tuple[int, str]:
    """Bazel's exit code and output."""
    command = [BAZEL, "test", "--noshow_progress", "--ui_event_filters=-info", "--test_timeout=300",
               "--notest_keep_going", "--test_output=summary"]
    if config:
        command += [f"--config={config}", "--build_tests_only",
                    "--run_under=/usr/bin/setarch --addr-no-randomize"]
    done = subprocess.run([*command, *tests], cwd=workspace, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def try_mutant(mutant: Mutant, workspace: pathlib.Path) -> str:
    """What became of it: killed, survived or an explanation of what is wrong with it."""
    target = workspace / mutant.file
    original = target.read_text()
    try:
        target.write_text(mutant.mutated)
        code, output = run_tests(workspace, mutant.tests, mutant.config)
    finally:
        target.write_text(original)
    if code == TESTS_FAILED:
        return "killed"
    if code == TESTS_PASSED:
        return "survived"
    return f"cannot be tried, bazel's exit code is {code}:\n{output[-3000:]}"


def check_originals(mutants: list[Mutant], workspace: pathlib.Path) -> None:
    """Nothing is learnt from tests that fail without being changed."""
    for config in sorted({m.config for m in mutants}):
        tests = sorted({t for m in mutants if m.config == config for t in m.tests})
        print(f"unchanged, {config or 'optimised'}: {len(tests)} tests", flush=True)
        code, output = run_tests(workspace, tuple(tests), config)
        if code != TESTS_PASSED:
            sys.exit(f"mutants: the tests fail before anything is changed:\n{output[-3000:]}")


def try_all(mutants: list[Mutant], workspace: pathlib.Path) -> int:
    started = time.monotonic()
    failures = []
    for i, mutant in enumerate(mutants, 1):
        fate = try_mutant(mutant, workspace)
        if fate != "killed":
            failures.append(mutant)
        minutes = (time.monotonic() - started) / 60
        print(f"[{i}/{len(mutants)}, {minutes:.0f} min] {fate}: {mutant}", flush=True)
    print(f"{len(mutants) - len(failures)} of {len(mutants)} mutants killed")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regex", nargs="?", default="", help="only mutants whose line matches")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them, drawn at random")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000,
                        help="repeats a draw")
    parser.add_argument("--list", action="store_true", help="print them, try none")
    arguments = parser.parse_args()

    mutants = [m for m in load(LIST, ROOT) if re.search(arguments.regex, str(m))]
    if arguments.sample is not None and arguments.sample < len(mutants):
        print(f"drawn with --seed={arguments.seed}")
        mutants = random.Random(arguments.seed).sample(mutants, arguments.sample)
    if not mutants:
        sys.exit(f"mutants: none matches {arguments.regex!r}")
    if arguments.list:
        print(*mutants, sep="\n")
        return 0
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    workspace = pathlib.Path(cache) / "lsm" / "mutants"
    mirror(ROOT, workspace)
    check_originals(mutants, workspace)
    return try_all(mutants, workspace)


if __name__ == "__main__":
    sys.exit(main())
