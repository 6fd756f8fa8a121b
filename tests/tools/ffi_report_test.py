"""What ./dev bench ffi makes of the figures: ratios within a round, aims, the table."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv.pop(1))))

import ffi  # noqa: E402


def round_of(**costs):
    """One round in which every work of an engine takes the same: c_lsm=100 is c:lsm."""
    return {name.replace("_", ":"): dict.fromkeys(ffi.WORKS, float(cost))
            for name, cost in costs.items()}


class ReportTest(unittest.TestCase):

    def test_ratios_are_taken_within_a_round(self):
        # The machine was ten times slower in the second round; the medians alone would say 10 or 1.
        rounds = [round_of(c_lsm=100, go_lsm=120), round_of(c_lsm=1000, go_lsm=1200)]
        self.assertAlmostEqual(ffi.median_ratio(rounds, "go:lsm", "c:lsm", "put"), 1.2)
        self.assertEqual(ffi.median_cost(rounds, "c:lsm", "put"), 550)

    def test_bounds(self):
        for cost, met in ((104, True), (106, False)):
            rounds = [round_of(c_lsm=100, rust_lsm=cost)]
            self.assertIs(ffi.verdict(rounds, "rust:lsm", "scan_100"), met)
        for cost, met in ((219, True), (221, False)):
            rounds = [round_of(c_lsm=100, go_lsm=cost)]
            self.assertIs(ffi.verdict(rounds, "go:lsm", "get_hit"), met)
        for cost, met in ((124, True), (126, False)):
            rounds = [round_of(c_lsm=100, go_lsm=cost)]
            self.assertIs(ffi.verdict(rounds, "go:lsm", "batch_put"), met)
        self.assertIsNone(ffi.verdict(rounds, "go:lsm", "put"))
        self.assertIsNone(ffi.verdict(rounds, "c:lsm", "put"))

    def test_peers_are_to_be_slower_than_ours_of_their_language(self):
        rounds = [round_of(c_lsm=100, go_lsm=200, go_pebble=190, rust_lsm=100, rust_fjall=101)]
        self.assertIs(ffi.verdict(rounds, "go:pebble", "put"), False)
        self.assertIs(ffi.verdict(rounds, "rust:fjall", "put"), True)

    def test_table_and_summary(self):
        rounds = [round_of(c_lsm=100, rust_lsm=104, go_lsm=200, go_pebble=1000)]
        lines = ffi.table(rounds, ["put", "batch_put"]).splitlines()
        self.assertEqual(lines[0].split(), ["ns", "a", "row", "put", "batch_put"])
        self.assertEqual(lines[1].split(), ["c:lsm", "100", "100"])
        self.assertEqual(lines[3].split(), ["go:lsm", "200", "(2.00)", "200", "(2.00)!"])
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertEqual(ffi.summary(rounds, ["put", "batch_put"]), [
            "rust within its bounds of C: everywhere",
            "go within its bounds of C: but for batch_put",
            "faster than pebble: everywhere",
        ])


if __name__ == "__main__":
    unittest.main()
