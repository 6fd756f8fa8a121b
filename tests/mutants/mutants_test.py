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

    def switched(self, text):
        """The lines that differ when all mutants are in: (before, after)."""
        found = self.load('tests = ["//t"]\n' + text)
        after = mutants.switchable(SOURCE, list(enumerate(found, 1)))
        self.assertIn(mutants.SWITCH, after)
        lines = after.replace(mutants.SWITCH, '').replace('LsmMutantOnTrial', 'M').splitlines()
        pairs = zip(SOURCE.splitlines(), lines, strict=True)
        return [(a.strip(), b.strip()) for a, b in pairs if a != b]

    def test_each_kind_takes_away_what_it_says(self):
        self.assertEqual(self.switched('drop = ["LSM_RETURN_IF_ERROR(file->Sync());"]'),
                         [('LSM_RETURN_IF_ERROR(file->Sync());',
                           'if (!M(1)) { LSM_RETURN_IF_ERROR(file->Sync()); }')])
        self.assertEqual(self.switched('succeed = ["return file->Close();"]'),
                         [('return file->Close();',
                           '{ if (M(1)) return Status::Ok(); return file->Close(); }')])
        self.assertEqual(
            self.switched('never = ["file->size() < kMin"]')[0][1],
            'if ((!M(1) && (file->size() < kMin)) || file->odd()) return Bad();')
        self.assertEqual(
            self.switched('always = ["file->odd()"]')[0][1],
            'if (file->size() < kMin || (M(1) || (file->odd()))) return Bad();')
        self.assertEqual(
            self.switched('locks = { tests = ["//t"] }'),
            [('absl::MutexLock lock(&mutex_);',
              f'absl::MutexLockMaybe lock(M({number}) ? nullptr : &mutex_);') for number in (1, 2)])

    def test_many_stand_in_one_file_also_within_one_another(self):
        self.assertEqual(
            self.switched('drop = ["if (file->size() < kMin || file->odd()) return Bad();"]\n'
                          'never = ["file->size() < kMin || file->odd()", "file->odd()"]'),
            [('if (file->size() < kMin || file->odd()) return Bad();',
              'if (!M(1)) { if ((!M(2) && (file->size() < kMin || (!M(3) && (file->odd()))))) '
              'return Bad(); }')])

    def test_neighbours_tell_places_apart(self):
        self.assertEqual(
            self.switched('drop = ["«LSM_RETURN_IF_ERROR(file->Check());»\\n  return"]'),
            [('LSM_RETURN_IF_ERROR(file->Check());',
              'if (!M(1)) { LSM_RETURN_IF_ERROR(file->Check()); }')])

    def test_each_lock_is_a_mutant_of_its_own_under_tsan(self):
        found = self.load('locks = { tests = ["//t"] }')
        self.assertEqual([m.place for m in found], ['Box', 'Open'])
        self.assertEqual({m.config for m in found}, {'tsan'})

    def test_a_list_that_does_not_fit_is_refused(self):
        for text in ('drop = ["absent;"]', 'drop = ["LSM_RETURN_IF_ERROR(file->Check());"]',
                     'drop = ["«return file->Close();"]', 'dorp = ["return file->Close();"]'):
            with self.subTest(text), self.assertRaises(mutants.ListError):
                self.load('tests = ["//t"]\n' + text)

    def test_the_list_fits_this_tree(self):
        self.assertGreater(len(mutants.load(mutants.LIST, mutants.ROOT)), 100)


class TrialTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.workspace = mutants.Workspace(pathlib.Path(folder.name), ('--flag',))
        self.mutant = mutants.Mutant('a.cc', 'F', 'drop it', (), ('//t',), '')
        self.untouched = mutants.TESTS_PASSED

    def tried(self, *codes, count=None):
        """What try_all answers when bazel ends with these codes, run by run; a run a mutant.

        Where nothing is taken away it ends well.
        """
        ends = iter(codes)

        def run(command, **_):
            self.assertIn('--flag', command)
            if '--test_env=LSM_MUTANT=0' in command:
                return subprocess.CompletedProcess(command, self.untouched, stdout='why')
            self.asked.append([w for w in command if w.startswith('//')])
            self.numbers += [w for w in command if 'LSM_MUTANT' in w]
            return subprocess.CompletedProcess(command, next(ends), stdout='what bazel said')

        self.numbers, self.asked = [], []
        with mock.patch.object(subprocess, 'run', run), mock.patch('builtins.print') as out:
            code = mutants.try_all([(7 + i, self.mutant) for i in range(count or len(codes))],
                                   self.workspace)
        return code, '\n'.join(str(call.args[0]) for call in out.call_args_list)

    def test_only_the_killed_count(self):
        killed, survived = mutants.TESTS_FAILED, mutants.TESTS_PASSED
        self.assertEqual(self.tried(killed, killed)[0], 0)
        self.assertEqual(self.numbers, ['--test_env=LSM_MUTANT=7', '--test_env=LSM_MUTANT=8'])
        code, printed = self.tried(killed, survived)
        self.assertEqual(code, 1)
        self.assertIn('1 of 2 mutants killed', printed)
        # One that does not compile proves nothing.
        code, printed = self.tried(1)
        self.assertEqual(code, 1)
        self.assertIn('what bazel said', printed)

    def test_tests_that_fail_anyway_prove_nothing(self):
        self.untouched = mutants.TESTS_FAILED
        with self.assertRaisesRegex(SystemExit, 'why'):
            self.tried(mutants.TESTS_FAILED)

    def test_the_killer_is_named(self):
        output = ('ERROR: a/BUILD:9:8: Testing //a:b_test (shard 1 of 4) failed: Test failed\n'
                  '//a:a_test                    PASSED in 1.0s\n'
                  '//a:b_test                    NO STATUS in 3.0s\n'
                  '//a:c_test                    TIMEOUT in 300.0s\n')
        self.assertEqual(mutants.fate(mutants.TESTS_FAILED, output),
                         'killed by //a:b_test (a shard), //a:c_test (TIMEOUT)')

    def test_a_lock_that_clang_asks_for_is_not_tried(self):
        self.mutant = mutants.Mutant('lsm/db/log_set.cc', 'F', 'drop it',
                                     (mutants.Edit(5, 6, ''), mutants.Edit(7, 8, '')), ('//t',),
                                     'tsan')
        source = (mutants.ROOT / self.mutant.file).read_text()
        for said, asked in (('wants a mutex', []), ('', [['//t']])):
            mutants.sound_source.cache_clear()
            with mock.patch.object(mutants.locks, 'complaints', side_effect=['', said]) as clang:
                self.assertEqual(self.tried(mutants.TESTS_FAILED)[0], 0)
            self.assertEqual(self.asked, asked)
            self.assertEqual(clang.call_args_list,
                             [mock.call(source), mock.call(source[:5] + source[10:])])
        # One that clang refuses anyway, for want of a header, say, proves nothing.
        mutants.sound_source.cache_clear()
        with mock.patch.object(mutants.locks, 'complaints', return_value='no such file'), \
                self.assertRaisesRegex(SystemExit, 'no such file'):
            self.tried(mutants.TESTS_FAILED)

    def test_the_copy_follows_the_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            workspace = self.workspace.path
            subprocess.run(['git', 'init', '-q', folder], check=True)
            (root / 'lsm').mkdir()
            (root / 'lsm' / 'b.cc').write_text('b')
            (root / 'dev').write_text('run')
            (root / 'dev').chmod(0o755)
            (workspace / 'a.cc').write_text('gone')
            changed = {'lsm/b.cc': 'c'}
            mutants.mirror(root, workspace, changed)
            self.assertFalse((workspace / 'a.cc').exists())
            self.assertEqual((workspace / 'lsm' / 'b.cc').read_text(), 'c')
            self.assertEqual((workspace / 'dev').stat().st_mode & 0o777, 0o755)
            before = (workspace / 'lsm' / 'b.cc').stat().st_mtime_ns
            mutants.mirror(root, workspace, changed)
            self.assertEqual((workspace / 'lsm' / 'b.cc').stat().st_mtime_ns, before)


if __name__ == '__main__':
    unittest.main()
