"""Looking into tables, log and manifest; shape and compaction.

usage: cli_files_test.py PATH-OF-LSM [unittest arguments]
"""

import json
import os
import random
import unittest

from lsm_tool import (
    read_file,
    write_file,
    CORRUPTION,
    IO_ERROR,
    SEED,
    SMALL,
    ToolTest,
    USAGE,
    output,
    run,
)


class SstTest(ToolTest):

    def setUp(self):
        super().setUp()
        self.rows = [(b"%06d" % i, b"value %d" % i) for i in range(3000)]
        self.load(self.rows)
        run("delete", self.db, "000007")
        run("flush", self.db)

    def dumped(self, *options):
        return [
            json.loads(line)
            for line in output("sst", "dump", *self.tables(), "--json", *options).splitlines()
        ]

    def test_dump_rows(self):
        rows = self.dumped()
        puts = {row["key"]: row["value"] for row in rows if row["kind"] == "put"}
        for key, value in self.rows:
            if key != b"000007":
                self.assertEqual(puts[key.decode()], value.decode())
        self.assertTrue(
            any(
                row["kind"] == "delete" and row["key"] == "000007" and "value" not in row
                for row in rows
            )
        )
        self.assertEqual(
            len({row["sequence"] for row in rows if row["sequence"]}),
            len([row for row in rows if row["sequence"]]),
        )

    def test_dump_options(self):
        self.assertEqual(
            {row["key"] for row in self.dumped("--from", "000010", "--to", "000012")},
            {"000010", "000011"},
        )
        self.assertEqual(
            {row["key"] for row in self.dumped("--prefix", "00299")},
            {f"00299{i}" for i in range(10)},
        )
        table = max(self.tables(), key=os.path.getsize)
        lines = output("sst", "dump", table, "--limit", "2").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], rb"^000000\t\d+\tput\tvalue 0$")
        self.assertRegex(
            output("sst", "dump", table, "--limit", "1", "--hex", "--keys-only"),
            rb"^303030303030\t\d+\tput\n$",
        )

    def test_dump_blocks(self):
        table = max(self.tables(), key=os.path.getsize)
        blocks = [
            json.loads(line)
            for line in output("sst", "dump", table, "--blocks", "--json").splitlines()
        ]
        self.assertGreater(len(blocks), 3)
        end = 0
        for block in blocks:
            self.assertGreaterEqual(block["offset"], end)
            end = block["offset"] + block["size"]
        info = json.loads(output("sst", "info", table, "--json"))["tables"][0]
        self.assertEqual(sum(block["rows"] for block in blocks), info["entries"])
        self.assertEqual(len(blocks), info["data_blocks"])
        self.assertEqual(
            len(output("sst", "dump", table, "--blocks").splitlines()), len(blocks) + 1
        )

    def test_info(self):
        infos = json.loads(output("sst", "info", *self.tables(), "--json"))
        self.assertEqual(infos["schema"], 1)
        for info in infos["tables"]:
            self.assertEqual(info["file_size"], os.path.getsize(info["file"]))
            self.assertEqual(
                info["sections"]["footer"]["offset"] + info["sections"]["footer"]["size"],
                info["file_size"],
            )
        self.assertIn(b"smallest_key", output("sst", "info", self.tables()[0]))

    def test_verify_sound(self):
        self.assertEqual(
            output("sst", "verify", *self.tables()).count(b": sound\n"), len(self.tables())
        )
        self.assertTrue(json.loads(output("sst", "verify", *self.tables(), "--json"))["ok"])

    def test_damage_is_found_wherever_it_is(self):
        table = max(self.tables(), key=os.path.getsize)
        content = read_file(table)
        damaged = self.path("damaged.sst")
        r = random.Random(SEED)
        for position in [0, len(content) - 1, *(r.randrange(len(content)) for _ in range(60))]:
            write_file(
                damaged,
                content[:position]
                + bytes([content[position] ^ 1 << r.randrange(8)])
                + content[position + 1 :],
            )
            done = run("sst", "verify", damaged, code=CORRUPTION)
            self.assertIn(b"offset", done.stdout, position)
            self.assertIn(b"damaged.sst", done.stdout, position)
        for size in [0, 1, 127, 128, len(content) // 2, len(content) - 1]:
            write_file(damaged, content[:size])
            for command in ("dump", "info", "verify"):
                run("sst", command, damaged, code=CORRUPTION)

    def test_dump_of_a_damaged_block_tells_file_and_offset(self):
        table = max(self.tables(), key=os.path.getsize)
        damaged = self.path("damaged.sst")
        content = bytearray(read_file(table))
        content[50] ^= 1
        write_file(damaged, content)
        done = run("sst", "dump", damaged, code=CORRUPTION)
        self.assertIn(b"damaged.sst", done.stderr)
        self.assertIn(b"offset", done.stderr)
        report = json.loads(output("sst", "verify", damaged, "--json", code=CORRUPTION))
        self.assertFalse(report["ok"])
        self.assertIn("damaged.sst", report["damages"][0]["file"])
        self.assertIn("offset", report["damages"][0])
        self.assertLess(report["damages"][0]["last_key"], "002999")

    def test_foreign_files_and_mixes(self):
        foreign = self.path("foreign")
        write_file(foreign, b"not a table" * 100)
        run("sst", "info", foreign, code=CORRUPTION)
        run("sst", "info", foreign, self.path("missing"), code=CORRUPTION)
        run("sst", "info", self.path("missing"), foreign, code=CORRUPTION)
        done = run("sst", "info", self.path("missing"), self.tables()[0], code=IO_ERROR)
        self.assertIn(b"smallest_key", done.stdout)  # the others are looked at


class DatabaseFilesTest(ToolTest):

    def test_wal_dump(self):
        run("put", self.db, "a", r"1\x00")
        run("delete", self.db, "b")
        rows = [json.loads(line) for line in output("wal", "dump", self.db, "--json").splitlines()]
        writes = [row for row in rows if row["kind"] != "mark"]
        self.assertEqual(
            [(w["kind"], w["key"], w.get("value")) for w in writes],
            [("put", "a", r"1\x00"), ("delete", "b", None)],
        )
        self.assertLess(writes[0]["sequence"], writes[1]["sequence"])
        text = output("wal", "dump", self.db)
        self.assertRegex(text, rb"(?m)^\d+:64\t\d+\tput\ta\t1\\x00$")
        per_file = b"".join(output("wal", "dump", log) for log in self.files("*.log"))
        self.assertEqual(per_file, text)
        run("flush", self.db)
        after = output("wal", "dump", self.db)
        self.assertNotIn(b"put", after)

    def test_manifest_dump(self):
        run("put", self.db, "a", "1")
        run("flush", self.db)
        records = [
            json.loads(line) for line in output("manifest", "dump", self.db, "--json").splitlines()
        ]
        added = [s for record in records for s in record.get("slices_added", [])]
        self.assertEqual(
            [f"{s['table']:06d}.sst" for s in added], [os.path.basename(t) for t in self.tables()]
        )
        manifest = self.files("MANIFEST-*")[-1]
        self.assertEqual(output("manifest", "dump", manifest), output("manifest", "dump", self.db))
        run("manifest", "dump", self.files("CURRENT")[0], code=CORRUPTION)
        run("wal", "dump", self.tables()[0], code=CORRUPTION)

    def test_stats_and_levels(self):
        rows = [(b"%06d" % i, b"x" * 100) for i in range(5000)]
        self.load(rows, *SMALL)
        run("compact", self.db, *SMALL)
        stats = json.loads(output("stats", self.db, "--json"))
        self.assertEqual((stats["schema"], stats["keys_estimate"], stats["runs"]), (1, 5000, 1))
        self.assertEqual(stats["tables"], len(self.tables()))
        self.assertIn(b"5,000", output("stats", self.db))
        levels = json.loads(output("levels", self.db, "--json"))["levels"]
        tables = [t["number"] for level in levels for r in level["runs"] for t in r["tables"]]
        self.assertEqual(
            sorted(f"{t:06d}.sst" for t in tables), [os.path.basename(t) for t in self.tables()]
        )
        self.assertEqual(len(output("levels", self.db).splitlines()), 2)
        self.assertIn(b"000000", output("levels", self.db))

    def test_an_empty_database(self):
        run("load", self.db, stdin=b"")
        for arguments in [
            ["stats", self.db],
            ["levels", self.db],
            ["verify", self.db],
            ["compact", self.db],
            ["wal", "dump", self.db],
            ["manifest", "dump", self.db],
        ]:
            run(*arguments)
        self.assertEqual(output("export", self.db), b"")

    def test_compact(self):
        for i in range(4):
            self.load([(b"%06d" % j, b"%d" % (i + j)) for j in range(2000)], *SMALL)
        for j in range(0, 2000, 500):
            run("delete", self.db, f"{j:06d}")
        before = output("export", self.db)
        estimate = json.loads(output("compact", self.db, "--dry-run", "--json"))
        self.assertTrue(estimate["fits"])
        self.assertGreater(estimate["bytes_to_read"], 0)
        self.assertGreaterEqual(estimate["peak_extra_bytes"], estimate["bytes_to_write"])
        run("compact", self.db, *SMALL)
        self.assertEqual(output("export", self.db), before)
        written = sum(os.path.getsize(t) for t in self.tables())
        self.assertLessEqual(written, estimate["bytes_to_write"])
        rows = [
            json.loads(line)
            for line in output("sst", "dump", *self.tables(), "--json").splitlines()
        ]
        self.assertEqual({row["kind"] for row in rows}, {"put"})
        self.assertEqual(len(rows), 1996)

    def test_compact_a_range(self):
        self.load([(b"%06d" % j, b"x") for j in range(2000)], *SMALL)
        before = output("export", self.db)
        run("compact", self.db, "--from", "000100", "--to", "000200")
        self.assertEqual(output("export", self.db), before)
        run("flush", self.db)
        nothing = json.loads(output("compact", self.db, "--dry-run", "--json", "--from", "zzz"))
        self.assertEqual(nothing["bytes_to_read"], 0)
        run("compact", self.db, "--from", "b", "--to", "a", code=USAGE)


if __name__ == "__main__":
    unittest.main()
