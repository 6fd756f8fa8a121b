"""Rows in and out: put, get, delete, scan, flush, load, export.

usage: cli_rows_test.py PATH-OF-LSM [unittest arguments]
"""

import json
import os
import pty
import unittest

from lsm_tool import (
    CORRUPTION,
    IO_ERROR,
    NOT_FOUND,
    SMALL,
    ToolTest,
    USAGE,
    escape,
    every_byte_rows,
    output,
    random_rows,
    run,
    text_rows,
    unescape,
)


class KeyValueTest(ToolTest):

    def test_put_get_delete(self):
        run("put", self.db, "apple", "green")
        self.assertEqual(output("get", self.db, "apple"), b"green\n")
        run("put", self.db, "apple", "red")
        self.assertEqual(output("get", self.db, "apple"), b"red\n")
        run("delete", self.db, "apple")
        self.assertEqual(output("get", self.db, "apple", code=NOT_FOUND), b"")
        run("delete", self.db, "apple")  # absent: no error

    def test_every_byte_through_the_arguments(self):
        for byte in range(256):
            key, value = bytes([byte, 65]), bytes([65, byte])
            # A word that begins with a dash is an option unless "--" stands before it.
            run("put", self.db, "--", escape(key), escape(value))
            self.assertEqual(
                output("get", self.db, "--", escape(key)), escape(value).encode() + b"\n"
            )
            self.assertEqual(output("get", self.db, "--raw", "--", escape(key)), value)
            self.assertEqual(
                output("get", self.db, "--hex", "--", escape(key)), value.hex().encode() + b"\n"
            )

    def test_arguments_that_look_like_something_else(self):
        for key in ["", "[a]", "{}", "a,b", '"q"', "%%", "-", "put"]:
            run("put", self.db, key, key)
            self.assertEqual(output("get", self.db, key, "--raw"), key.encode())
        run("put", self.db, "--", "-dash", "--json")
        self.assertEqual(output("get", self.db, "--", "-dash"), b"--json\n")
        run("put", self.db, b"raw\xff", b"\xfe")
        self.assertEqual(output("get", self.db, r"raw\xff"), b"\\xfe\n")

    def test_get_as_json(self):
        run("put", self.db, r"k\x00", r"v\x22\\")
        self.assertEqual(
            json.loads(output("get", self.db, r"k\x00", "--json")),
            {"key": r"k\x00", "value": r"v\x22\\"},
        )

    def test_raw_is_refused_on_a_terminal(self):
        run("put", self.db, "k", "v")
        primary, secondary = pty.openpty()
        try:
            run("get", self.db, "k", "--raw", code=USAGE, stdout=secondary)
        finally:
            os.close(primary)
            os.close(secondary)

    def test_scan(self):
        rows = [
            (b"a", b"1"),
            (b"ab", b"2"),
            (b"abc", b"3"),
            (b"b", b"4"),
            (b"\xff", b"5"),
            (b"\xff\xff", b"6"),
        ]
        self.load(rows)

        def keys(*options):
            return [
                unescape(k) for k in output("scan", self.db, "--keys-only", *options).splitlines()
            ]

        self.assertEqual(output("scan", self.db), text_rows(rows))
        self.assertEqual(keys("--from", "ab", "--to", "b"), [b"ab", b"abc"])
        self.assertEqual(keys("--from", ""), [k for k, _ in rows])
        self.assertEqual(keys("--to", ""), [])
        self.assertEqual(keys("--prefix", "a"), [b"a", b"ab", b"abc"])
        self.assertEqual(keys("--prefix", r"\xff"), [b"\xff", b"\xff\xff"])
        self.assertEqual(keys("--prefix", "a", "--from", "ab", "--to", "abc"), [b"ab"])
        self.assertEqual(keys("--prefix", "a", "--from", "c"), [])
        self.assertEqual(keys("--limit", "2"), [b"a", b"ab"])
        self.assertEqual(output("scan", self.db, "--count"), b"6\n")
        self.assertEqual(output("scan", self.db, "--count", "--prefix", "zz"), b"0\n")
        self.assertEqual(output("scan", self.db, "--hex", "--from", r"\xff\xff"), b"ffff\t36\n")
        lines = output("scan", self.db, "--json").splitlines()
        self.assertEqual(
            [json.loads(line) for line in lines],
            [{"key": escape(k), "value": escape(v)} for k, v in rows],
        )
        self.assertEqual(json.loads(output("scan", self.db, "--json", "--count"))["count"], 6)
        run("scan", self.db, "--from", "b", "--to", "a", code=USAGE)

    def test_flush_makes_tables(self):
        run("put", self.db, "a", "b")
        self.assertEqual(self.tables(), [])
        run("flush", self.db)
        self.assertEqual(len(self.tables()), 1)
        self.assertEqual(output("get", self.db, "a"), b"b\n")

    def test_limits(self):
        run("put", self.db, "k" * 65535, "v")
        before = output("scan", self.db)
        self.assertIn(b"lsm:", run("put", self.db, "k" * 65536, "v", code=USAGE).stderr)
        self.assertEqual(output("scan", self.db), before)
        run("get", self.db, "k" * 65536, code=USAGE)


