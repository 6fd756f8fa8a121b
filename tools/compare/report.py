"""From runs to figures: medians, ratios, aims, and the tables that show them.

Results are {work: {engine: Figures}}; Figures is a dict of metrics in operations, seconds and
bytes, medians over the rounds. What an engine does not do is absent, and shows as a dash.
"""

import statistics
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

import works

Figures = Dict[str, float]
Results = Dict[str, Dict[str, Figures]]

DASH = '–'
# Of all others a smaller figure is the better one.
MORE_IS_BETTER = ('rate', 'replay_rate')


def figures_of_run(run: dict) -> Figures:
    """The metrics of one run of a driver (and of its directory)."""
    operations = run['operations']
    figures = {
        'rate': operations / run['seconds'],
        'seconds': run['seconds'],
        'p50': run['p50_micros'] / 1e6,
        'p99': run['p99_micros'] / 1e6,
        'p99_9': run['p99_9_micros'] / 1e6,
        'max': run['max_micros'] / 1e6,
        'cpu': run['cpu_seconds'] / operations,
        'memory': run['anonymous_bytes'],
        'written': run['written_bytes'],
        'disk': run['disk_bytes'],
    }
    if 'log_bytes' in run:
        figures['replay_rate'] = run['log_bytes'] / run['seconds']
    return figures


def medians(runs: List[dict]) -> Figures:
    """Each metric's median over runs, and `spread`, how far apart the rates were."""
    all_figures = [figures_of_run(run) for run in runs]
    result = {metric: statistics.median(figures[metric] for figures in all_figures)
              for metric in all_figures[0]}
    rates = [figures['rate'] for figures in all_figures]
    result['spread'] = (max(rates) - min(rates)) / result['rate']
    return result


def goodness(metric: str, ours: float, theirs: float) -> Optional[float]:
    """How many times as good ours is; None where that means nothing."""
    if not ours > 0 or not theirs > 0:
        return None
    return ours / theirs if metric in MORE_IS_BETTER else theirs / ours


def best_peer(by_engine: Dict[str, Figures], metric: str) -> Optional[str]:
    peers = [engine for engine in by_engine
             if engine != works.OURS and by_engine[engine].get(metric, 0) > 0]
    if not peers:
        return None
    pick = max if metric in MORE_IS_BETTER else min
    return pick(peers, key=lambda engine: by_engine[engine][metric])


def ratio_to_best_peer(by_engine: Dict[str, Figures], engine: str, metric: str) -> Optional[float]:
    """Of a peer, too: 1 for the best of them."""
    peer = best_peer(by_engine, metric)
    if peer is None or metric not in by_engine.get(engine, {}):
        return None
    return goodness(metric, by_engine[engine][metric], by_engine[peer][metric])


class Verdict(NamedTuple):
    aim: works.Aim
    ours: Optional[float]
    theirs: Optional[float]
    peer: Optional[str]
    ratio: Optional[float]   # how many times as good as the peer or the limit
    met: Optional[bool]      # None: not measured


def judge(aim: works.Aim, results: Results) -> Verdict:
    by_engine = results.get(aim.work, {})
    ours = by_engine.get(works.OURS, {}).get(aim.metric)
    if aim.limit is not None:
        ratio = None if ours is None else goodness(aim.metric, ours, aim.limit)
        return Verdict(aim, ours, aim.limit, None, ratio, None if ratio is None else ratio >= 1)
    others = results.get(aim.other_work, {}) if aim.other_work else by_engine
    peer = best_peer(others, aim.metric) if aim.against == 'best' else aim.against
    theirs = others.get(peer, {}).get(aim.metric) if peer else None
    if ours is None or theirs is None:
        return Verdict(aim, ours, theirs, peer, None, None)
    ratio = goodness(aim.metric, ours, theirs)
    return Verdict(aim, ours, theirs, peer, ratio, None if ratio is None else ratio >= aim.factor)


