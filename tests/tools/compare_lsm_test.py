"""The steps of ./dev compare, through lsm alone and in small: every work gives sound figures."""

import os
import shutil
import sys
import tempfile
import unittest

COMPARE = os.path.abspath(sys.argv.pop(1))
PROGRAMS = os.path.dirname(os.path.abspath(sys.argv.pop(1)))
sys.path.insert(0, os.path.dirname(COMPARE))

import compare  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402
import works  # noqa: E402

ROWS = 3000
RUN = dict.fromkeys(
    "operations seconds p50_micros p99_micros p99_9_micros max_micros cpu_seconds anonymous_bytes"
    " written_bytes disk_bytes read_rows read_bytes read_sum".split(),
    1,
)


class LsmTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.settings = runner.Settings(
            rows=ROWS, seconds=0, programs=PROGRAMS, scratch=self.scratch
        )
        self.runner = runner.Runner(self.settings)

    def test_every_work_does_what_it_says(self):
        for work in works.WORKS:
            if work.base and work.base.needs_full:
                continue
            with self.subTest(work.name):
                run = self.runner.run(work, "lsm")
                if work.step not in ("open", "readwhilecompacting", "fillandread"):
                    wanted = self.settings.count(work.operations)
                    # The last batch is whole.
                    self.assertLess(abs(run["operations"] - wanted), 100)
                self.assertGreater(run["operations"], 0)
                self.assertGreater(run["seconds"], 0)
                self.assertLessEqual(run["p50_micros"], run["p99_micros"])
                self.assertLessEqual(run["p99_9_micros"], run["max_micros"])
                self.assertGreater(run["anonymous_bytes"], 0)
                self.assertGreater(run["disk_bytes"], 0)
                self.assertGreater(report.figures_of_run(run)[work.metric], 0)

    def test_bases_that_are_not_kept_and_copies_leave_nothing(self):
        by_name = {work.name: work for work in works.WORKS}
        for name in ("ycsb-a", "replay"):
            self.runner.run(by_name[name], "lsm")
        self.assertEqual(os.listdir(self.scratch), ["packed-lsm"])

    def test_a_copy_is_changed_and_not_the_base(self):
        by_name = {work.name: work for work in works.WORKS}
        before = self.runner.run(by_name["readseq-zstd"], "lsm")
        self.runner.run(by_name["overwrite"], "lsm")
        after = self.runner.run(by_name["readseq-zstd"], "lsm")
        self.assertEqual(before["read_sum"], after["read_sum"])
        self.assertEqual(after["read_rows"], self.settings.count(2))

    def test_bulk_and_row_by_row_read_the_same(self):
        by_name = {work.name: work for work in works.WORKS}
        sums = {
            self.runner.run(by_name[name], "lsm")["read_sum"]
            for name in ("readseq", "readseqbulk", "readreverse", "readseq-zstd")
        }
        self.assertEqual(len(sums), 1)

    def test_a_driver_that_fails_is_an_error_with_its_words(self):
        with self.assertRaisesRegex(runner.Failed, "fillrandom.*exit code 1.*open"):
            settings = self.settings._replace(scratch="/dev/null")
            runner.Runner(settings).run(works.WORKS[0], "lsm")

    def test_a_database_that_would_not_fit_is_not_begun(self):
        by_name = {work.name: work for work in works.WORKS}
        huge = runner.Runner(self.settings._replace(rows=10**15))
        with self.assertRaisesRegex(runner.NoRoom, "GB free"):
            huge.run(by_name["readseq"], "lsm")
        self.assertEqual(os.listdir(self.scratch), [])

    def test_a_cap_ends_a_step(self):
        capped = runner.Runner(self.settings._replace(seconds=0.05, rows=100_000))
        work = works.WORKS[0]._replace(capped=True, operations=1e6)
        run = capped.run(work, "lsm")
        self.assertLess(run["operations"], capped.settings.count(work.operations))


class AgreementTest(unittest.TestCase):
    def test_engines_that_read_different_rows_are_an_error(self):
        work = next(work for work in works.WORKS if work.name == "readrandom")
        run = {"operations": 5, "read_rows": 5, "read_bytes": 500, "read_sum": 77}
        runner.agree(work, {"lsm": run, "lmdb": dict(run)})
        runner.agree(work, {"lsm": run, "lmdb": dict(run, operations=4, read_sum=60)})
        with self.assertRaisesRegex(runner.Failed, "different rows"):
            runner.agree(work, {"lsm": run, "lmdb": dict(run, read_sum=78)})


class ComparisonTest(unittest.TestCase):
    def compare(self, only, run):
        """A comparison whose steps are `run`, of an engine."""
        options = compare.parse_arguments(["--programs", "", "--only", only, "--rounds", "1"])
        comparison = compare.Comparison(options, "")
        comparison.runner.make = lambda base, engine: ""
        comparison.runner.machine = dict
        comparison.runner.run = lambda work, engine: run(engine)
        comparison.run()
        return comparison

    def test_one_failure_costs_one_figure(self):
        def run(engine):
            if engine == "rocksdb":
                raise runner.Failed("no more")
            return dict(RUN)

        comparison = self.compare("^fillseq$", run)
        self.assertEqual(comparison.failures, ["failed: no more"])
        self.assertEqual(set(comparison.results()["fillseq"]), {"lsm", "leveldb", "lmdb"})

    def test_a_work_whose_engines_disagree_has_no_figure(self):
        comparison = self.compare("^readseq$", lambda engine: dict(RUN, read_sum=len(engine)))
        self.assertEqual(len(comparison.failures), 1)
        self.assertEqual(comparison.results(), {})


class OrderTest(unittest.TestCase):
    def test_every_engine_is_first_in_its_turn(self):
        orders = [compare.rotated(["a", "b", "c"], by) for by in range(4)]
        self.assertEqual([order[0] for order in orders], ["a", "b", "c", "a"])
        self.assertTrue(all(sorted(order) == ["a", "b", "c"] for order in orders))


if __name__ == "__main__":
    unittest.main()
