#!/usr/bin/env python3
"""Tries mutants.py on small trees, and holds its list against this one."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True  # the source tree stays as it is
import mutants  # noqa: E402

SOURCE = """\
class Box {
  int size() const {
    absl::MutexLock lock(&mutex_);
    return size_;
  }
};

Status Open(File* file) {
  absl::MutexLock lock(&mutex_);
  LSM_RETURN_IF_ERROR(file->Sync());
  if (file->size() < kMin || file->odd()) return Bad();
  LSM_RETURN_IF_ERROR(file->Check());
  LSM_RETURN_IF_ERROR(file->Check());
  return file->Close();
}
"""


class ListTest(unittest.TestCase):

    def load(self, text):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / 'a.cc').write_text(SOURCE)
            (root / 'list.toml').write_text('["a.cc"]\n' + text)
            return mutants.load(root / 'list.toml', root)

    def mutated(self, text):
        """The lines of the only mutant that differ: (before, after)."""
        (mutant,) = self.load('tests = ["//t"]\n' + text)
        pairs = zip(SOURCE.splitlines(), mutant.mutated.splitlines(), strict=True)
        return [(a.strip(), b.strip()) for a, b in pairs if a != b]

    def test_each_kind_changes_what_it_says(self):
        self.assertEqual(self.mutated('drop = ["LSM_RETURN_IF_ERROR(file->Sync());"]'),
                         [('LSM_RETURN_IF_ERROR(file->Sync());', '')])
        self.assertEqual(self.mutated('succeed = ["return file->Close();"]'),
                         [('return file->Close();', 'return Status::Ok();')])
        self.assertEqual(
            self.mutated('never = ["file->size() < kMin"]')[0][1],
            'if ((false && (file->size() < kMin)) || file->odd()) return Bad();')
        self.assertEqual(
            self.mutated('always = ["file->odd()"]')[0][1],
            'if (file->size() < kMin || (true || (file->odd()))) return Bad();')

    def test_neighbours_tell_places_apart(self):
        self.assertEqual(
            self.mutated('drop = ["«LSM_RETURN_IF_ERROR(file->Check());»\\n  return"]'),
            [('LSM_RETURN_IF_ERROR(file->Check());', '')])

    def test_each_lock_is_a_mutant_of_its_own_under_tsan(self):
        found = self.load('locks = { tests = ["//t"] }')
        self.assertEqual([m.place for m in found], ['Box', 'Open'])
        self.assertEqual({m.config for m in found}, {'tsan'})
        for mutant in found:
            self.assertEqual(mutant.mutated.count('MutexLock'), 1)
        (left,) = self.load('locks = { tests = ["//t"], harmless = ["Box"] }')
        self.assertEqual(left.place, 'Open')

    def test_a_list_that_does_not_fit_is_refused(self):
        for text in ('drop = ["absent;"]', 'drop = ["LSM_RETURN_IF_ERROR(file->Check());"]',
                     'drop = ["«return file->Close();"]', 'dorp = ["return file->Close();"]',
                     'locks = { tests = ["//t"], harmless = ["Close"] }'):
            with self.subTest(text), self.assertRaises(mutants.ListError):
                self.load('tests = ["//t"]\n' + text)

    def test_the_list_fits_this_tree(self):
        self.assertGreater(len(mutants.load(mutants.LIST, mutants.ROOT)), 100)


class TrialTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.workspace = pathlib.Path(folder.name)
        (self.workspace / 'a.cc').write_text('old')
        self.mutant = mutants.Mutant('a.cc', 'F', 'drop it', 'new', ('//t',), '')

    def fate(self, code):
        def run(command, **_):
            self.assertEqual((self.workspace / 'a.cc').read_text(), 'new')
            self.assertIn('//t', command)
            return subprocess.CompletedProcess(command, code, stdout='what bazel said')

        with mock.patch.object(subprocess, 'run', run):
            fate = mutants.try_mutant(self.mutant, self.workspace)
        self.assertEqual((self.workspace / 'a.cc').read_text(), 'old')
        return fate

    def test_the_fate_is_what_the_tests_say(self):
        self.assertEqual(self.fate(mutants.TESTS_FAILED), 'killed')
        self.assertEqual(self.fate(mutants.TESTS_PASSED), 'survived')
        # One that does not compile proves nothing.
        self.assertIn('what bazel said', self.fate(1))

    def test_only_the_killed_count(self):
        for fates, expected in ((['killed', 'killed'], 0), (['killed', 'survived'], 1)):
            with mock.patch.object(mutants, 'try_mutant', side_effect=fates), \
                    mock.patch('builtins.print'):
                self.assertEqual(mutants.try_all([self.mutant] * 2, self.workspace), expected)

    def test_the_copy_follows_the_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            subprocess.run(['git', 'init', '-q', folder], check=True)
            (root / 'lsm').mkdir()
            (root / 'lsm' / 'b.cc').write_text('b')
            (root / 'dev').write_text('run')
            (root / 'dev').chmod(0o755)
            mutants.mirror(root, self.workspace)
            self.assertFalse((self.workspace / 'a.cc').exists())
            self.assertEqual((self.workspace / 'lsm' / 'b.cc').read_text(), 'b')
            self.assertEqual((self.workspace / 'dev').stat().st_mode & 0o777, 0o755)
            before = (self.workspace / 'lsm' / 'b.cc').stat().st_mtime_ns
            mutants.mirror(root, self.workspace)
            self.assertEqual((self.workspace / 'lsm' / 'b.cc').stat().st_mtime_ns, before)


if __name__ == '__main__':
    unittest.main()
