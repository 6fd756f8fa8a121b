#!/usr/bin/env python3
"""The house rules that a machine can check, over the whole source tree.

    tidy.py ROOT

Prints one line a finding (path:line: message) and exits 1 if there are any. Each rule is a function
from a tree ({path: text}) to findings and is shown a bad example in tidy_test.py.
"""

import ast
import os
import re
import sys
from typing import Callable, Dict, Iterator, List, NamedTuple, Set

Tree = Dict[str, str]


class Finding(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: {self.message}'


Rule = Callable[[Tree], Iterator[Finding]]

# A room may include only rooms of lower rank (and itself).
RANKS = {
    'base': 0,
    'env': 1, 'iterator': 1,
    'memtable': 2, 'wal': 2, 'filter': 2, 'cache': 2,
    'sstable': 3,
    'version': 4,
    'compaction': 5,
    'db': 6,
}

# The top-level folders of our own code, and what each may not see.
FORBIDDEN_FOLDERS = {
    'lsm': ('capi', 'tools', 'tests'),
    'capi': ('tools', 'tests'),
    'tools': ('tests',),
    'tests': (),
}

LIBRARIES = ('absl/', 'gtest/', 'gmock/', 'benchmark/', 'nlohmann/', 'CLI/', 'xxhash.h', 'zstd.h',
             'zdict.h')

# Who says what the engine's locks are.
LOCK_HEADERS = ('lsm/base/sync.h', 'lsm/base/scheduled_sync.h')

# Headers through which the system, its clocks and its threads are reached. (pattern, who may)
CONFINED_HEADERS = (
    (re.compile(r'(fcntl|unistd|dirent|poll|pthread|sched|semaphore|signal|time)\.h'), 'lsm/env/'),
    (re.compile(r'(sys|linux)/.*'), 'lsm/env/'),
    (re.compile(r'chrono|filesystem|fstream|ctime|csignal'), 'lsm/env/'),
    (re.compile(r'thread|absl/time/clock\.h'), ('lsm/env/',) + LOCK_HEADERS),
    (re.compile(r'absl/synchronization/.*'), LOCK_HEADERS),
    (re.compile(r'(zstd|zdict|zstd_errors)\.h'), 'lsm/sstable/compression.cc'),
)
# Locks go by the names of lsm/base/sync.h, under which tests put a scheduler.
BANNED_HEADERS = re.compile(r'mutex|shared_mutex|condition_variable|future')
BANNED_LOCKS = re.compile(r'\babsl::(Mutex|\w+MutexLock|MutexLock|CondVar|SleepFor)\b')

MAX_COLUMNS = 100
# Of Rust and Go, where rustfmt and gofmt break what they can and leave comments and strings alone.
MAX_BINDING_COLUMNS = 110
MAX_LINES = 500
HARD_MAX_LINES = 560
# Files between the two limits, with the length each has now. An entry may only shrink.
LONG_FILES: Dict[str, int] = {}
# The public header, now and as it was, is the reference of the whole interface and stays in one
# piece.
PUBLIC_HEADERS = ('capi/lsm.h', 'capi/abi/1.0/lsm/lsm.h')
ANY_LENGTH = set(PUBLIC_HEADERS)

CODE = ('.cc', '.h', '.c')
# Built by cargo and go, and formatted by their tools.
BINDINGS = ('capi/rust/', 'capi/go/')
BINDING_CODE = ('.rs', '.go')
# Programs that stand where a host stands.
HOSTS = ('capi/examples/', 'capi/abi/')
TEXT = CODE + BINDING_CODE + ('.py', '.sh', '.bzl', '.md', '.map', '.BUILD')
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def is_code(path: str) -> bool:
    return (path.endswith(CODE) and path.split('/')[0] in FORBIDDEN_FOLDERS and
            not path.startswith(BINDINGS))


def is_script(path: str) -> bool:
    return path == 'dev' or path.endswith(('.py', '.sh', '.bzl') + BINDING_CODE)


def is_generated(text: str) -> bool:
    return any('generated' in line for line in text.splitlines()[:3])


def includes(tree: Tree) -> Iterator[tuple]:
    """Every include of our code: (path, line, quote, header)."""
    for path, text in tree.items():
        if is_code(path):
            for number, line in enumerate(text.splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    yield path, number, match.group(1), match.group(2)


def room_of(path: str) -> str:
    parts = path.split('/')
    return parts[1] if parts[0] == 'lsm' and len(parts) > 2 else ''


def ranks(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.items():
        if is_code(path) and path.startswith('lsm/') and room_of(path) not in RANKS:
            yield Finding(path, 1, 'is in no room that tidy.py knows the rank of')
    for path, line, _, header in includes(tree):
        if header.split('/')[0] in FORBIDDEN_FOLDERS[path.split('/')[0]]:
            yield Finding(path, line, f'may not include {header}')
        room, other = room_of(path), room_of(header)
        if room in RANKS and header.startswith('lsm/') and other != room:
            if RANKS.get(other, len(RANKS)) >= RANKS[room]:
                yield Finding(path, line, f'{room} (rank {RANKS[room]}) may not include {header} '
                                          f'(rank {RANKS.get(other, "unknown")})')


def includes_from_the_root(tree: Tree) -> Iterator[Finding]:
    ours = tuple(folder + '/' for folder in FORBIDDEN_FOLDERS)
    for path, line, quote, header in includes(tree):
        if quote == '"' and not header.startswith(ours + LIBRARIES):
            yield Finding(path, line, f'"{header}" is not written from the root of the tree')
        if quote == '<' and header.startswith(ours) and header != 'lsm/lsm.h':
            yield Finding(path, line, f'<{header}> is ours and is included in quotes')


def system_headers(tree: Tree) -> Iterator[Finding]:
    for path, line, _, header in includes(tree):
        if not path.startswith(('lsm/', 'capi/')) or path.startswith(HOSTS):
            continue
        if BANNED_HEADERS.fullmatch(header):
            yield Finding(path, line, f'<{header}>: locks are those of lsm/base/sync.h')
        for pattern, owner in CONFINED_HEADERS:
            if pattern.fullmatch(header) and not path.startswith(owner):
                yield Finding(path, line, f'only {owner} may include {header}')


def lock_names(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.items():
        if not (is_code(path) and path.startswith('lsm/')) or path in LOCK_HEADERS:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = BANNED_LOCKS.search(line)
            if match:
                yield Finding(path, number, f'{match.group()}: lsm/base/sync.h has its own name')


def file_lengths(tree: Tree, long_files: Dict[str, int] = LONG_FILES) -> Iterator[Finding]:
    for path, text in tree.items():
        if not (is_code(path) or is_script(path)) or path in ANY_LENGTH or is_generated(text):
            continue
        lines = len(text.splitlines())
        soft = HARD_MAX_LINES if path.endswith(BINDING_CODE) else MAX_LINES
        limit = min(long_files.get(path, soft), HARD_MAX_LINES)
        if lines > limit:
            yield Finding(path, lines, f'{lines} lines, at most {limit}: split it')
    for path, limit in long_files.items():
        lines = len(tree.get(path, '').splitlines())
        if lines < limit:
            yield Finding(path, max(lines, 1), f'is down to {lines} lines: lower or remove its '
                                               f'entry ({limit}) in LONG_FILES')


def line_lengths(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.items():
        if (is_code(path) or is_script(path)) and not is_generated(text):
            limit = MAX_BINDING_COLUMNS if path.endswith(BINDING_CODE) else MAX_COLUMNS
            for number, line in enumerate(text.splitlines(), 1):
                if len(line) > limit and 'https://' not in line and '#include' not in line:
                    yield Finding(path, number, f'{len(line)} columns, at most {limit}')


def guard_of(path: str) -> str:
    name = path[len('lsm/'):] if path.startswith('lsm/') else path
    if path in PUBLIC_HEADERS:
        name = 'lsm.h'
    return 'LSM_' + re.sub(r'[^A-Za-z0-9]', '_', name).upper() + '_'


def header_guards(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.items():
        if not (is_code(path) and path.endswith('.h')):
            continue
        guard = guard_of(path)
        directives = [line.strip() for line in text.splitlines() if re.match(r'\s*#', line)]
        if directives[:2] != [f'#ifndef {guard}', f'#define {guard}']:
            yield Finding(path, 1, f'must open with #ifndef {guard}, #define {guard}')
        elif not re.fullmatch(rf'#endif +(// {guard}|/\* {guard} \*/)', directives[-1]):
            yield Finding(path, len(text.splitlines()), f'must end with #endif  // {guard}')


def header_comments(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.items():
        if is_code(path) and path.endswith('.h') and not text.startswith(('//', '/*')):
            yield Finding(path, 1, 'a header opens with a comment: what it is and what it promises')


def no_reminders(tree: Tree) -> Iterator[Finding]:
    pattern = re.compile(r'\b(' + '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'X' * 3)) + r')\b')
    for path, text in tree.items():
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield Finding(path, number, f'{pattern.search(line).group()}: do it or file it')


def whitespace(tree: Tree) -> Iterator[Finding]:
    """Go is written with tabs, also where it is quoted."""
    for path, text in tree.items():
        if text and not text.endswith('\n'):
            yield Finding(path, len(text.splitlines()), 'no newline at the end')
        if path.endswith('.md'):
            text = re.sub(r'^```go$.*?^```$', lambda go: go[0].replace('\t', ' ' * 8), text,
                          flags=re.MULTILINE | re.DOTALL)
        for number, line in enumerate(text.split('\n'), 1):
            if '\t' in line and not path.endswith('.go'):
                yield Finding(path, number, 'tab')
            if line != line.rstrip():
                yield Finding(path, number, 'trailing white space')


def glob_regex(pattern: str) -> 're.Pattern[str]':
    """Bazel's glob: ** crosses folders, * does not."""
    parts = re.split(r'(\*\*/|\*\*|\*)', pattern)
    wild = {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*'}
    return re.compile(''.join(wild.get(part, re.escape(part)) for part in parts))


class BuildFile:
    """What a BUILD file names: literally, or by glob."""

    def __init__(self, text: str):
        self.names: Set[str] = set()
        self.globs: List[tuple] = []
        self.assigned: Dict[str, ast.AST] = {}
        self._visit(ast.parse(text))

    def covers(self, name: str) -> bool:
        def matches(patterns: List[str]) -> bool:
            return any(glob_regex(pattern).fullmatch(name) for pattern in patterns)
        return name in self.names or any(matches(include) and not matches(exclude)
                                         for include, exclude in self.globs)

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'glob':
            arguments = {keyword.arg: keyword.value for keyword in node.keywords}
            include = node.args[0] if node.args else arguments['include']
            exclude = arguments.get('exclude', ast.List(elts=[]))
            self.globs.append((self._strings(include), self._strings(exclude)))
            return
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            self.assigned[node.targets[0].id] = node.value
        if isinstance(node, ast.ListComp):
            # [cc_test(name = name, srcs = [name + ".cc"]) for name in ["a_test", "b_test"]]
            for generator in node.generators:
                for stem in self._strings(generator.iter):
                    self.names.update(stem + suffix for suffix in
                                      ('', '.cc', '.c', '_test.cc', '_test.c', '_bench.cc'))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.names.add(node.value.lstrip(':'))
        for child in ast.iter_child_nodes(node):
            self._visit(child)

    def _strings(self, node: ast.AST) -> List[str]:
        """The strings in it, also those of the variables that it names."""
        strings = []
        for child in ast.walk(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                strings.append(child.value)
            elif isinstance(child, ast.Name) and child.id in self.assigned:
                strings += self._strings(self.assigned[child.id])
        return strings


def everything_is_built(tree: Tree) -> Iterator[Finding]:
    builds = {os.path.dirname(path): BuildFile(text) for path, text in tree.items()
              if os.path.basename(path) == 'BUILD'}
    for path in tree:
        if not is_code(path):
            continue
        package = os.path.dirname(path)
        while package not in builds and package:
            package = os.path.dirname(package)
        name = os.path.relpath(path, package or '.')
        if package not in builds or not builds[package].covers(name):
            yield Finding(path, 1, f'is in no BUILD file (looked at {package or "."}/BUILD)')


RULES: List[Rule] = [
    ranks, includes_from_the_root, system_headers, lock_names, file_lengths, line_lengths,
    header_guards, header_comments, no_reminders, whitespace, everything_is_built,
]


def read_tree(root: str) -> Tree:
    tree: Tree = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name == '.ci' or
                            not name.startswith(('.', 'bazel-')) and
                            not (folder == root and name == 'dist') and
                            not (name == 'target' and 'Cargo.toml' in files))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(TEXT) or name in ('BUILD', 'WORKSPACE', 'dev', '.bazelrc'):
                with open(os.path.join(root, path), encoding='utf-8') as file:
                    tree[path] = file.read()
    return tree


def check(tree: Tree) -> List[Finding]:
    return sorted(finding for rule in RULES for finding in rule(tree))


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    findings = check(read_tree(sys.argv[1]))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main())