def judge_growth(results: Results) -> Optional[Verdict]:
    """Cost against size: how a get's cost grows from the smallest database to the largest, ours
    against LMDB's."""
    sizes = [work.name for work in works.WORKS if work.name.startswith('size-')]
    measured = [name for name in sizes
                if all('rate' in results.get(name, {}).get(engine, {})
                       for engine in ('lsm', 'lmdb'))]
    if len(measured) < 2:
        return None
    growth = {engine: results[measured[0]][engine]['rate'] / results[measured[-1]][engine]['rate']
              for engine in ('lsm', 'lmdb')}
    aim = works.Aim(measured[-1], f'growth of cost, {measured[0]} to {measured[-1]}', 'growth',
                    against='lmdb')
    ratio = goodness('growth', growth['lsm'], growth['lmdb'])
    return Verdict(aim, growth['lsm'], growth['lmdb'], 'lmdb', ratio, ratio >= 1)


def judge_all(results: Results) -> List[Verdict]:
    verdicts = [judge(aim, results) for aim in works.AIMS]
    growth = judge_growth(results)
    return verdicts + ([growth] if growth else [])


# ---- Text ------------------------------------------------------------------------------------

def count_text(number: Optional[float]) -> str:
    if number is None:
        return DASH
    for unit, size, least in (('M', 1e6, 1e6), ('k', 1e3, 1e4)):
        if number >= least:
            scaled = number / size
            return f'{scaled:.0f} {unit}' if scaled >= 100 else f'{scaled:.1f} {unit}'
    return f'{number:.0f}'


def time_text(seconds: Optional[float]) -> str:
    if seconds is None:
        return DASH
    for unit, size in (('s', 1), ('ms', 1e-3), ('µs', 1e-6)):
        if seconds >= size:
            break
    value = seconds / size
    return f'{value:.0f} {unit}' if value >= 100 else f'{value:.3g} {unit}'


def bytes_text(number: Optional[float]) -> str:
    if number is None:
        return DASH
    mebibytes = number / 2**20
    return f'{mebibytes:.0f}' if mebibytes >= 100 else f'{mebibytes:.3g}'


def ratio_text(ratio: Optional[float]) -> str:
    if ratio is None:
        return DASH
    return f'{ratio:.2f}' if ratio < 10 else f'{ratio:.1f}'


def metric_text(metric: str, value: Optional[float]) -> str:
    if value is None:
        return DASH
    if metric == 'rate':
        return count_text(value) + '/s'
    if metric == 'replay_rate':
        return f'{value / 1e6:.0f} MB/s'
    if metric == 'growth':
        return f'× {value:.2f}'
    if metric in ('memory', 'written', 'disk'):
        return bytes_text(value) + ' MiB'
    return time_text(value)


def table(head: List[str], lines: Iterable[Optional[List[str]]], text_columns: int) -> str:
    """Columns as wide as they need; the first ones to the left; None is an empty line."""
    lines = list(lines)
    widths = [max(len(line[i]) for line in [head] + [line for line in lines if line])
              for i in range(len(head))]

    def render(line: Optional[List[str]]) -> str:
        cells = [cell.ljust(width) if i < text_columns else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line or [], widths))]
        return '  '.join(cells).rstrip()
    return '\n'.join([render(head), '  '.join('-' * width for width in widths)] +
                     [render(line) for line in lines])


def works_table(results: Results, chosen: List[works.Work],
                engines: Sequence[str] = works.ENGINES) -> str:
    head = ['work', 'engine', 'figure', '± %', 'p50', 'p99', 'p99.9', 'max', 'CPU/op', 'anon MiB',
            'disk MiB', 'written MiB', '× best peer']
    lines: List[Optional[List[str]]] = []
    for work in chosen:
        by_engine = results.get(work.name, {})
        if not by_engine:
            continue
        for place, engine in enumerate(engines):
            name = work.title if place == 0 else ''
            figures = by_engine.get(engine)
            if figures is None:
                lines.append([name, works.NAMES[engine]] + [DASH] * (len(head) - 2))
                continue
            quantiles = () if work.step == 'open' else ('p50', 'p99', 'p99_9', 'max')
            lines.append(
                [name, works.NAMES[engine], metric_text(work.metric, figures.get(work.metric)),
                 f'{50 * figures["spread"]:.0f}'] +
                [time_text(figures[metric]) for metric in quantiles] +
                [DASH] * (4 - len(quantiles)) +  # one operation has none
                [time_text(figures['cpu'])] +
                [bytes_text(figures[metric]) for metric in ('memory', 'disk', 'written')] +
                [ratio_text(ratio_to_best_peer(by_engine, engine, work.metric))])
        lines.append(None)
    return table(head, lines, 2)


