"""What the end-to-end tests of the tool share: running it, its escaping once more, rows."""

import contextlib
import glob
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


def escape(data):
    """The escaping of the tool, written down a second time."""
    out = []
    for piece in re.split(rb"((?:[\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3})+)", data):
        with contextlib.suppress(UnicodeDecodeError):
            text = piece.decode("utf-8")
            for c in text:
                if c == "\\":
                    out.append("\\\\")
                elif c == '"' or ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0:
                    out.append("".join(f"\\x{b:02x}" for b in c.encode()))
                else:
                    out.append(c)
            continue
        out.append(escape_slowly(piece))
    return "".join(out)


def escape_slowly(data):
    out = []
    while data:
        for size in (4, 3, 2, 1):
            with contextlib.suppress(UnicodeDecodeError):
                if len(data[:size].decode("utf-8")) == 1:
                    out.append(escape(data[:size]))
                    data = data[size:]
                    break
        else:
            out.append(f"\\x{data[0]:02x}")
            data = data[1:]
    return "".join(out)


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
        return self.files("*.sst")

    def snapshot_of_files(self):
        return {f: (open(f, "rb").read(), os.stat(f).st_mtime_ns) for f in self.files()}
