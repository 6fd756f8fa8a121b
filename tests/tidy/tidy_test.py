#!/usr/bin/env python3
"""Shows every rule of tidy.py a bad example, then applies them all to this tree."""

import os
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is
import tidy  # noqa: E402

HEADER = '// What it is.\n\n#ifndef {0}\n#define {0}\n\n{1}#endif  // {0}\n'


def lines(count):
    return 'int x;\n' * count


class RuleTest(unittest.TestCase):

    def assert_finds(self, rule, tree, *expected, **arguments):
        """`rule` finds exactly `expected` ("path:line") in `tree`."""
        found = sorted(f'{finding.path}:{finding.line}' for finding in rule(tree, **arguments))
        self.assertEqual(found, sorted(expected))

    def test_ranks(self):
        self.assert_finds(tidy.ranks, {
            'lsm/base/a.cc': '#include "lsm/base/b.h"\n',
            'lsm/db/a.cc': '#include "lsm/compaction/a.h"\n#include "absl/base/a.h"\n',
            'capi/a.cc': '#include "lsm/db/a.h"\n',
            'tests/wal/a_test.cc': '#include "lsm/db/a.h"\n#include "tools/a.h"\n',
        })
        self.assert_finds(tidy.ranks, {'lsm/base/a.cc': '\n#include "lsm/env/a.h"\n'},
                          'lsm/base/a.cc:2')
        self.assert_finds(tidy.ranks, {'lsm/wal/a.h': '#include "lsm/memtable/a.h"\n'},
                          'lsm/wal/a.h:1')
        self.assert_finds(tidy.ranks, {'lsm/db/a.cc': '#include "lsm/attic/a.h"\n'},
                          'lsm/db/a.cc:1')
        self.assert_finds(tidy.ranks, {'lsm/attic/a.cc': ''}, 'lsm/attic/a.cc:1')
        self.assert_finds(tidy.ranks, {'lsm/a.cc': ''}, 'lsm/a.cc:1')

    def test_the_engine_does_not_know_what_is_around_it(self):
        self.assert_finds(tidy.ranks, {
            'lsm/db/a.cc': '#include "capi/lsm.h"\n#include "tools/a.h"\n#include "tests/a.h"\n',
            'capi/a.cc': '#include "tools/a.h"\n',
            'tools/a.cc': '#include "capi/lsm.h"\n#include "tests/a.h"\n',
        }, 'lsm/db/a.cc:1', 'lsm/db/a.cc:2', 'lsm/db/a.cc:3', 'capi/a.cc:1', 'tools/a.cc:2')

    def test_includes_from_the_root(self):
        self.assert_finds(tidy.includes_from_the_root, {
            'lsm/base/a.cc': '#include "lsm/base/a.h"\n#include "b.h"\n#  include "../base/b.h"\n',
            'tests/base/a_test.cc': '#include "gtest/gtest.h"\n#include <lsm/base/a.h>\n',
            'capi/examples/a.c': '#include <lsm/lsm.h>\n',
        }, 'lsm/base/a.cc:2', 'lsm/base/a.cc:3', 'tests/base/a_test.cc:2')

    def test_system_headers(self):
        confined = ['fcntl.h', 'unistd.h', 'sys/mman.h', 'thread', 'chrono', 'filesystem']
        text = ''.join(f'#include <{header}>\n' for header in confined)
        self.assert_finds(tidy.system_headers, {
            'lsm/env/posix_file.cc': text, 'tools/main.cc': text, 'tests/db/a_test.cc': text,
            'capi/examples/a.c': text,
            'lsm/db/a.cc': '#include <cstdint>\n#include <string>\n#include "absl/time/time.h"\n',
        })
        for path in ('lsm/db/a.cc', 'capi/a.cc'):
            self.assert_finds(tidy.system_headers, {path: text},
                              *(f'{path}:{line + 1}' for line in range(len(confined))))
        self.assert_finds(tidy.system_headers, {'lsm/db/a.cc': '#include "absl/time/clock.h"\n'},
                          'lsm/db/a.cc:1')
        self.assert_finds(tidy.system_headers, {'lsm/env/a.cc': '#include <mutex>\n'},
                          'lsm/env/a.cc:1')

    def test_lock_names(self):
        text = ('absl::Mutex mutex;\nabsl::CondVar woken;\nabsl::MutexLock lock(&mutex);\n'
                'absl::ReaderMutexLock reading(&mutex);\nMutex fine;\n'
                'mutex.Await(absl::Condition(&done));\n')
        self.assert_finds(tidy.lock_names, {'lsm/base/sync.h': text, 'tests/db/a_test.cc': text})
        self.assert_finds(tidy.lock_names, {'lsm/db/a.cc': text},
                          *(f'lsm/db/a.cc:{line}' for line in (1, 2, 3, 4)))
        include = '#include "absl/synchronization/mutex.h"\n'
        self.assert_finds(tidy.system_headers, {'lsm/base/sync.h': include})
        self.assert_finds(tidy.system_headers, {'lsm/db/a.cc': include}, 'lsm/db/a.cc:1')

    def test_zstd_has_one_owner(self):
        text = '#include <zstd.h>\n#include "zdict.h"\n'
        self.assert_finds(tidy.system_headers, {'lsm/sstable/compression.cc': text})
        self.assert_finds(tidy.system_headers, {'lsm/sstable/block.cc': text, 'capi/a.cc': text},
                          'lsm/sstable/block.cc:1', 'lsm/sstable/block.cc:2',
                          'capi/a.cc:1', 'capi/a.cc:2')

    def test_file_lengths(self):
        path = 'lsm/db/a.cc'
        self.assert_finds(tidy.file_lengths, {path: lines(500), 'capi/lsm.h': lines(900)})
        self.assert_finds(tidy.file_lengths, {path: lines(501)}, f'{path}:501')
        self.assert_finds(tidy.file_lengths, {'dev': lines(501)}, 'dev:501')
        self.assert_finds(tidy.file_lengths, {
            'capi/rust/a.rs': lines(561), 'capi/go/a.go': lines(561), 'capi/go/b.go': lines(560),
            'capi/rust/b.rs': '// Code generated from lsm.h.\n' + lines(561),
        }, 'capi/rust/a.rs:561', 'capi/go/a.go:561')

    def test_long_files_only_shrink(self):
        path = 'lsm/db/a.cc'
        self.assert_finds(tidy.file_lengths, {path: lines(520)}, long_files={path: 520})
        self.assert_finds(tidy.file_lengths, {path: lines(521)}, f'{path}:521',
                          long_files={path: 520})
        self.assert_finds(tidy.file_lengths, {path: lines(510)}, f'{path}:510',
                          long_files={path: 520})
        self.assert_finds(tidy.file_lengths, {path: lines(570)}, f'{path}:570',
                          long_files={path: 570})
        self.assert_finds(tidy.file_lengths, {}, f'{path}:1', long_files={path: 520})

    def test_line_lengths(self):
        self.assert_finds(tidy.line_lengths, {
            'lsm/db/a.cc': '// ' + 'ä' * 97 + '\n// ' + 'x' * 98 + '\n',
            'third_party/a.bzl': 'x' * 101 + '\n' + 'url = "https://' + 'x' * 101 + '"\n',
            'README.md': 'x' * 200 + '\n',
            'capi/go/a.go': '// ' + 'x' * 107 + '\n// ' + 'x' * 108 + '\n',
        }, 'lsm/db/a.cc:2', 'third_party/a.bzl:1', 'capi/go/a.go:2')

    def test_header_guards(self):
        self.assert_finds(tidy.header_guards, {
            'lsm/base/status.h': HEADER.format('LSM_BASE_STATUS_H_', ''),
            'lsm/env/posix_file.h': HEADER.format('LSM_ENV_POSIX_FILE_H_', '#if 1\n#endif\n'),
            'capi/handle.h': HEADER.format('LSM_CAPI_HANDLE_H_', ''),
            'capi/abi/1.0/lsm/lsm.h': HEADER.format('LSM_LSM_H_', ''),
            'capi/lsm.h': HEADER.format('LSM_LSM_H_', '').replace('// LSM_LSM_H_',
                                                                  '/* LSM_LSM_H_ */'),
        })
        self.assert_finds(tidy.header_guards, {
            'lsm/base/a.h': HEADER.format('LSM_BASE_B_H_', ''),
            'lsm/base/b.h': '#pragma once\n',
            'lsm/base/c.h': HEADER.format('LSM_BASE_C_H_', '').replace('#endif  //', '#endif //x'),
            'lsm/base/d.h': '',
        }, 'lsm/base/a.h:1', 'lsm/base/b.h:1', 'lsm/base/c.h:6', 'lsm/base/d.h:1')

    def test_header_comments(self):
        self.assert_finds(tidy.header_comments, {
            'lsm/base/a.h': '// It.\n', 'capi/lsm.h': '/* It. */\n', 'lsm/base/a.cc': 'int x;\n',
            'lsm/base/b.h': '#ifndef LSM_BASE_B_H_\n',
        }, 'lsm/base/b.h:1')

    def test_no_reminders(self):
        self.assert_finds(tidy.no_reminders, {
            'lsm/base/a.cc': 'int x;  // TO' + 'DO(me): y\n',
            'README.md': '\nFIX' + 'ME\n',
            'dev': 'X' * 3 + '\nmktemp /tmp/' + 'X' * 6 + '\n',
        }, 'lsm/base/a.cc:1', 'README.md:2', 'dev:1')

    def test_whitespace(self):
        self.assert_finds(tidy.whitespace, {
            'lsm/base/a.cc': 'int x;\n\tint y;\nint z; \n',
            'lsm/base/b.cc': 'int x;',
            'lsm/base/c.cc': 'int x;\r\n',
            'lsm/base/d.cc': '',
            'capi/go/a.go': '\tx()\n',
            'capi/go/README.md': '```go\n\tx()\n```\n',
        }, 'lsm/base/a.cc:2', 'lsm/base/a.cc:3', 'lsm/base/b.cc:1', 'lsm/base/c.cc:1')

    def test_everything_is_built(self):
        self.assert_finds(tidy.everything_is_built, {
            'lsm/wal/BUILD': 'cc_library(srcs = glob(["*.cc"], exclude = ["bad_*"]), '
                             'hdrs = ["a.h"])\n',
            'lsm/wal/a.cc': '', 'lsm/wal/a.h': '',
            'lsm/wal/b.h': '', 'lsm/wal/bad_a.cc': '', 'lsm/wal/deep/a.cc': '',
            'tests/wal/BUILD': '[cc_test(name = n, srcs = [n + ".cc"]) for n in ["a_test"]]\n'
                               'cc_test(name = "b_test", srcs = glob(["deep/**/*.cc"]))\n'
                               'MORE = {"c_test": []}\n'
                               '[cc_test(name = n, srcs = [n + ".cc"]) for n in MORE]\n',
            'tests/wal/c_test.cc': '',
            'tests/wal/a_test.cc': '', 'tests/wal/deep/a.cc': '', 'tests/wal/deep/er/a.cc': '',
            'tests/wal/b_test.cc': '',
            'tools/a.cc': '',
        }, 'lsm/wal/b.h:1', 'lsm/wal/bad_a.cc:1', 'lsm/wal/deep/a.cc:1', 'tests/wal/b_test.cc:1',
            'tools/a.cc:1')

    def test_every_rule_is_applied(self):
        rules = {name for name in dir(RuleTest) if name.startswith('test_')}
        for rule in tidy.RULES:
            self.assertIn(f'test_{rule.__name__}', rules)
        bad = tidy.check({'lsm/base/a.h': '\tint x; // TO' + 'DO ' + 'x' * 100 + '\n' * 501})
        self.assertGreaterEqual(len(bad), 6)


class TreeTest(unittest.TestCase):

    def test_this_tree(self):
        # Bazel hands over a link to the file in the source tree, which is where the others are.
        workspace = os.path.realpath('WORKSPACE')
        tree = tidy.read_tree(os.path.dirname(workspace))
        self.assertIn('tests/tidy/tidy.py', tree)
        findings = tidy.check(tree)
        if findings:
            self.fail('\n' + '\n'.join(map(str, findings)))


if __name__ == '__main__':
    unittest.main()
