#!/usr/bin/env python3
"""Writes the manual page lsm(3) from what lsm.h says.

    library_manual.py lsm.h VERSION > lsm.3

The comment that opens the header becomes the description, its example included; then each section's
functions stand with the sentence that their comments begin with.
"""

import re
import sys
from typing import Iterator, List, Tuple

SECTION = re.compile(r'/\* ---- (.+?) -+ \*/')
FUNCTION = re.compile(r'/\* ([^/]*?) \*/\nLSM_API [^;(]*?(lsm_\w+)\(', re.DOTALL)


def roff(text: str) -> str:
    """The text as roff takes it for itself: no line of it is a request."""
    escaped = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^(?=[.'])", r'\\&', escaped, flags=re.MULTILINE)


def opening(header: str) -> List[str]:
    """The lines of the comment at the top, without its decoration."""
    comment = header[:header.index('*/')]
    return [re.sub(r'^(/\*| \*) ?', '', line).rstrip() for line in comment.splitlines()]


def paragraphs(lines: List[str]) -> Iterator[str]:
    """Text, code (indented by four) and lists (by two) as roff."""
    shape = ''
    for line in lines:
        previous, shape = shape, ('code' if line.startswith('    ') and shape != 'item' else
                                  'item' if line.startswith('  ') else
                                  'text' if line else shape if shape == 'code' else '')
        if previous == 'code' and shape != 'code':
            yield '.fi\n.RE\n'
        if shape == 'code':
            yield ('' if previous == 'code' else '.PP\n.RS\n.nf\n') + roff(line[4:]) + '\n'
        elif shape == 'item':
            match = re.match(r'  (\S+)  +(.*)', line)
            tag = f'.TP\n{roff(match[1])}\n{roff(match[2])}' if match else roff(line.strip())
            yield tag + '\n'
        elif shape == 'text' and line.isupper():
            yield f'.SH {line}\n'
        elif shape == 'text':
            yield ('' if previous == 'text' else '.PP\n') + roff(line) + '\n'


def sections(header: str) -> Iterator[Tuple[str, List[Tuple[str, str]]]]:
    """Each section with its functions: (name, first sentence)."""
    parts = SECTION.split(header)
    for title, body in zip(parts[1::2], parts[2::2]):
        functions = []
        for comment, name in FUNCTION.findall(body):
            summary = comment.split('\nParameters:')[0].split('\n * Parameters:')[0]
            functions.append((name, ' '.join(re.sub(r'\n \* ?', ' ', summary).split())))
        if functions:
            yield title, functions


def page(header: str, version: str) -> str:
    lines = opening(header)
    summary = lines[0].split(': ', 1)[1].rstrip('.')
    text = [
        f'.TH LSM 3 "" "lsm {version}" "Library Functions Manual"\n',
        f'.SH NAME\nlsm \\- {roff(summary)}\n',
        '.SH SYNOPSIS\n.B #include <lsm/lsm.h>\n.PP\n',
        '.B cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs lsm)\n',
        '.SH DESCRIPTION\n', *paragraphs(lines[2:]), '.SH FUNCTIONS\n',
        'The header has the whole contract of each: parameters, answers, ownership, threads, '
        'durability.\n',
    ]
    for title, functions in sections(header):
        text.append(f'.SS {roff(title)}\n')
        text += [f'.TP\n.BR {name} ()\n{roff(sentence)}\n' for name, sentence in functions]
    text.append('.SH SEE ALSO\n.BR lsm (1)\n')
    return ''.join(text)


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding='utf-8') as file:
        header = file.read()
    text = page(header, sys.argv[2])
    missing = set(re.findall(r'LSM_API [^;(]*?(lsm_\w+)\(', header)) - set(
        re.findall(r'^\.BR (lsm_\w+) ', text, re.MULTILINE))
    if missing:
        print(f'library_manual.py: no sentence found for {sorted(missing)}', file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
