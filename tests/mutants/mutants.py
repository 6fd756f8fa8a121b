#!/usr/bin/env python3
"""Removes one safeguard of the engine at a time and shows that the tests notice.

The list beside this file (mutants.toml) names, file by file, statements to drop, conditions that
are to hold never or always, and files whose locks are dropped one by one, each with the tests that
must fail. They are built at once, in a copy of the tree with a Bazel output base of its own: each
safeguard stands behind a test of the environment variable LSM_MUTANT, whose number says which one
is taken away. So each configuration is built once, however many mutants are tried.

A mutant is killed when a test fails or does not end, or when clang's analysis asks for the lock
that is gone (tests/locks). It survives when all pass: then a safeguard is not tested, or is none.
"""

import argparse
import dataclasses
import functools
import os
import pathlib
import random
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "locks"))
import locks  # noqa: E402

LIST = pathlib.Path(__file__).resolve().with_name("mutants.toml")
BAZEL = "/usr/bin/bazel"

# Many tests wait more than they work, threads for each other.
TESTS_AT_ONCE = 3 * (os.cpu_count() or 1)

# Ends a test that a mutant has made to hang.
TEST_SECONDS = 120

# What bazel says of a test run.
TESTS_PASSED = 0
TESTS_FAILED = 3
# A shard that fails leaves its test without a verdict of its own.
VERDICT = re.compile(r"^(//\S+) +(FAILED|TIMEOUT)\b|Testing (//\S+) \(shard .*\) failed",
                     re.MULTILINE)

LOCK = re.compile(r"^ *((?:\w+::)?MutexLock) \w+\(([^;]*)\);$", re.MULTILINE)
OWNER = re.compile(r"^(?:class (\w+)|[A-Za-z][^;]*?(\w+)\()", re.MULTILINE)

# What goes before and after a safeguard, so that it is gone where {} is true.
GUARDS = {
    "drop": ("if (!{}) {{ ", " }}"),
    "succeed": ("{{ if ({}) return Status::Ok(); ", " }}"),
    "never": ("(!{} && (", "))"),
    "bounds": ("(!{} && (", "))"),
    "always": ("({} || (", "))"),
}
ON_TRIAL = "LsmMutantOnTrial({})"
SWITCH = """\
#ifndef LSM_MUTANT_SWITCH
#define LSM_MUTANT_SWITCH
#include <cstdlib>
inline bool LsmMutantOnTrial(int number) {
  static const int on_trial = [] {
    const char* const text = std::getenv("LSM_MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
  }();
  return number == on_trial;
}
#endif
"""
KINDS = (*GUARDS, "locks")


class ListError(Exception):
    """The list does not fit the tree."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """Text of a source that gives way to another."""

    begin: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One safeguard that can be taken away, and what must notice it."""

    file: str
    place: str
    what: str
    # In them {} stands for the condition that takes it away.
    edits: tuple[Edit, Edit]
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
    for kind, (before, after) in GUARDS.items():
        for text in entry.get(kind, []):
            begin, end = find(path, text, source)
            mutants.append(Mutant(path, owner_of(source, begin),
                                  f"{kind} {first_line(source[begin:end])}",
                                  (Edit(begin, begin, before), Edit(end, end, after)),
                                  tuple(entry["tests"]), "asan" if kind == "bounds" else ""))
    return mutants


def lock_mutants(path: str, entry: dict, source: str) -> list[Mutant]:
    """One mutant for each lock of a file."""
    if "locks" not in entry:
        return []
    mutants = []
    for lock in LOCK.finditer(source):
        edits = (Edit(lock.start(1), lock.end(1), "absl::MutexLockMaybe"),
                 Edit(lock.start(2), lock.end(2), "{} ? nullptr : " + lock.group(2)))
        mutants.append(Mutant(path, owner_of(source, lock.start()),
                              f"drop {first_line(lock.group())}", edits,
                              tuple(entry["locks"]["tests"]), "tsan"))
    if not mutants:
        raise ListError(f"{path} has no locks to drop")
    return mutants


def switchable(source: str, numbered: list[tuple[int, Mutant]]) -> str:
    """The source of a file with its mutants in it, each to be chosen by its number."""
    # Of guards that begin at one place the outer comes first, of those that end there the inner,
    # and what ends there comes before what begins.
    by_size = sorted(numbered, key=lambda m: m[1].edits[0].begin - m[1].edits[-1].end)
    firsts = [(mutant.edits[0], number) for number, mutant in by_size]
    lasts = [(mutant.edits[-1], number) for number, mutant in reversed(by_size)]
    result, position = [], 0
    for edit, number in sorted(lasts + firsts, key=lambda e: e[0].begin):
        result += [source[position : edit.begin], edit.text.format(ON_TRIAL.format(number))]
        position = edit.end
    return SWITCH + "".join(result) + source[position:]


def load(list_file: pathlib.Path, root: pathlib.Path) -> list[Mutant]:
    """All mutants of the list, in its order."""
    mutants: list[Mutant] = []
    for path, entry in tomllib.loads(list_file.read_text()).items():
        unknown = set(entry) - {"tests", *KINDS}
        if unknown:
            raise ListError(f"{path}: unknown key {', '.join(sorted(unknown))}")
        source = (root / path).read_text()
        mutants += safeguards(path, entry, source) + lock_mutants(path, entry, source)
    return mutants