def disk_table(results: Results) -> str:
    by_engine = results.get(works.DISK, {})
    lines = [[works.NAMES[engine], bytes_text(by_engine.get(engine, {}).get('disk')),
              ratio_text(ratio_to_best_peer(by_engine, engine, 'disk'))]
             for engine in works.ENGINES]
    return table(['disk after settle', 'MiB', '× best peer'], lines, 1)


def aims_table(verdicts: List[Verdict]) -> str:
    lines = []
    for verdict in verdicts:
        aim = verdict.aim
        against = works.NAMES[verdict.peer] if verdict.peer else 'limit'
        wanted = f'≥ {aim.factor:.3g} ×'
        if aim.limit is not None:
            wanted = metric_text(aim.metric, aim.limit)
        met = {None: DASH, True: 'yes', False: 'NO'}[verdict.met]
        lines.append([aim.title, against, metric_text(aim.metric, verdict.ours),
                      metric_text(aim.metric, verdict.theirs), ratio_text(verdict.ratio), wanted,
                      met])
    return table(['aim', 'against', 'ours', 'theirs', 'times as good', 'wanted', 'met'], lines, 2)


# ---- The physical limits ---------------------------------------------------------------------

def limits_table(limits: Dict[str, float]) -> str:
    def speed(name: str) -> str:
        return f'{limits[name] / 1e9:.2f} GB/s'
    lines = [
        ['dependent random access, 256 MiB', time_text(limits['random_access_nanos'] / 1e9)],
        ['memcpy', speed('memcpy_bytes_per_second')],
        ['zstd level 1, 4 KiB blocks: compress', speed('zstd_compress_bytes_per_second')],
        ['decompress', speed('zstd_decompress_bytes_per_second')],
        ['append of 128 B to a mapped log', time_text(limits['log_append_nanos'] / 1e9)],
        ['write of 128 B and fdatasync: p50', time_text(limits['fdatasync_p50_micros'] / 1e6)],
        ['p99', time_text(limits['fdatasync_p99_micros'] / 1e6)],
    ]
    return table(['this machine', 'figure'], lines, 1)


def in_limits(work: works.Work, figures: Figures, limits: Dict[str, float]) -> List[float]:
    """How many of each physical operation ours costs: of what a thread takes for one."""
    seconds = work.threads / figures['rate']
    row = works.KEY_SIZE + work.value_size
    return [
        seconds,
        seconds / (limits['random_access_nanos'] / 1e9),
        seconds * limits['memcpy_bytes_per_second'] / row,
        seconds * limits['zstd_decompress_bytes_per_second'] / 4096,
        seconds / (limits['log_append_nanos'] / 1e9),
        seconds / (limits['fdatasync_p50_micros'] / 1e6),
    ]


def in_limits_table(results: Results, chosen: List[works.Work], limits: Dict[str, float]) -> str:
    lines = []
    for work in chosen:
        figures = results.get(work.name, {}).get(works.OURS)
        if figures is None or work.metric != 'rate':
            continue
        seconds, *costs = in_limits(work, figures, limits)
        lines.append([work.title, time_text(seconds)] + [f'{cost:.3g}' for cost in costs])
    return table(['one of ours costs', 'time', 'random accesses', 'memcpys of the row',
                  'zstd blocks of 4 KiB', 'log appends', 'fdatasyncs'], lines, 1)
