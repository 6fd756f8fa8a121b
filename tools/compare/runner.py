"""Runs steps: each in a fresh process, on a database of its own or a copy of one."""

import json
import os
import shutil
import subprocess
from typing import Dict, List, NamedTuple, Set

import works


class Settings(NamedTuple):
    rows: int
    seconds: float    # cap of works that are capped
    programs: str     # the folder of the drivers
    scratch: str      # the folder of the databases

    def memory_budget(self) -> int:
        """256 MiB for the full number of rows, and in proportion."""
        return max(16 << 20, (256 << 20) * self.rows // works.FULL_ROWS)

    def count(self, share: float) -> int:
        return max(1, round(share * self.rows))


class Failed(Exception):
    """A step did not do what it was to do; there is no figure."""


class NoRoom(Exception):
    """A database would not fit on the disk; it was not begun."""


def allocated_bytes(folder: str) -> int:
    """What its files take on disk: holes do not count, blocks kept for later do."""
    return sum(os.lstat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(folder) for name in names)


class Runner:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.loads: Dict[str, Dict[str, dict]] = {}  # base → engine → run
        self._bases: Set[str] = set()                 # the folders of those made

    def machine(self) -> dict:
        return self._start(['machine', self.settings.scratch])

    def run(self, work: works.Work, engine: str) -> dict:
        """One step, as its driver reported it, with `disk_bytes`."""
        path = scratch = os.path.join(self.settings.scratch, 'work')
        try:
            if work.base:
                base = self.make(work.base, engine)
                if work.changes:
                    self._copy(base, scratch)
                else:
                    path = base
            run = self._driver(engine, work.step, path, self._arguments(work))
            run['disk_bytes'] = allocated_bytes(path)
        finally:
            self._remove(scratch)
            if work.base and not work.base.keep:
                self._forget(work.base, engine)
        if work.base and work.base.step == 'leave':
            run['log_bytes'] = self._rows(work) * (works.KEY_SIZE + work.value_size)
        self._check(work, engine, run)
        return run

    # ---- One step ----

    def _rows(self, work: works.Work) -> int:
        return self.settings.count(work.base.rows if work.base else work.rows)

    def _arguments(self, work: works.Work) -> List[str]:
        seconds = self.settings.seconds if work.capped else 0
        return (['--rows', str(self._rows(work)),
                 '--operations', str(self.settings.count(work.operations)),
                 '--value-size', str(work.value_size), '--threads', str(work.threads),
                 '--seconds', str(seconds)] + ([] if work.compress else ['--no-compression']) +
                (self._write_buffer(work.base) if work.base else []))

    def _write_buffer(self, base: works.Base) -> List[str]:
        # What is left in a log is replayed into one memtable, whatever the budget.
        if base.step != 'leave':
            return []
        row_size = works.KEY_SIZE + base.value_size
        return ['--write-buffer', str(4 * self.settings.count(base.rows) * row_size)]

    def _driver(self, engine: str, step: str, path: str, arguments: List[str]) -> dict:
        return self._start([f'compare_{engine}', step, '--db', path, '--memory-budget',
                            str(self.settings.memory_budget())] + arguments)

    def _start(self, command: List[str]) -> dict:
        command[0] = os.path.join(self.settings.programs, command[0])
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise Failed(f'{" ".join(command)}: exit code {done.returncode}: '
                         f'{done.stderr.strip()}')
        return json.loads(done.stdout) if done.stdout else {}

    @staticmethod
    def _check(work: works.Work, engine: str, run: dict) -> None:
        wanted = {'readrandom': run['operations'], 'readseq': run['operations'],
                  'readseqbulk': run['operations'], 'readreverse': run['operations'],
                  'readmissing': 0, 'ycsb-c': run['operations'], 'open': 1}.get(work.step)
        # Random puts leave gaps: the row that is asked for need not be in the log.
        if work.base and work.base.step == 'leave':
            return
        if wanted is not None and run['read_rows'] != wanted:
            raise Failed(f'{work.name}: {works.NAMES[engine]} read {run["read_rows"]} rows, '
                         f'expected {wanted}')

    # ---- Bases ----

    @staticmethod
    def _base_of(base: works.Base, engine: str) -> works.Base:
        # LMDB does not compress, so that both are the same.
        return works.PLAIN if base == works.PACKED and engine == 'lmdb' else base

    def _folder(self, base: works.Base, engine: str) -> str:
        return os.path.join(self.settings.scratch, f'{base.name}-{engine}')

    def make(self, base: works.Base, engine: str) -> str:
        """The folder of a base; it is loaded where it is not there yet."""
        base = self._base_of(base, engine)
        path = self._folder(base, engine)
        if path in self._bases:
            return path
        rows = self.settings.count(base.rows)
        self._check_room(rows * (works.KEY_SIZE + base.value_size))
        arguments = ['--rows', str(rows), '--operations', str(rows), '--value-size',
                     str(base.value_size)]
        if not base.compress:
            arguments.append('--no-compression')
        # Ours merges by itself when it is idle.
        if base.merge and engine != works.OURS:
            arguments.append('--merge')
        arguments += self._write_buffer(base)
        try:
            run = self._driver(engine, base.step, path, arguments)
        except Failed:
            self._remove(path)
            raise
        if run:
            run['disk_bytes'] = allocated_bytes(path)
            self.loads.setdefault(base.name, {})[engine] = run
        self._bases.add(path)
        return path

    def _check_room(self, size: int) -> None:
        # While it is merged, everything is there twice.
        free = shutil.disk_usage(self.settings.scratch).free
        if free < 2.5 * size:
            raise NoRoom(f'a database of {size / 1e9:.1f} GB needs {2.5 * size / 1e9:.1f} GB, and '
                         f'{self.settings.scratch} has {free / 1e9:.1f} GB free')

    def _forget(self, base: works.Base, engine: str) -> None:
        path = self._folder(base, engine)
        self._bases.discard(path)
        self._remove(path)

    @staticmethod
    def _copy(base: str, path: str) -> None:
        subprocess.run(['cp', '--archive', base, path], check=True)
        # So that the copy's way to the disk falls into nobody's time.
        os.sync()

    @staticmethod
    def _remove(path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)


def agree(work: works.Work, runs: Dict[str, dict]) -> None:
    """Engines that were asked the same, by one thread and without a cap, answered the same."""
    if work.threads > 1 or work.changes or not work.base or work.step == 'open':
        return
    answers: Dict[int, Dict[str, tuple]] = {}
    for engine, run in runs.items():
        answer = (run['read_rows'], run['read_bytes'], run['read_sum'])
        answers.setdefault(run['operations'], {})[engine] = answer
    for same in answers.values():
        if len(set(same.values())) > 1:
            raise Failed(f'{work.name}: the engines read different rows: {same}')
