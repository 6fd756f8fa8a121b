#!/usr/bin/env python3
"""What a crossing costs: the same work from C, Rust and Go, and through peers of these languages.

    ./dev bench ffi [--quick] [--rows N] [--rounds N] [--engines c:lsm,go:lsm,...] [--json FILE]

Each program takes `--engine NAME --dir DIR --rows N --works a,b,...`, where DIR is there and empty,
prints one JSON object a line
    {"language": "go", "engine": "lsm", "work": "get_hit", "rows": 200000, "ns_per_row": 123.4}
and does the same:
    Key i is the 16 lower-case hex digits of splitmix64(i); value i its key, repeated to 100 bytes.
    put        rows 0 to N-1, one call each; no sync, no compression
    batch_put  the same rows again, 100 a batch, the making of the batch included
    (untimed: flush and compact until settled)
    get_hit    200,000 keys, i = splitmix64(j + 2^40) mod N; the first byte of the value is read
    get_miss   200,000 keys, i = N + j
    scan_100   2,000 scans of 100 rows from the key of i = splitmix64(j + 2^41) mod N, per row
    scan_all   all rows forward, the first bytes of key and value read, per row
Works that only read are done five times in a program, and the median is told.

A round runs each program once, in a process and on a database of its own, in an order that turns
from round to round. What is compared is compared within a round, as the machine changes from one to
the next; the table shows medians over the rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple, Optional

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKS = ['put', 'batch_put', 'get_hit', 'get_miss', 'scan_100', 'scan_all']
BASE = 'c:lsm'
PEERS = [('rust', 'fjall'), ('rust', 'redb'), ('go', 'pebble'), ('go', 'badger')]


class Engine(NamedTuple):
    name: str           # "go:pebble"
    program: List[str]  # how it is run

    @property
    def language(self) -> str:
        return self.name.split(':')[0]


Round = Dict[str, Dict[str, float]]  # engine -> work -> ns per row


class Bound(NamedTuple):
    """An aim: at most `factor` times, and `extra` ns over, what C takes."""
    factor: float
    extra: float = 0


# Of the languages that have aims. Peers have one as well: to be slower.
AIMS = {
    'rust': {work: Bound(1.05) for work in WORKS},
    'go': {'get_hit': Bound(1, 120), 'get_miss': Bound(1, 120), 'scan_all': Bound(1.25),
           'batch_put': Bound(1.25)},
}


def build(into: str) -> Dict[str, List[str]]:
    """The programs of the languages that are here: language -> command; says which are not."""
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'lsm'], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    program = os.path.join(into, 'ffi_c')
    subprocess.run(['cc', '-O2', '-std=gnu11', os.path.join(ROOT, 'tools/bench/ffi_c.c'), *flags,
                    '-o', program], check=True)
    programs = {'c': [program]}

    rust = os.path.join(ROOT, 'capi/rust/bench')
    if not os.path.exists(os.path.join(rust, 'Cargo.toml')) or not shutil.which('cargo'):
        print('ffi: without Rust: no cargo, or no capi/rust/bench', file=sys.stderr)
    else:
        done = subprocess.run(['cargo', 'build', '--release', '--quiet',
                               '--message-format=json-render-diagnostics'], cwd=rust, check=True,
                              stdout=subprocess.PIPE, text=True)
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        built = [message['executable'] for message in messages if message.get('executable')]
        programs['rust'] = [built[-1]]

    go = os.path.join(ROOT, 'capi/go/bench')
    if not os.path.exists(os.path.join(go, 'go.mod')) or not shutil.which('go'):
        print('ffi: without Go: no go, or no capi/go/bench', file=sys.stderr)
    else:
        program = os.path.join(into, 'ffi_go')
        subprocess.run(['go', 'build', '-o', program, '.'], cwd=go, check=True)
        programs['go'] = [program]
    return programs


def run(engine: Engine, rows: int, works: List[str], scratch: str) -> Dict[str, float]:
    directory = tempfile.mkdtemp(dir=scratch)
    try:
        done = subprocess.run(
            [*engine.program, '--engine', engine.name.split(':')[1], '--dir', directory,
             '--rows', str(rows), '--works', ','.join(works)],
            check=False, stdout=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if done.returncode != 0:
        sys.exit(f'ffi: {engine.name} failed ({done.returncode})')
    costs = {}
    for line in filter(None, done.stdout.splitlines()):
        told = json.loads(line)
        if f"{told['language']}:{told['engine']}" != engine.name:
            sys.exit(f'ffi: {engine.name} told of something else: {line}')
        costs[told['work']] = told['ns_per_row']
    if sorted(costs) != sorted(works):
        sys.exit(f'ffi: {engine.name} did {sorted(costs)} instead of {sorted(works)}')
    return costs


def engines_of(programs: Dict[str, List[str]], scratch: str) -> List[Engine]:
    """Ours in each language, then the peers that its program knows: tried with a few rows."""
    engines = [Engine(f'{language}:lsm', program) for language, program in programs.items()]
    for language, name in PEERS:
        if language not in programs:
            continue
        directory = tempfile.mkdtemp(dir=scratch)
        tried = subprocess.run(
            [*programs[language], '--engine', name, '--dir', directory, '--rows', '1000',
             '--works', 'put'],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        shutil.rmtree(directory, ignore_errors=True)
        if tried.returncode == 0 and f'"{name}"' in tried.stdout:
            engines.append(Engine(f'{language}:{name}', programs[language]))
    for language in programs.keys() & {language for language, _ in PEERS}:
        if sum(engine.language == language for engine in engines) == 1:
            print(f'ffi: the program of {language} has no peer of lsm', file=sys.stderr)
    return engines


def median_cost(rounds: List[Round], engine: str, work: str) -> float:
    return statistics.median(costs[engine][work] for costs in rounds)


def median_ratio(rounds: List[Round], engine: str, base: str, work: str) -> float:
    return statistics.median(costs[engine][work] / costs[base][work] for costs in rounds)


def verdict(rounds: List[Round], engine: str, work: str) -> Optional[bool]:
    """Whether the aim is met within the rounds' median; None where there is none."""
    language, name = engine.split(':')
    if name != 'lsm':
        ours = f'{language}:lsm'
        return median_ratio(rounds, ours, engine, work) < 1 if ours in rounds[0] else None
    bound = AIMS.get(language, {}).get(work)
    if bound is None or BASE not in rounds[0]:
        return None
    return statistics.median(
        costs[engine][work] - bound.factor * costs[BASE][work] - bound.extra
        for costs in rounds) <= 0


