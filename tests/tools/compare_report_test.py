"""The arithmetic of ./dev compare: medians, ratios, verdicts, tables, the picture."""

import os
import sys
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv.pop(1))))

import picture  # noqa: E402
import report  # noqa: E402
import works  # noqa: E402

WORK = works.Work("fillrandom", "fill & random", "fillrandom")
LIMITS = {
    "random_access_nanos": 100,
    "memcpy_bytes_per_second": 1e9,
    "zstd_compress_bytes_per_second": 1e8,
    "zstd_decompress_bytes_per_second": 4.096e8,
    "log_append_nanos": 20,
    "fdatasync_p50_micros": 100,
    "fdatasync_p99_micros": 200,
}


def run(operations=100, seconds=2.0, **more):
    figures = dict.fromkeys(
        ["p50_micros", "p99_micros", "p99_9_micros", "max_micros", "cpu_seconds"], 1
    )
    figures.update(dict.fromkeys(["anonymous_bytes", "written_bytes", "disk_bytes"], 2**20))
    return dict(figures, operations=operations, seconds=seconds, **more)


def rates(**by_engine):
    return {engine: report.medians([run(rate, 1.0)]) for engine, rate in by_engine.items()}


class FiguresTest(unittest.TestCase):
    def test_rates_are_operations_over_seconds_and_latencies_are_seconds(self):
        figures = report.figures_of_run(run(100, 2.0, log_bytes=600))
        self.assertEqual(figures["rate"], 50)
        self.assertEqual(figures["replay_rate"], 300)
        self.assertEqual(figures["p99"], 1e-6)
        self.assertEqual(figures["cpu"], 0.01)

    def test_medians_and_spread_are_over_all_rounds(self):
        figures = report.medians([run(seconds=1.0), run(seconds=100.0), run(seconds=2.0)])
        self.assertEqual(figures["rate"], 50)
        self.assertAlmostEqual(figures["spread"], (100 - 1) / 50)


class RatioTest(unittest.TestCase):
    def test_more_is_better_for_rates_and_less_for_all_else(self):
        self.assertEqual(report.goodness("rate", 200, 100), 2)
        self.assertEqual(report.goodness("p99_9", 200, 100), 0.5)
        self.assertIsNone(report.goodness("rate", 200, 0))

    def test_the_best_peer_is_never_ours(self):
        by_engine = rates(lsm=900, rocksdb=100, lmdb=300)
        self.assertEqual(report.best_peer(by_engine, "rate"), "lmdb")
        self.assertEqual(report.ratio_to_best_peer(by_engine, "lsm", "rate"), 3)
        self.assertEqual(report.ratio_to_best_peer(by_engine, "lmdb", "rate"), 1)
        self.assertIsNone(report.ratio_to_best_peer(by_engine, "leveldb", "rate"))

    def test_without_peers_there_is_no_ratio(self):
        self.assertIsNone(report.ratio_to_best_peer(rates(lsm=1), "lsm", "rate"))

    def test_the_best_latency_is_the_least(self):
        by_engine = {"rocksdb": {"p99_9": 3.0}, "leveldb": {"p99_9": 2.0}, "lmdb": {}}
        self.assertEqual(report.best_peer(by_engine, "p99_9"), "leveldb")