class LoadExportTest(ToolTest):

    def test_round_trip_of_every_byte_in_every_format(self):
        rows = every_byte_rows()
        self.load(rows)
        self.assertEqual(output("export", self.db), text_rows(rows))
        self.assertEqual(
            [
                tuple(map(unescape, line.split(b"\t")))
                for line in output("export", self.db).splitlines()
            ],
            rows,
        )
        for form in ("text", "ndjson", "binary"):
            copy = self.path("copy-" + form)
            exported = output("export", self.db, "--format", form)
            run("load", copy, "--format", form, stdin=exported)
            self.assertEqual(output("export", copy, "--format", form), exported)
            self.assertEqual(output("scan", copy), text_rows(rows))

    def test_random_rows_over_many_tables(self):
        rows = random_rows(20000)
        self.load(rows, *SMALL)
        self.assertEqual(output("export", self.db), text_rows(rows))
        for line in output("export", self.db, "--format", "ndjson").splitlines():
            self.assertEqual(sorted(json.loads(line)), ["key", "value"])
        run("verify", self.db)

    def test_files_and_ranges(self):
        rows = [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]
        self.load(rows)
        target = self.path("out.rows")
        run("export", self.db, target, "--format", "binary", "--from", "b")
        self.assertEqual(os.listdir(self.dir).count("out.rows.partial"), 0)
        run("load", self.path("copy"), target, "--format", "binary")
        self.assertEqual(output("scan", self.path("copy")), text_rows(rows[1:]))

    def test_malformed_rows_name_their_line_and_keep_those_before(self):
        done = run("load", self.db, stdin=b"a\t1\nbad\\q\t2\nc\t3\n", code=USAGE)
        self.assertIn(b"line 2", done.stderr)
        self.assertNotIn(b"c", output("scan", self.db))
        run("load", self.db, "--format", "ndjson", stdin=b'{"key":"a"}\n', code=USAGE)

    def test_damaged_binary_rows_are_corruption(self):
        self.load([(b"a", b"1"), (b"b", b"2")])
        exported = output("export", self.db, "--format", "binary")
        for damaged in (
            exported[:-1],
            exported[:12],
            exported[:20] + b"\x00" + exported[21:],
            b"a\tb\n",
        ):
            done = run(
                "load", self.path("copy"), "--format", "binary", stdin=damaged, code=CORRUPTION
            )
            self.assertIn(b"offset", done.stderr)

    def test_summary_as_json(self):
        done = run("load", self.db, "--json", stdin=b"a\t12\nb\t3\n")
        summary = json.loads(done.stdout)
        self.assertEqual((summary["schema"], summary["rows"], summary["bytes"]), (1, 2, 5))

    def test_progress_as_json(self):
        rows = random_rows(20000)
        done = run("load", self.db, "--progress", "json", stdin=text_rows(rows))
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"{")]
        self.assertTrue(lines)
        self.assertEqual(lines[-1]["progress"], "load")
        done = [line["bytes_done"] for line in lines]
        self.assertEqual(done, sorted(done))

    def test_a_missing_input_creates_nothing(self):
        run("load", self.db, self.path("missing.tsv"), code=IO_ERROR)
        self.assertFalse(os.path.exists(self.db))

    def test_unterminated_last_line(self):
        run("load", self.db, stdin=b"a\t1\nb\t2")
        self.assertEqual(output("scan", self.db), b"a\t1\nb\t2\n")


if __name__ == "__main__":
    unittest.main()