def tracked_files(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=root, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def mirror(root: pathlib.Path, copy: pathlib.Path, changed: dict[str, str]) -> None:
    """Makes `copy` hold the files of `root`, some changed, rewriting only those that differ."""
    wanted = set(tracked_files(root))
    for name in wanted:
        source, target = root / name, copy / name
        content = changed[name].encode() if name in changed else source.read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        target.chmod(source.stat().st_mode & 0o777)
    for target in copy.rglob("*"):
        name = str(target.relative_to(copy))
        if target.is_file() and not name.startswith("bazel-") and name not in wanted:
            target.unlink()


@dataclasses.dataclass(frozen=True)
class Workspace:
    """The copy of the tree, and Bazel's flags for all that is built in it."""

    path: pathlib.Path
    flags: tuple[str, ...] = ()


def run_tests(workspace: Workspace, tests: tuple[str, ...], config: str,
              number: int) -> tuple[int, str]:
    """Bazel's exit code and output with one of the mutants on trial, or none if the number is 0."""
    command = [BAZEL, "test", "--noshow_progress", "--ui_event_filters=-info",
               f"--test_timeout={TEST_SECONDS}",
               "--notest_keep_going", "--test_output=summary", f"--test_env=LSM_MUTANT={number}",
               f"--jobs={TESTS_AT_ONCE}", f"--local_cpu_resources={TESTS_AT_ONCE}",
               *workspace.flags]
    if config:
        command += [f"--config={config}", "--build_tests_only",
                    "--run_under=/usr/bin/setarch --addr-no-randomize"]
    done = subprocess.run([*command, *tests], cwd=workspace.path, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def fate(code: int, output: str) -> str:
    """What became of a mutant, by what Bazel says: killed, survived or what is wrong with it."""
    if code == TESTS_FAILED:
        verdicts = {f"{test} ({verdict})" if test else f"{shard} (a shard)"
                    for test, verdict, shard in VERDICT.findall(output)}
        return "killed by " + ", ".join(sorted(verdicts))
    if code == TESTS_PASSED:
        return "survived"
    return f"cannot be tried, bazel's exit code is {code}:\n{output[-3000:]}"


def check_originals(mutants: list[Mutant], workspace: Workspace) -> None:
    """Builds all; nothing is learnt from tests that fail with every safeguard in place."""
    for config in sorted({m.config for m in mutants}):
        tests = sorted({t for m in mutants if m.config == config for t in m.tests})
        print(f"nothing taken away, {config or 'optimised'}: {len(tests)} tests", flush=True)
        code, output = run_tests(workspace, tuple(tests), config, 0)
        if code != TESTS_PASSED:
            sys.exit(f"mutants: the tests fail before anything is taken away:\n{output[-3000:]}")


@functools.cache
def sound_source(path: str) -> str:
    """The text of a file, in which clang finds all locks: else nothing is learnt without one."""
    source = (ROOT / path).read_text()
    said = locks.complaints(source)
    if said:
        sys.exit(f"mutants: clang refuses {path} before anything is taken away:\n{said[-3000:]}")
    return source


def is_seen_by_clang(mutant: Mutant) -> bool:
    """Whether what is left without a lock does not compile under clang's analysis."""
    source = sound_source(mutant.file)
    before, after = mutant.edits
    return locks.complaints(source[: before.begin] + source[after.end + len(");") :]) != ""


def try_all(numbered: list[tuple[int, Mutant]], workspace: Workspace) -> int:
    started = time.monotonic()
    killed = 0

    def tell(end: str, mutant: Mutant) -> None:
        nonlocal killed
        killed += end.startswith("killed")
        minutes = (time.monotonic() - started) / 60
        print(f"[{minutes:.1f} min] {end}: {mutant}", flush=True)

    left = []
    for number, mutant in numbered:
        if mutant.config == "tsan" and is_seen_by_clang(mutant):
            tell("killed by clang", mutant)
        else:
            left.append((number, mutant))
    # One configuration after the other: Bazel forgets one when it turns to another.
    left.sort(key=lambda m: m[1].config)
    check_originals([mutant for _, mutant in left], workspace)
    for number, mutant in left:
        tell(fate(*run_tests(workspace, mutant.tests, mutant.config, number)), mutant)
    print(f"{killed} of {len(numbered)} mutants killed")
    return 0 if killed == len(numbered) else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regex", nargs="?", default="", help="only mutants whose line matches")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them, drawn at random")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000,
                        help="repeats a draw")
    parser.add_argument("--config", choices=("opt", "asan", "tsan"),
                        help="only those that one configuration can tell: one build less, or two")
    parser.add_argument("--disk_cache", metavar="FOLDER", help="Bazel's flag of that name")
    parser.add_argument("--list", action="store_true", help="print them, try none")
    arguments = parser.parse_args()

    # A mutant's number is the same whichever are tried, so that a file is built once for all.
    everything = list(enumerate(load(LIST, ROOT), 1))
    chosen = [(n, m) for n, m in everything if re.search(arguments.regex, str(m))]
    if arguments.config is not None:
        config = arguments.config.removeprefix("opt")
        chosen = [(n, m) for n, m in chosen if m.config == config]
    if arguments.sample is not None and arguments.sample < len(chosen):
        print(f"drawn with --seed={arguments.seed}")
        chosen = random.Random(arguments.seed).sample(chosen, arguments.sample)
    if not chosen:
        sys.exit(f"mutants: none matches {arguments.regex!r}")
    if arguments.list:
        print(*(mutant for _, mutant in chosen), sep="\n")
        return 0
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    flags = () if arguments.disk_cache is None else (f"--disk_cache={arguments.disk_cache}",)
    workspace = Workspace(pathlib.Path(cache) / "lsm" / "mutants", flags)
    changed = {}
    for path in {mutant.file for _, mutant in chosen}:
        own = [(number, mutant) for number, mutant in everything if mutant.file == path]
        changed[path] = switchable((ROOT / path).read_text(), own)
    mirror(ROOT, workspace.path, changed)
    return try_all(chosen, workspace)


if __name__ == "__main__":
    sys.exit(main())
