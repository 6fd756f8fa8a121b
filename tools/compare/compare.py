#!/usr/bin/env python3
"""Runs the same work through lsm, RocksDB, LevelDB and LMDB, and compares.

Every step runs in a fresh process. Engines take turns work by work and round by round, the first
one rotating, so that a machine that drifts favours nobody; figures are medians of the rounds.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List

import picture
import report
import runner
import works

QUICK = {'rows': works.FULL_ROWS // 10, 'rounds': 3, 'seconds': 1.0, 'minutes': 5}
FULL = {'rows': works.FULL_ROWS, 'rounds': 3, 'seconds': 5.0, 'minutes': 58}
NOTES = """\
Rows have keys of 16 bytes and values of 100 that compress to half, unless said otherwise. All
engines get the same memory: 256 MiB for 3 million rows, in proportion for fewer. "zstd" is level 1;
LevelDB's package has Snappy instead and LMDB does not compress. No write is synced but those of
fillsync, and every put is a commit. × best peer: above 1 is better than the best of the others.
± %: half of what lay between the extremes of the rounds. CPU, written: of the whole process and in
the time measured. Left out: overwrite for LevelDB and LMDB, which would take most of an hour, and
the 10 GB database for all others."""


def parse_arguments(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='./dev compare', description=__doc__)
    parser.add_argument('--quick', action='store_true',
                        help='a tenth of the rows and of the memory: five minutes')
    parser.add_argument('--rows', type=int, help='rows; all amounts follow from it')
    parser.add_argument('--rounds', type=int, help='at most so many')
    parser.add_argument('--seconds', type=float, help='cap of each step of reads and mixes')
    parser.add_argument('--minutes', type=float,
                        help='no further round is begun that would not end within so many')
    parser.add_argument('--only', metavar='REGEX', help='works whose names match')
    parser.add_argument('--engines', default=','.join(works.ENGINES), help='names, with commas')
    parser.add_argument('--json', metavar='FILE', help='write all figures there')
    parser.add_argument('--svg', metavar='FILE', help='draw the picture there')
    parser.add_argument('--scratch', metavar='DIR', default=os.environ.get('TMPDIR', '/var/tmp'),
                        help='where the databases go: a disk with 40 GB free, 4 for --quick')
    parser.add_argument('--programs', metavar='DIR', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--list', action='store_true', help='print the works and end')
    chosen = parser.parse_args(arguments)
    for name, value in (QUICK if chosen.quick else FULL).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    chosen.engines = chosen.engines.split(',')
    unknown = set(chosen.engines) - set(works.ENGINES)
    if unknown:
        parser.error(f'no engine {", ".join(sorted(unknown))}; '
                     f'known are {", ".join(works.ENGINES)}')
    if chosen.rows < 1000 or chosen.rounds < 1:
        parser.error('expected at least 1000 rows and one round')
    return chosen


def rotated(engines: List[str], by: int) -> List[str]:
    by %= max(1, len(engines))
    return engines[by:] + engines[:by]


class Comparison:
    def __init__(self, options: argparse.Namespace, scratch: str):
        self.options = options
        self.runner = runner.Runner(runner.Settings(
            rows=options.rows, seconds=options.seconds, programs=options.programs,
            scratch=scratch))
        self.works = [work for work in works.WORKS
                      if re.search(options.only or '', work.name) and
                      not (options.quick and work.base and work.base.needs_full)]
        self.runs: Dict[str, Dict[str, List[dict]]] = {}
        self.limits: List[dict] = []
        self.failures: List[str] = []
        self.start = time.monotonic()

    def run(self) -> None:
        self._load_bases()
        for round_number in range(self.options.rounds):
            before = time.monotonic()
            self.limits.append(self.runner.machine())
            chosen = [work for work in self.works if round_number == 0 or not work.once]
            for place, work in enumerate(chosen):
                self._run_work(work, round_number, place)
            # The next round has no works of the first one only, and is no longer than this one.
            now = time.monotonic()
            if now - self.start + (now - before) > self.options.minutes * 60:
                break

    def _engines(self, work: works.Work) -> List[str]:
        return [engine for engine in self.options.engines if engine in work.engines]

    def _note(self, words: str) -> None:
        seconds = time.monotonic() - self.start
        print(f'[{seconds // 60:3.0f}:{seconds % 60:02.0f}] {words}', file=sys.stderr, flush=True)

    def _load_bases(self) -> None:
        wanted = {work.base for work in self.works if work.base and work.base.keep}
        if re.search(self.options.only or '', works.DISK):
            wanted.add(works.PACKED)
        for place, base in enumerate(sorted(wanted, key=lambda base: base.name)):
            for engine in rotated(self.options.engines, place):
                self._note(f'loading {base.name}: {works.NAMES[engine]}')
                self._try(lambda: self.runner.make(base, engine))

    def _run_work(self, work: works.Work, round_number: int, place: int) -> None:
        same_round: Dict[str, dict] = {}
        for engine in rotated(self._engines(work), round_number + place):
            run = self._try(lambda: self.runner.run(work, engine))
            if run is None:
                continue
            same_round[engine] = run
            self.runs.setdefault(work.name, {}).setdefault(engine, []).append(run)
            figure = report.metric_text(work.metric, report.figures_of_run(run).get(work.metric))
            self._note(f'round {round_number + 1}  {work.name}  {works.NAMES[engine]}  {figure}')
        try:
            runner.agree(work, same_round)
        except runner.Failed as failure:
            self._fail(failure)
            del self.runs[work.name]

    def _try(self, step: Callable[[], Any]) -> Any:
        """One failure does not cost the figures of all others; None in its place."""
        try:
            return step()
        except runner.Failed as failure:
            self._fail(failure)
        except runner.NoRoom as failure:
            self._note(f'left out: {failure}')
        return None

    def _fail(self, failure: runner.Failed) -> None:
        self.failures.append(f'failed: {failure}')
        self._note(self.failures[-1])

    # ---- Results ----

    def results(self) -> report.Results:
        results = {name: {engine: report.medians(runs) for engine, runs in by_engine.items()}
                   for name, by_engine in self.runs.items()}
        packed = self.runner.loads.get(works.PACKED.name, {})
        if packed:
            results[works.DISK] = {engine: {'disk': run['disk_bytes']}
                                   for engine, run in packed.items()}
        return results

    def median_limits(self) -> Dict[str, float]:
        return {name: statistics.median(limits[name] for limits in self.limits)
                for name in self.limits[0]}

    def versions(self) -> Dict[str, str]:
        return {engine: runs[-1]['version'] for by_engine in self.runs.values()
                for engine, runs in by_engine.items()}

    def caption(self) -> str:
        versions = self.versions()
        names = ', '.join(f'{works.NAMES[e]} {versions[e]}' for e in works.ENGINES if e in versions)
        return (f'{names}; {self.options.rows:,} rows, rounds: {len(self.limits)}; '
                f'{os.cpu_count()} processors')

    def print(self) -> None:
        results = self.results()
        limits = self.median_limits()
        print(self.caption(), NOTES,
              report.works_table(results, self.works, self.options.engines),
              report.disk_table(results),
              report.limits_table(limits), report.in_limits_table(results, self.works, limits),
              report.aims_table(report.judge_all(results)), *self.failures, sep='\n\n')

    def document(self) -> dict:
        results = self.results()
        return {
            'schema': 1, 'command': 'compare', 'rows': self.options.rows,
            'rounds': len(self.limits), 'seconds': round(time.monotonic() - self.start, 1),
            'machine': {'system': platform.platform(), 'processors': os.cpu_count()},
            'versions': self.versions(), 'limits': self.median_limits(),
            'failures': self.failures, 'medians': results, 'runs': self.runs,
            'loads': self.runner.loads,
            'aims': [dict(verdict._asdict(), aim=verdict.aim._asdict())
                     for verdict in report.judge_all(results)],
        }

    def save(self) -> None:
        if self.options.json:
            with open(self.options.json, 'w', encoding='utf-8') as file:
                json.dump(self.document(), file, indent=1)
                file.write('\n')
        if self.options.svg:
            with open(self.options.svg, 'w', encoding='utf-8') as file:
                file.write(picture.draw(self.results(), self.works, self.caption()))


def main(arguments: List[str]) -> int:
    options = parse_arguments(arguments)
    scratch = tempfile.mkdtemp(prefix='lsm-compare.', dir=options.scratch)
    try:
        comparison = Comparison(options, scratch)
        if options.list:
            print('\n'.join(f'{work.name:20} {work.title}' for work in comparison.works))
            return 0
        if not comparison.works:
            print(f'compare: no work matches {options.only}; --list names them', file=sys.stderr)
            return 2
        code = 0
        try:
            comparison.run()
        except KeyboardInterrupt:
            code = 130
        # After Ctrl-C, too: what was measured so far.
        if comparison.runs:
            comparison.print()
            comparison.save()
        return code or (1 if comparison.failures else 0)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
