"""What the end-to-end tests of the tool share: running it, its escaping once more, rows."""

import glob
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

LSM = os.path.abspath(sys.argv.pop(1))
NOT_FOUND, USAGE, CORRUPTION, IO_ERROR, LOCKED, CANCELLED = 1, 2, 3, 4, 5, 6
SEED = 20240711


def run(*arguments, stdin=b"", code=0, **options):
    """Runs the tool, checks its exit code and returns the finished process."""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(
        [LSM, *arguments], input=stdin, stderr=subprocess.PIPE, timeout=120, **options
    )
    if done.returncode != code:
        raise AssertionError(
            f"lsm {arguments}: exit code {done.returncode}, expected {code}\n"
            f"stdout: {(done.stdout or b'')[:2000]!r}\nstderr: {done.stderr[:2000]!r}"
        )
    return done


def output(*arguments, **options):
    return run(*arguments, **options).stdout


# Bytes that are no UTF-8 come as lone surrogates, as Python's "surrogateescape" makes them.
ESCAPES = {c: f"\\x{c:02x}" for c in [*range(0x20), ord('"'), 0x7F]}
ESCAPES.update({c: f"\\xc2\\x{c:02x}" for c in range(0x80, 0xA0)})
ESCAPES.update({0xDC00 + b: f"\\x{b:02x}" for b in range(0x80, 0x100)})
ESCAPES[ord("\\")] = "\\\\"


def escape(data):
    """The escaping of the tool, written down a second time."""
    return data.decode("utf-8", "surrogateescape").translate(ESCAPES)


def unescape(text):
    return re.sub(
        rb"\\(\\|x..)", lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), text
    )


def run_any(*arguments):
    return subprocess.run(
        [LSM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60
    ).returncode


def text_rows(rows):
    return "".join(f"{escape(k)}\t{escape(v)}\n" for k, v in rows).encode()


def every_byte_rows():
    rows = {bytes([b]): bytes([b]) * 3 for b in range(256)}
    rows.update({b"k" + bytes([b]) + b"k": bytes([255 - b]) for b in range(256)})
    rows[b""] = b""
    rows[bytes(range(256))] = bytes(reversed(range(256)))
    return sorted(rows.items())


def random_rows(count, value_size=60):
    r = random.Random(SEED)
    rows = {
        r.randbytes(r.randrange(12)): r.randbytes(r.randrange(value_size)) for _ in range(count)
    }
    return sorted(rows.items())


SMALL = ["--option", "write_buffer_size=64KiB", "--option", "table_size=64KiB"]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def write_file(path, content):
    with open(path, "wb") as file:
        file.write(content)


def digest(path):
    return hashlib.sha256(read_file(path)).hexdigest()


class ToolTest(unittest.TestCase):

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lsm-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.db = os.path.join(self.dir, "db")

    def path(self, name):
        return os.path.join(self.dir, name)

    def load(self, rows, *options, db=None):
        run("load", db or self.db, *options, stdin=text_rows(rows))

    def files(self, pattern="*"):
        return sorted(glob.glob(os.path.join(self.db, pattern)))

    def tables(self):
        """The tables of the tree; others may wait in the directory for their removal."""
        levels = json.loads(output("levels", self.db, "--json"))["levels"]
        runs = [run for level in levels for run in level["runs"]]
        numbers = {table["number"] for run in runs for table in run["tables"]}
        return [os.path.join(self.db, f"{number:06d}.sst") for number in sorted(numbers)]

    def snapshot_of_files(self):
        return {file: (digest(file), os.stat(file).st_mtime_ns) for file in self.files()}