class VerdictTest(unittest.TestCase):
    def judge(self, aim, **by_engine):
        return report.judge(aim, {"w": rates(**by_engine)})

    def test_a_factor_is_reached_or_not(self):
        aim = works.Aim("w", "", against="rocksdb", factor=10)
        self.assertTrue(self.judge(aim, lsm=1000, rocksdb=100).met)
        self.assertFalse(self.judge(aim, lsm=999, rocksdb=100).met)

    def test_best_is_the_best_of_the_peers(self):
        verdict = self.judge(works.Aim("w", "", against="best"), lsm=200, rocksdb=100, lmdb=400)
        self.assertEqual((verdict.peer, verdict.ratio, verdict.met), ("lmdb", 0.5, False))

    def test_a_limit_is_an_upper_bound_of_times_and_a_lower_one_of_rates(self):
        results = {"w": {"lsm": {"max": 0.2, "replay_rate": 500e6}}}
        slow = works.Aim("w", "", "max", limit=0.1)
        fast = works.Aim("w", "", "replay_rate", limit=400e6)
        self.assertFalse(report.judge(slow, results).met)
        self.assertTrue(report.judge(fast, results).met)

    def test_ours_may_be_held_against_ours_of_another_work(self):
        results = {"one": rates(lsm=100), "eight": rates(lsm=300)}
        aim = works.Aim("eight", "", against="lsm", factor=4, other_work="one")
        verdict = report.judge(aim, results)
        self.assertEqual((verdict.ratio, verdict.met), (3, False))

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        aim = works.Aim("w", "", against="rocksdb")
        self.assertIsNone(self.judge(aim, lsm=1).met)
        self.assertIsNone(self.judge(aim, rocksdb=1).met)
        self.assertIsNone(report.judge(aim, {}).met)

    def test_growth_compares_the_smallest_with_the_largest(self):
        results = {
            "size-1": rates(lsm=1000, lmdb=500),
            "size-10": rates(lsm=500, lmdb=400),
            "size-100": rates(lsm=250, lmdb=250),
        }
        verdict = report.judge_growth(results)
        self.assertEqual((verdict.ours, verdict.theirs, verdict.met), (4, 2, False))
        self.assertIsNone(report.judge_growth({"size-1": rates(lsm=1, lmdb=1)}))

    def test_every_aim_names_a_work_that_its_engines_do(self):
        by_name = {work.name: work for work in works.WORKS}
        self.assertEqual(len(by_name), len(works.WORKS))
        for aim in works.AIMS:
            if aim.work == works.DISK:
                continue
            engines = by_name[aim.work].engines
            self.assertIn("lsm", engines)
            self.assertIn(aim.against, (*engines, "best", ""))
            self.assertEqual(aim.limit is None, aim.against != "")


class TextTest(unittest.TestCase):
    def test_numbers_are_short(self):
        texts = [report.count_text(n) for n in (0, 9999, 10_000, 187_400, 1_240_000, 22e6)]
        self.assertEqual(texts, ["0", "9999", "10.0 k", "187 k", "1.2 M", "22.0 M"])
        texts = [report.time_text(s) for s in (1.5, 0.0123, 4.2e-6, 120e-9, 0.25)]
        self.assertEqual(texts, ["1.5 s", "12.3 ms", "4.2 µs", "0.12 µs", "250 ms"])
        self.assertEqual(report.ratio_text(12.34), "12.3")

    def test_what_an_engine_does_not_do_is_a_dash(self):
        text = report.works_table({WORK.name: rates(lsm=200, rocksdb=100)}, [WORK])
        lines = {line[len(WORK.title) :].split()[0]: line for line in text.splitlines()[2:6]}
        self.assertIn("2.00", lines["lsm"])
        self.assertEqual(set(lines["LMDB"].split()[1:]), {"–"})

    def test_columns_line_up(self):
        text = report.table(["a", "bb"], [["xxx", "1"], None, ["y", "22"]], 1)
        self.assertEqual(text, "a    bb\n---  --\nxxx   1\n\ny    22")

    def test_all_tables_of_no_results_at_all(self):
        self.assertIn("work", report.works_table({}, works.WORKS))
        self.assertIn("–", report.disk_table({}))
        self.assertNotIn("NO", report.aims_table(report.judge_all({})).split())


class LimitsTest(unittest.TestCase):
    def test_an_operation_in_physical_ones(self):
        costs = report.in_limits(WORK, {"rate": 1e6}, LIMITS)
        for cost, expected in zip(costs, [1e-6, 10, 1e3 / 116, 0.1, 50, 0.01]):
            self.assertAlmostEqual(cost, expected)

    def test_two_threads_take_twice_the_time_for_one(self):
        two = WORK._replace(threads=2)
        self.assertAlmostEqual(report.in_limits(two, {"rate": 1e6}, LIMITS)[0], 2e-6)


class PictureTest(unittest.TestCase):
    def circles(self, results):
        document = xml.dom.minidom.parseString(picture.draw(results, [WORK], "<caption>"))
        # Those of the legend come first.
        return document.getElementsByTagName("circle")[len(works.ENGINES) :]

    def test_a_dot_an_engine_and_better_is_further_right(self):
        dots = self.circles({WORK.name: rates(lsm=1000, rocksdb=10, lmdb=100)})
        x = {dot.getAttribute("fill"): float(dot.getAttribute("cx")) for dot in dots}
        self.assertEqual(len(dots), 3)
        ours, rocks, lmdb = (x[picture.COLOURS[e]] for e in ("lsm", "rocksdb", "lmdb"))
        self.assertLess(rocks, lmdb)
        self.assertLess(lmdb, ours)
        # A logarithmic scale.
        self.assertAlmostEqual(ours - lmdb, lmdb - rocks, places=1)

    def test_without_a_peer_there_is_no_dot(self):
        self.assertEqual(len(self.circles({WORK.name: rates(lsm=1)})), 0)


if __name__ == "__main__":
    unittest.main()
