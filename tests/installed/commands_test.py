#!/usr/bin/env python3
"""The manual page and the completions name the commands and options that --help knows, no others.

    commands_test.py PREFIX

What --help knows is read from its text, as a person would; the others from the installed files.
"""

import os
import re
import subprocess
import sys
from typing import Dict, List, Set

Commands = Dict[str, Set[str]]  # "sst dump": {"--from", ...}; "": the tool itself


def read(prefix: str, *path: str) -> str:
    with open(os.path.join(prefix, *path), encoding='utf-8') as file:
        return file.read()


def from_help(tool: str, path: List[str]) -> Commands:
    text = subprocess.run([tool, *path, '--help'], check=True, stdout=subprocess.PIPE,
                          timeout=60).stdout.decode()
    # "  -h,--help                   Print this help message and exit"
    options = set(re.findall(r'^  (?:-\w,)?(--[a-z-]+)', text, re.MULTILINE))
    commands = {' '.join(path): options}
    section = re.search(r'^Subcommands:\n((?:  .*\n)+)', text, re.MULTILINE)
    for name in re.findall(r'^  (\S+)', section[1], re.MULTILINE) if section else []:
        commands.update(from_help(tool, path + [name]))
    return commands


def from_manual(text: str) -> Commands:
    """Commands that only have subcommands stand there by these; what all share stands once."""
    text = text.replace('\\-', '-')
    options = r'^\.B (?:-\w, )?(--[a-z-]+)'
    common = text[text.index('.SH COMMON OPTIONS'):text.index('.SH ENGINE OPTIONS')]
    shared = set(re.findall(options, common, re.MULTILINE))
    commands = {'': {'--help', '--version'} & shared}
    shared.discard('--version')
    part = text[text.index('.SH COMMANDS'):text.index('.SH COMMON OPTIONS')]
    for section in part.split('.SS lsm ')[1:]:
        words = section.splitlines()[0].split()
        path = words[:next((i for i, word in enumerate(words) if not word.islower()), len(words))]
        if len(path) > 1:
            commands[path[0]] = {'--help'}
        commands[' '.join(path)] = set(re.findall(options, section, re.MULTILINE)) | shared
    return commands


def from_bash(text: str) -> Commands:
    """What is proposed after each command."""
    script = text + '''
        complete_after() {
          COMP_WORDS=(lsm "$@")
          COMP_CWORD=$#
          COMPREPLY=()
          _lsm
          printf '%s\\n' "${COMPREPLY[@]}"
        }
        walk() {
          printf 'command %s\\n' "$*"
          complete_after "$@" --
          local word
          # File names are no commands: none are here.
          for word in $(complete_after "$@" ''); do walk "$@" "$word"; done
        }
        cd "$(mktemp -d)" && walk && rmdir "$PWD"
    '''
    out = subprocess.run(['bash'], input=script.encode(), check=True, stdout=subprocess.PIPE,
                         timeout=300).stdout.decode()
    commands: Commands = {}
    for line in out.splitlines():
        if line.startswith('command'):
            current = commands.setdefault(line[len('command '):], set())
        elif line:
            current.add(line)
    return commands


def from_zsh(text: str) -> Commands:
    commands: Commands = {}
    for path, body in re.findall(r"^    '([a-z ]*)'\)\n(.*?)^      ;;", text, re.M | re.S):
        commands[path] = set(re.findall(r"^ +'(--[a-z-]+):", body, re.MULTILINE))
        # Each subcommand that is proposed has a case of its own.
        for name in re.findall(r"^ +'([a-z]+):", body, re.MULTILINE):
            commands.setdefault(f'{path} {name}'.strip(), set())
    return commands


def from_fish(text: str) -> Commands:
    commands: Commands = {'': set()}

    def path_of(condition: str) -> str:
        words = re.findall(r'(not )?__fish_seen_subcommand_from ([a-z ]+)', condition)
        return ' '.join(name for negated, name in words if not negated)
    line = r"^complete -c lsm(?: -f)? -n '([^']*)' -([al]) (\S+)"
    for condition, kind, word in re.findall(line, text, re.MULTILINE):
        path = path_of(condition)
        if kind == 'l':
            commands.setdefault(path, set()).add(f'--{word}')
        else:
            commands.setdefault(f'{path} {word}'.strip(), set())
    return commands


def differences(expected: Commands, found: Commands) -> List[str]:
    lines = []
    for path in sorted(expected.keys() | found.keys()):
        want, have = expected.get(path), found.get(path)
        if want is None or have is None:
            lines.append(f"command '{path}' is {'missing' if have is None else 'not in --help'}")
        elif want != have:
            lines.append(f"'{path}': missing {sorted(want - have)}, too much {sorted(have - want)}")
    return lines


def main() -> int:
    prefix = sys.argv[1]
    expected = from_help(os.path.join(prefix, 'bin', 'lsm'), [])
    assert len(expected) > 20 and '--blocks' in expected['sst dump'], expected
    status = 0
    for name, found in [
            ('lsm.1', from_manual(read(prefix, 'share/man/man1/lsm.1'))),
            ('bash', from_bash(read(prefix, 'share/bash-completion/completions/lsm'))),
            ('zsh', from_zsh(read(prefix, 'share/zsh/site-functions/_lsm'))),
            ('fish', from_fish(read(prefix, 'share/fish/vendor_completions.d/lsm.fish'))),
    ]:
        lines = differences(expected, found)
        if lines:
            print(f'FAILED: {name} differs from --help:', *lines, sep='\n  ', file=sys.stderr)
            status = 1
        else:
            print(f'ok: {name} names the {len(expected)} commands of --help and their options')
    header = read(prefix, 'include/lsm/lsm.h')
    functions = set(re.findall(r'LSM_API [^;(]*?(lsm_\w+)\(', header))
    page = read(prefix, 'share/man/man3/lsm.3')
    if functions != set(re.findall(r'^\.BR (lsm_\w+) ', page, re.MULTILINE)):
        print('FAILED: lsm.3 differs from lsm.h', file=sys.stderr)
        status = 1
    else:
        print(f'ok: lsm.3 names the {len(functions)} functions of lsm.h')
    return status


if __name__ == '__main__':
    sys.exit(main())