def table(rounds: List[Round], works: List[str]) -> str:
    """ns a row and, in brackets, times what C takes; "!" marks an aim that is missed."""
    engines = list(rounds[0])
    lines = [['ns a row'] + works]
    for engine in engines:
        cells = [engine]
        for work in works:
            ratio = (f' ({median_ratio(rounds, engine, BASE, work):.2f})'
                     if BASE in engines and engine != BASE else '')
            missed = '!' if verdict(rounds, engine, work) is False else ''
            cells.append(f'{median_cost(rounds, engine, work):.0f}{ratio}{missed}')
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return '\n'.join('  '.join(
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths))) for line in lines)


def summary(rounds: List[Round], works: List[str]) -> List[str]:
    lines = []
    for engine in rounds[0]:
        language, name = engine.split(':')
        verdicts = {work: verdict(rounds, engine, work) for work in works}
        missed = [work for work, met in verdicts.items() if met is False]
        if all(met is None for met in verdicts.values()):
            continue
        what = f'{language} within its bounds of C' if name == 'lsm' else f'faster than {name}'
        lines.append(f"{what}: {'everywhere' if not missed else 'but for ' + ', '.join(missed)}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rows', type=int, help='rows of the database (1000000; quick: 200000)')
    parser.add_argument('--rounds', type=int, help='how often all is done (5; quick: 3)')
    parser.add_argument('--quick', action='store_true', help='fewer rows and rounds')
    parser.add_argument('--works', default=','.join(WORKS), help='some of them, with commas')
    parser.add_argument('--engines', help='some of them, with commas, such as c:lsm,go:lsm')
    parser.add_argument('--json', metavar='FILE', help='also write every figure there')
    arguments = parser.parse_args()
    rows = arguments.rows or (200000 if arguments.quick else 1000000)
    rounds_wanted = arguments.rounds or (3 if arguments.quick else 5)
    works = arguments.works.split(',')
    if set(works) - set(WORKS) or rows < 1:
        parser.error(f'works are {", ".join(WORKS)}; there is at least one row')

    with tempfile.TemporaryDirectory(prefix='lsm-ffi-') as scratch:
        programs = build(scratch)
        engines = engines_of(programs, scratch)
        if arguments.engines:
            wanted = arguments.engines.split(',')
            unknown = set(wanted) - {engine.name for engine in engines}
            if unknown:
                parser.error(f'not here: {", ".join(sorted(unknown))}')
            engines = [engine for engine in engines if engine.name in wanted]
        rounds: List[Round] = []
        for number in range(rounds_wanted):
            turned = engines[number % len(engines):] + engines[:number % len(engines)]
            costs: Round = {}
            for engine in turned:
                print(f'ffi: round {number + 1} of {rounds_wanted}: {engine.name}', file=sys.stderr)
                costs[engine.name] = run(engine, rows, works, scratch)
            rounds.append({engine.name: costs[engine.name] for engine in engines})

    print(f'{rows} rows of 16 + 100 bytes, medians of {len(rounds)} rounds '
          '(in brackets: times what C takes)\n')
    print(table(rounds, works), *summary(rounds, works), sep='\n')
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf-8') as file:
            json.dump({'rows': rows, 'rounds': rounds}, file, indent=1)
            file.write('\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
