"""The benchmark command.

usage: cli_bench_test.py PATH-OF-LSM [unittest arguments]
"""

import json
import os
import unittest

from lsm_tool import ToolTest, USAGE, output, run


class BenchTest(ToolTest):

    WORKLOADS = [
        "fillseq",
        "fillrandom",
        "overwrite",
        "readrandom",
        "readmissing",
        "readseq",
        "readreverse",
        "seekrandom",
        "readwhilewriting",
        "fillsync",
        "fillbatch",
        "ycsb-a",
        "ycsb-b",
        "ycsb-c",
        "ycsb-d",
        "ycsb-e",
        "ycsb-f",
    ]

    def bench(self, *arguments):
        environment = dict(os.environ, TMPDIR=self.dir)
        return run("bench", *arguments, env=environment).stdout

    def test_every_workload(self):
        report = json.loads(
            self.bench(*self.WORKLOADS, "--num", "2000", "--threads", "2", "--json")
        )
        results = {result["workload"]: result for result in report["results"]}
        self.assertEqual(list(results), self.WORKLOADS)
        for name, result in results.items():
            expected = {"fillsync": 20, "fillbatch": 2}.get(name, 2000)
            if name in (
                "readseq",
                "readreverse",
            ):  # of the rows that random fills left, each thread its share
                self.assertGreater(result["operations"], 500)
            else:
                self.assertEqual(result["operations"], expected, name)
            self.assertLessEqual(result["p50_micros"], result["p99_micros"])
            self.assertLessEqual(result["p99_9_micros"], result["max_micros"])
        self.assertEqual(results["readmissing"]["found"], 0)
        self.assertGreater(results["readwhilewriting"]["background_writes"], 0)
        self.assertEqual(os.listdir(self.dir), [])  # the temporary database is gone

    def test_reads_alone_fill_first(self):
        report = json.loads(self.bench("readrandom", "--num", "1000", "--json"))
        self.assertEqual(
            [(r["workload"], r["found"]) for r in report["results"]], [("readrandom", 1000)]
        )
        self.assertIn(b"readrandom", self.bench("readrandom", "--num", "1000"))

    def test_a_database_of_ones_own_is_kept(self):
        run("put", self.db, "mine", "kept")
        self.bench("fillrandom", "--num", "1000", "--db", self.db)
        self.assertEqual(output("get", self.db, "mine"), b"kept\n")
        run("bench", "--key-size", "3", "--num", "100000", code=USAGE)


if __name__ == "__main__":
    unittest.main()
