"""Damage in each kind of file.

usage: cli_damage_test.py PATH-OF-LSM [unittest arguments]
"""

import json
import os
import random
import subprocess
import unittest

from lsm_tool import (
    CORRUPTION,
    IO_ERROR,
    LSM,
    SEED,
    ToolTest,
    output,
    read_file,
    run,
    run_any,
    text_rows,
    write_file,
)


class VerifyTest(ToolTest):
    """Damage in each kind of file is found and told, and no read answers wrongly."""

    def setUp(self):
        super().setUp()
        self.rows = [(b"%06d" % i, b"value %d" % i) for i in range(2000)]
        self.load(self.rows[:1000])
        run("flush", self.db)
        for key, value in self.rows[1000:1010]:
            run("put", self.db, key, value)
        self.rows = self.rows[:1010]
        self.expected = text_rows(self.rows)

    def damage(self, path, position, bit=0):
        with open(path, "r+b") as file:
            file.seek(position)
            byte = file.read(1)
            file.seek(position)
            file.write(bytes([byte[0] ^ 1 << bit]))

    def expect_damage(self, path):
        done = run("verify", self.db, code=CORRUPTION)
        told = done.stdout + done.stderr
        self.assertIn(os.path.basename(path).encode(), told)
        report = json.loads(output("verify", self.db, "--json", code=CORRUPTION))
        self.assertFalse(report["ok"])
        self.assertTrue(
            any(
                os.path.basename(path) in d.get("file", "") and "offset" in d
                for d in report["damages"]
            ),
            report,
        )
        return report["damages"]

    def test_sound(self):
        self.assertIn(b"sound", output("verify", self.db))
        self.assertTrue(json.loads(output("verify", self.db, "--json"))["ok"])
        self.assertEqual(output("scan", self.db), self.expected)

    def test_table(self):
        table = self.tables()[0]
        self.damage(table, 40)
        damages = self.expect_damage(table)
        self.assertLess(damages[0]["last_key"], "000999")
        done = run("scan", self.db, code=CORRUPTION)
        self.assertIn(b"offset", done.stderr)
        self.assertTrue(
            self.expected.startswith(done.stdout) or self.expected.endswith(done.stdout)
        )
        self.assertEqual(output("get", self.db, "000999"), b"value 999\n")  # elsewhere in the table

    def test_two_damages_are_both_told(self):
        table = self.tables()[0]
        blocks = [
            json.loads(line)
            for line in output("sst", "dump", table, "--blocks", "--json").splitlines()
        ]
        self.damage(table, blocks[0]["offset"] + 3)
        self.damage(table, blocks[-1]["offset"] + 3)
        self.assertEqual(
            [d["offset"] for d in self.expect_damage(table)],
            [blocks[0]["offset"], blocks[-1]["offset"]],
        )

    def test_truncated_table(self):
        table = self.tables()[0]
        os.truncate(table, os.path.getsize(table) - 1)
        self.expect_damage(table)

    def test_missing_table(self):
        table = self.tables()[0]
        os.remove(table)
        done = run("verify", self.db, code=CORRUPTION)
        self.assertIn(os.path.basename(table).encode(), done.stdout)

    def test_log(self):
        written = [log for log in self.files("*.log") if b"put" in output("wal", "dump", log)]
        self.damage(written[0], 64 + 40)
        self.expect_damage(written[0])
        run("wal", "dump", self.db, code=CORRUPTION)
        done = run("get", self.db, "001000", code=CORRUPTION)
        self.assertIn(b"offset", done.stderr)

    def test_emptied_log(self):
        written = [log for log in self.files("*.log") if b"put" in output("wal", "dump", log)]
        os.truncate(written[0], 0)
        run("verify", self.db, code=CORRUPTION)
        run("scan", self.db, code=CORRUPTION)

    def test_manifest(self):
        manifest = self.files("MANIFEST-*")[-1]
        self.damage(manifest, 64 + 40)
        self.expect_damage(manifest)
        run("manifest", "dump", self.db, code=CORRUPTION)
        run("scan", self.db, code=CORRUPTION)
        run("put", self.db, "k", "v", code=CORRUPTION)

    def test_missing_manifest(self):
        os.remove(self.files("MANIFEST-*")[-1])
        done = subprocess.run(
            [LSM, "scan", self.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertIn(done.returncode, (CORRUPTION, IO_ERROR))
        self.assertEqual(done.stdout, b"")
        self.assertTrue(self.files("*.sst"))

    def test_current(self):
        current = self.files("CURRENT")[0]
        self.damage(current, 9)
        self.expect_damage(current)
        run("scan", self.db, code=CORRUPTION)

    def test_missing_current_is_no_fresh_database(self):
        os.remove(self.files("CURRENT")[0])
        before = self.snapshot_of_files()
        done = subprocess.run(
            [LSM, "put", self.db, "k", "v"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertIn(done.returncode, (CORRUPTION, IO_ERROR))
        self.assertEqual(
            {f: c for f, (c, _) in self.snapshot_of_files().items()},
            {f: c for f, (c, _) in before.items()},
        )

    def test_every_file_every_region(self):
        """Whatever bit is flipped: the right rows or an error, never a crash."""
        r = random.Random(SEED)
        for path in self.files():
            content = read_file(path)
            for _ in range(12):
                # The records of logs and manifests stand at the front of a large, empty file.
                position = r.randrange(min(len(content), 4096) or 1)
                if not content:
                    continue
                self.damage(path, position, r.randrange(8))
                done = subprocess.run(
                    [LSM, "scan", self.db],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    timeout=60,
                )
                checked = subprocess.run(
                    [LSM, "verify", self.db],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    timeout=60,
                )
                where = f"{path} at {position}: {done.stderr!r} {checked.stdout!r}"
                self.assertIn(done.returncode, (0, CORRUPTION, IO_ERROR), where)
                self.assertIn(checked.returncode, (0, CORRUPTION, IO_ERROR), where)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, self.expected, where)
                else:
                    self.assertNotEqual(checked.returncode, 0, where)
                write_file(path, content)
        self.assertEqual(output("scan", self.db), self.expected)

    def test_strange_directories(self):
        foreign = self.path("foreign")
        os.mkdir(foreign)
        write_file(os.path.join(foreign, "letter.txt"), b"hello")
        run("scan", foreign, code=IO_ERROR)
        run("verify", foreign, code=IO_ERROR)
        self.assertEqual(os.listdir(foreign), ["letter.txt"])
        plain = os.path.join(foreign, "letter.txt")
        self.assertIn(run_any("scan", plain), (CORRUPTION, IO_ERROR))
        run("verify", plain, code=CORRUPTION)
        table = self.tables()[0]
        os.rename(table, self.path("moved"))
        os.symlink(self.path("moved"), table)
        run("verify", self.db, code=CORRUPTION)
        os.remove(table)
        os.mkfifo(table)
        run("verify", self.db, code=CORRUPTION)  # at once: no hang


if __name__ == "__main__":
    unittest.main()
