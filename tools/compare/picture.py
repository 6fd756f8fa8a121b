"""The picture of a comparison: a line a work, a dot an engine, on a logarithmic scale on which the
best peer stands at 1 and further right is better."""

import math
from typing import List
from xml.sax.saxutils import escape

import report
import works

COLOURS = {'lsm': '#d6336c', 'rocksdb': '#1c7ed6', 'leveldb': '#f08c00', 'lmdb': '#2f9e44'}
LABELS = 300  # width of the column of titles
SCALE = 560   # width of the plot
LINE = 22     # height of a work
TOP = 64
MARGIN = 24


def _range(ratios: List[float]) -> tuple:
    """Whole powers of ten around all dots, in exponents."""
    low = min(math.floor(math.log10(ratio)) for ratio in ratios)
    high = max(math.ceil(math.log10(ratio)) for ratio in ratios)
    return min(low, -1), max(high, 1)


def _tick(exponent: int) -> str:
    return f'{10 ** exponent:g} ×'


def draw(results: report.Results, chosen: List[works.Work], caption: str) -> str:
    """An SVG document. Works that no peer does are left out, as they have no ratio."""
    rows = []
    for work in chosen:
        by_engine = results.get(work.name, {})
        ratios = {engine: report.ratio_to_best_peer(by_engine, engine, work.metric)
                  for engine in works.ENGINES}
        ratios = {engine: ratio for engine, ratio in ratios.items() if ratio}
        if works.OURS in ratios and len(ratios) > 1:
            rows.append((work, ratios, by_engine[works.OURS][work.metric]))
    low, high = _range([ratio for _, ratios, _ in rows for ratio in ratios.values()] or [1])

    def x_of(ratio: float) -> float:
        return LABELS + SCALE * (math.log10(ratio) - low) / (high - low)

    width = LABELS + SCALE + 110
    height = TOP + LINE * len(rows) + 2 * MARGIN
    bottom = TOP + LINE * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>']

    def text(x: float, y: float, words: str, anchor: str = 'start',
             colour: str = '#212529') -> None:
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
                     f'{escape(words)}</text>')

    for place, engine in enumerate(works.ENGINES):
        x = LABELS + 110 * place
        parts.append(f'<circle cx="{x}" cy="20" r="6" fill="{COLOURS[engine]}"/>')
        text(x + 12, 25, works.NAMES[engine])
    for exponent in range(low, high + 1):
        x = x_of(10 ** exponent)
        colour = '#868e96' if exponent == 0 else '#e9ecef'
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 10}" x2="{x:.1f}" y2="{bottom}" '
                     f'stroke="{colour}"/>')
        text(x, TOP - 16, 'best peer' if exponent == 0 else _tick(exponent), 'middle', '#868e96')
    for place, (work, ratios, ours) in enumerate(rows):
        y = TOP + LINE * (place + 0.5)
        text(LABELS - 12, y + 4, work.title, 'end')
        parts.append(f'<line x1="{LABELS}" y1="{y}" x2="{LABELS + SCALE}" y2="{y}" '
                     'stroke="#f1f3f5"/>')
        # Ours last, above the others.
        for engine in reversed(works.ENGINES):
            if engine in ratios:
                parts.append(f'<circle cx="{x_of(ratios[engine]):.1f}" cy="{y}" r="5.5" '
                             f'fill="{COLOURS[engine]}" fill-opacity="0.85"/>')
        text(LABELS + SCALE + 12, y + 4, report.metric_text(work.metric, ours),
             colour=COLOURS[works.OURS])
    text(MARGIN, bottom + MARGIN, caption, colour='#868e96')
    parts.append('</svg>')
    return '\n'.join(parts) + '\n'
