"""The tool end to end, through the built binary: answers, exit codes, messages, damage.

usage: cli_test.py PATH-OF-LSM [unittest arguments]
"""

import contextlib
import fcntl
import glob
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LSM = None
NOT_FOUND, USAGE, CORRUPTION, IO_ERROR, LOCKED, CANCELLED = 1, 2, 3, 4, 5, 6
SEED = 20240711


def run(*arguments, stdin=b"", code=0, **options):
    """Runs the tool, checks its exit code and returns the finished process."""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([LSM, *arguments], input=stdin, stderr=subprocess.PIPE, timeout=120, **options)
    if done.returncode != code:
        raise AssertionError(
            f"lsm {arguments}: exit code {done.returncode}, expected {code}\n"
            f"stdout: {(done.stdout or b'')[:2000]!r}\nstderr: {done.stderr[:2000]!r}")
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
                elif c == '"' or ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0:
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
    return re.sub(rb"\\(\\|x..)",
                  lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), text)


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
    rows = {r.randbytes(r.randrange(12)): r.randbytes(r.randrange(value_size)) for _ in range(count)}
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
            run("put", self.db, escape(key), escape(value))
            self.assertEqual(output("get", self.db, escape(key)), escape(value).encode() + b"\n")
            self.assertEqual(output("get", self.db, escape(key), "--raw"), value)
            self.assertEqual(output("get", self.db, escape(key), "--hex"), value.hex().encode() + b"\n")

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
        self.assertEqual(json.loads(output("get", self.db, r"k\x00", "--json")),
                         {"key": r"k\x00", "value": r"v\x22\\"})

    def test_raw_is_refused_on_a_terminal(self):
        run("put", self.db, "k", "v")
        primary, secondary = pty.openpty()
        try:
            run("get", self.db, "k", "--raw", code=USAGE, stdout=secondary)
        finally:
            os.close(primary)
            os.close(secondary)

    def test_scan(self):
        rows = [(b"a", b"1"), (b"ab", b"2"), (b"abc", b"3"), (b"b", b"4"), (b"\xff", b"5"), (b"\xff\xff", b"6")]
        self.load(rows)

        def keys(*options):
            return [unescape(k) for k in output("scan", self.db, "--keys-only", *options).splitlines()]

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
        self.assertEqual([json.loads(line) for line in lines],
                         [{"key": escape(k), "value": escape(v)} for k, v in rows])
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


class UsageTest(ToolTest):

    def test_wrong_usage(self):
        run("put", self.db, "k", "v")
        for arguments in [
                [], ["nonsense"], ["get"], ["get", self.db], ["get", self.db, "k", "extra"],
                ["get", self.db, "k", "--nonsense"], ["get", self.db, r"bad\escape"],
                ["put", self.db, "k", r"bad\x1"], ["scan", self.db, "--prefix", "\\"],
                ["scan", self.db, "--limit", "0"], ["scan", self.db, "--limit", "x"],
                ["get", self.db, "k", "--option", "no_such=1"], ["get", self.db, "k", "--option", "novalue"],
                ["get", self.db, "k", "--option", "block_size=1B"], ["load", self.db, "--format", "xml"],
                ["scan", self.db, "--progress", "loud"], ["sst"], ["bench", "nonsense"],
                ["completion", "tcsh"]]:
            done = run(*arguments, code=USAGE)
            self.assertEqual(done.stdout, b"", arguments)
            self.assertTrue(done.stderr.startswith(b"lsm: "), arguments)

    def test_an_unknown_option_lists_the_known_ones(self):
        self.assertIn(b"memory_budget",
                      run("scan", self.db, "--option", "nonsense=1", code=USAGE).stderr)

    def commands(self):
        words = re.findall(r"^    '([a-z ]+)'\) words=", output("completion", "bash").decode(), re.M)
        self.assertIn("sst dump", words)
        return words

    def test_every_command_has_help_with_an_example_and_common_options(self):
        for command in self.commands():
            text = output(*command.split(), "--help").decode()
            if "SUBCOMMAND" in text:
                continue
            self.assertIn("Example:\n  ", text, command)
            for option in ("--json", "--option", "--progress"):
                self.assertIn(option, text, command)

    def test_completions_are_scripts_of_their_shells(self):
        for shell in ("bash", "zsh", "fish"):
            script = output("completion", shell)
            self.assertIn(b"manifest", script)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=script, check=True, timeout=60)

    def test_bash_completes(self):
        script = output("completion", "bash").decode() + """
            COMP_WORDS=(lsm sst "")
            COMP_CWORD=2
            _lsm
            printf '%s\\n' "${COMPREPLY[@]}"
            COMP_WORDS=(lsm sst dump --bl)
            COMP_CWORD=3
            _lsm
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = subprocess.run(["bash"], input=script.encode(), stdout=subprocess.PIPE, check=True, timeout=60)
        self.assertEqual(done.stdout.split(), [b"dump", b"info", b"verify", b"--blocks"])

    def test_version(self):
        self.assertRegex(output("--version"), rb"^lsm \d+\.\d+\.\d+\n$")


class LoadExportTest(ToolTest):

    def test_round_trip_of_every_byte_in_every_format(self):
        rows = every_byte_rows()
        self.load(rows)
        self.assertEqual(output("export", self.db), text_rows(rows))
        self.assertEqual([tuple(map(unescape, line.split(b"\t"))) for line in
                          output("export", self.db).splitlines()], rows)
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
        for damaged in (exported[:-1], exported[:12], exported[:20] + b"\x00" + exported[21:], b"a\tb\n"):
            done = run("load", self.path("copy"), "--format", "binary", stdin=damaged, code=CORRUPTION)
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


class ExitCodeTest(ToolTest):

    def test_no_database(self):
        missing = self.path("missing")
        for arguments in [["get", missing, "k"], ["scan", missing], ["delete", missing, "k"], ["flush", missing],
                          ["export", missing], ["verify", missing], ["compact", missing], ["stats", missing],
                          ["compact", missing, "--dry-run"], ["levels", missing], ["wal", "dump", missing],
                          ["manifest", "dump", missing], ["sst", "info", missing], ["sst", "dump", missing],
                          ["sst", "verify", missing]]:
            done = run(*arguments, code=IO_ERROR)
            self.assertIn(b"missing", done.stderr)
            self.assertFalse(os.path.exists(missing), arguments)
        os.mkdir(missing)
        for arguments in [["get", missing, "k"], ["verify", missing], ["wal", "dump", missing], ["flush", missing]]:
            run(*arguments, code=IO_ERROR)
            self.assertEqual(os.listdir(missing), [], arguments)

    def test_what_only_looks_changes_nothing(self):
        self.load(random_rows(500), *SMALL)
        run("put", self.db, "more", "rows")
        before = self.snapshot_of_files()
        for arguments in [["get", self.db, "more"], ["scan", self.db], ["export", self.db], ["verify", self.db],
                          ["stats", self.db], ["levels", self.db], ["compact", self.db, "--dry-run"],
                          ["wal", "dump", self.db], ["manifest", "dump", self.db],
                          ["sst", "dump", *self.tables()], ["sst", "verify", *self.tables()]]:
            run(*arguments)
            self.assertEqual(self.snapshot_of_files(), before, arguments)

    @contextlib.contextmanager
    def a_writer(self):
        """Holds the database open for writing: a load that waits for more input."""
        holder = subprocess.Popen([LSM, "load", self.db], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while subprocess.run([LSM, "stats", self.db], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL).returncode != LOCKED:
                self.assertLess(time.monotonic(), deadline, "the writer never locked the database")
            yield holder
        finally:
            holder.stdin.close()
            holder.wait(timeout=60)

    def test_locked(self):
        run("put", self.db, "k", "v")
        with self.a_writer():
            for arguments in [["get", self.db, "k"], ["put", self.db, "k", "v"], ["scan", self.db], ["verify", self.db],
                              ["compact", self.db], ["compact", self.db, "--dry-run"], ["export", self.db],
                              ["wal", "dump", self.db], ["manifest", "dump", self.db], ["levels", self.db],
                              ["flush", self.db], ["delete", self.db, "k"]]:
                done = run(*arguments, code=LOCKED)
                self.assertEqual(done.stdout, b"")
        self.assertEqual(output("get", self.db, "k"), b"v\n")

    def test_interrupted_load_keeps_what_it_loaded(self):
        run("put", self.db, "k", "v")
        with self.a_writer() as writer:
            writer.stdin.write(b"a\t1\n" * 10)
            writer.stdin.flush()
            writer.send_signal(signal.SIGINT)
            self.assertEqual(writer.wait(timeout=60), CANCELLED)
        run("verify", self.db)
        self.assertEqual(output("get", self.db, "k"), b"v\n")

    def test_interrupted_compaction(self):
        rows = [(b"%08d" % i, random.Random(i).randbytes(400)) for i in range(60000)]
        self.load(rows, *SMALL)
        before = output("export", self.db)
        process = subprocess.Popen([LSM, "compact", self.db, "--progress", "json", *SMALL],
                                   stderr=subprocess.PIPE)
        first = process.stderr.readline()  # the work has begun
        self.assertIn(b'"progress":"compact"', first)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, CANCELLED)
        run("verify", self.db)
        self.assertEqual(output("export", self.db), before)

    def test_full_standard_output(self):
        self.load(random_rows(100))
        run("flush", self.db)
        table = self.tables()[0]
        with open("/dev/full", "wb") as full:
            for arguments in [["scan", self.db], ["export", self.db], ["get", self.db, escape(random_rows(100)[1][0])],
                              ["stats", self.db], ["levels", self.db], ["verify", self.db], ["--help"], ["--version"],
                              ["sst", "dump", table], ["sst", "info", table], ["sst", "verify", table],
                              ["manifest", "dump", self.db], ["completion", "bash"]]:
                done = run(*arguments, code=IO_ERROR, stdout=full)
                self.assertIn(b"standard output", done.stderr)
        run("export", self.db, "/dev/full", code=IO_ERROR)

    def test_closed_standard_output(self):
        self.load([(b"a", b"b")])
        done = subprocess.run(["sh", "-c", '"$0" scan "$1" >&-', LSM, self.db], stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, IO_ERROR)
        run("verify", self.db)

    def test_closed_pipe_ends_quietly(self):
        self.load(random_rows(20000))
        run("flush", self.db)
        for arguments in [["scan", self.db], ["export", self.db], ["export", self.db, "--format", "binary"],
                          ["sst", "dump", *self.tables()]]:
            process = subprocess.Popen([LSM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.read(10)
            process.stdout.close()
            errors = process.stderr.read()
            self.assertEqual((process.wait(timeout=60), errors), (0, b""), arguments)

    def test_errors_as_json(self):
        done = run("get", self.path("missing"), "k", "--json", code=IO_ERROR)
        error = json.loads(done.stderr)["error"]
        self.assertEqual(error["code"], "LSM_IO_ERROR")
        self.assertIn("missing", error["file"])

    def test_messages_do_not_disturb_the_terminal(self):
        done = run("get", self.path("a\x1b[31m\nb"), "k", code=IO_ERROR)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertIn(rb"a\x1b[31m\x0ab", done.stderr)


class SstTest(ToolTest):

    def setUp(self):
        super().setUp()
        self.rows = [(b"%06d" % i, b"value %d" % i) for i in range(3000)]
        self.load(self.rows)
        run("delete", self.db, "000007")
        run("flush", self.db)

    def dumped(self, *options):
        return [json.loads(line) for line in output("sst", "dump", *self.tables(), "--json", *options).splitlines()]

    def test_dump_rows(self):
        rows = self.dumped()
        puts = {row["key"]: row["value"] for row in rows if row["kind"] == "put"}
        for key, value in self.rows:
            if key != b"000007":
                self.assertEqual(puts[key.decode()], value.decode())
        self.assertTrue(any(row["kind"] == "delete" and row["key"] == "000007" and "value" not in row for row in rows))
        self.assertEqual(len({row["sequence"] for row in rows if row["sequence"]}),
                         len([row for row in rows if row["sequence"]]))

    def test_dump_options(self):
        self.assertEqual({row["key"] for row in self.dumped("--from", "000010", "--to", "000012")},
                         {"000010", "000011"})
        self.assertEqual({row["key"] for row in self.dumped("--prefix", "00299")},
                         {f"00299{i}" for i in range(10)})
        table = max(self.tables(), key=os.path.getsize)
        lines = output("sst", "dump", table, "--limit", "2").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], rb"^000000\t\d+\tput\tvalue 0$")
        self.assertRegex(output("sst", "dump", table, "--limit", "1", "--hex", "--keys-only"),
                         rb"^303030303030\t\d+\tput\n$")

    def test_dump_blocks(self):
        table = max(self.tables(), key=os.path.getsize)
        blocks = [json.loads(line) for line in output("sst", "dump", table, "--blocks", "--json").splitlines()]
        self.assertGreater(len(blocks), 3)
        end = 0
        for block in blocks:
            self.assertGreaterEqual(block["offset"], end)
            end = block["offset"] + block["size"]
        info = json.loads(output("sst", "info", table, "--json"))["tables"][0]
        self.assertEqual(sum(block["rows"] for block in blocks), info["entries"])
        self.assertEqual(len(blocks), info["data_blocks"])
        self.assertEqual(len(output("sst", "dump", table, "--blocks").splitlines()), len(blocks) + 1)

    def test_info(self):
        infos = json.loads(output("sst", "info", *self.tables(), "--json"))
        self.assertEqual(infos["schema"], 1)
        for info in infos["tables"]:
            self.assertEqual(info["file_size"], os.path.getsize(info["file"]))
            self.assertEqual(info["sections"]["footer"]["offset"] + info["sections"]["footer"]["size"],
                             info["file_size"])
        self.assertIn(b"smallest_key", output("sst", "info", self.tables()[0]))

    def test_verify_sound(self):
        self.assertEqual(output("sst", "verify", *self.tables()).count(b": sound\n"), len(self.tables()))
        self.assertTrue(json.loads(output("sst", "verify", *self.tables(), "--json"))["ok"])

    def test_damage_is_found_wherever_it_is(self):
        table = max(self.tables(), key=os.path.getsize)
        content = open(table, "rb").read()
        damaged = self.path("damaged.sst")
        r = random.Random(SEED)
        for position in [0, len(content) - 1, *(r.randrange(len(content)) for _ in range(60))]:
            with open(damaged, "wb") as file:
                file.write(content[:position] + bytes([content[position] ^ 1 << r.randrange(8)]) + content[position + 1:])
            done = run("sst", "verify", damaged, code=CORRUPTION)
            self.assertIn(b"offset", done.stdout, position)
            self.assertIn(b"damaged.sst", done.stdout, position)
        for size in [0, 1, 127, 128, len(content) // 2, len(content) - 1]:
            with open(damaged, "wb") as file:
                file.write(content[:size])
            for command in ("dump", "info", "verify"):
                run("sst", command, damaged, code=CORRUPTION)

    def test_dump_of_a_damaged_block_tells_file_and_offset(self):
        table = max(self.tables(), key=os.path.getsize)
        damaged = self.path("damaged.sst")
        content = bytearray(open(table, "rb").read())
        content[50] ^= 1
        open(damaged, "wb").write(content)
        done = run("sst", "dump", damaged, code=CORRUPTION)
        self.assertIn(b"damaged.sst", done.stderr)
        self.assertIn(b"offset", done.stderr)
        report = json.loads(output("sst", "verify", damaged, "--json", code=CORRUPTION))
        self.assertFalse(report["ok"])
        self.assertIn("damaged.sst", report["damages"][0]["file"])
        self.assertIn("offset", report["damages"][0])
        self.assertEqual(report["damages"][0]["first_key"], "000000")

    def test_foreign_files_and_mixes(self):
        foreign = self.path("foreign")
        open(foreign, "wb").write(b"not a table" * 100)
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
        self.assertEqual([(w["kind"], w["key"], w.get("value")) for w in writes],
                         [("put", "a", r"1\x00"), ("delete", "b", None)])
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
        records = [json.loads(line) for line in output("manifest", "dump", self.db, "--json").splitlines()]
        added = [s for record in records for s in record.get("slices_added", [])]
        self.assertEqual([f"{s['table']:06d}.sst" for s in added], [os.path.basename(t) for t in self.tables()])
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
        self.assertEqual(sorted(f"{t:06d}.sst" for t in tables), [os.path.basename(t) for t in self.tables()])
        self.assertEqual(len(output("levels", self.db).splitlines()), 2)
        self.assertIn(b"000000", output("levels", self.db))

    def test_an_empty_database(self):
        run("load", self.db, stdin=b"")
        for arguments in [["stats", self.db], ["levels", self.db], ["verify", self.db], ["compact", self.db],
                          ["wal", "dump", self.db], ["manifest", "dump", self.db]]:
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
        rows = [json.loads(line) for line in output("sst", "dump", *self.tables(), "--json").splitlines()]
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


class VerifyTest(ToolTest):
    """Damage in each kind of file: found, told with file and offset, and no read answers wrongly."""

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
        self.assertTrue(any(os.path.basename(path) in d.get("file", "") and "offset" in d for d in report["damages"]),
                        report)
        return report["damages"]

    def test_sound(self):
        self.assertIn(b"sound", output("verify", self.db))
        self.assertTrue(json.loads(output("verify", self.db, "--json"))["ok"])
        self.assertEqual(output("scan", self.db), self.expected)

    def test_table(self):
        table = self.tables()[0]
        self.damage(table, 40)
        damages = self.expect_damage(table)
        self.assertEqual(damages[0]["first_key"], "000000")
        done = run("scan", self.db, code=CORRUPTION)
        self.assertIn(b"offset", done.stderr)
        self.assertTrue(self.expected.startswith(done.stdout) or self.expected.endswith(done.stdout))
        self.assertEqual(output("get", self.db, "000999"), b"value 999\n")  # elsewhere in the table

    def test_two_damages_are_both_told(self):
        table = self.tables()[0]
        blocks = [json.loads(line) for line in output("sst", "dump", table, "--blocks", "--json").splitlines()]
        self.damage(table, blocks[0]["offset"] + 3)
        self.damage(table, blocks[-1]["offset"] + 3)
        self.assertEqual([d["offset"] for d in self.expect_damage(table)],
                         [blocks[0]["offset"], blocks[-1]["offset"]])

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
        done = subprocess.run([LSM, "scan", self.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(done.returncode, (CORRUPTION, IO_ERROR))
        self.assertEqual(done.stdout, b"")
        self.assertTrue(self.tables())

    def test_current(self):
        current = self.files("CURRENT")[0]
        self.damage(current, 9)
        self.expect_damage(current)
        run("scan", self.db, code=CORRUPTION)

    def test_missing_current_is_no_fresh_database(self):
        os.remove(self.files("CURRENT")[0])
        before = self.snapshot_of_files()
        done = subprocess.run([LSM, "put", self.db, "k", "v"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(done.returncode, (CORRUPTION, IO_ERROR))
        self.assertEqual({f: c for f, (c, _) in self.snapshot_of_files().items()},
                         {f: c for f, (c, _) in before.items()})

    def test_every_file_every_region(self):
        """Whatever bit is flipped: the right answer or corruption, never wrong rows, never a crash."""
        r = random.Random(SEED)
        for path in self.files():
            content = open(path, "rb").read()
            for _ in range(12):
                # The records of logs and manifests stand at the front of a large, empty file.
                position = r.randrange(min(len(content), 4096) or 1)
                if not content:
                    continue
                self.damage(path, position, r.randrange(8))
                done = subprocess.run([LSM, "scan", self.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
                checked = subprocess.run([LSM, "verify", self.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         timeout=60)
                where = f"{path} at {position}: {done.stderr!r} {checked.stdout!r}"
                self.assertIn(done.returncode, (0, CORRUPTION, IO_ERROR), where)
                self.assertIn(checked.returncode, (0, CORRUPTION, IO_ERROR), where)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, self.expected, where)
                else:
                    self.assertNotEqual(checked.returncode, 0, where)
                with open(path, "r+b") as file:
                    file.write(content)
        self.assertEqual(output("scan", self.db), self.expected)

    def test_strange_directories(self):
        foreign = self.path("foreign")
        os.mkdir(foreign)
        open(os.path.join(foreign, "letter.txt"), "w").write("hello")
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


def run_any(*arguments):
    return subprocess.run([LSM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60).returncode


class BenchTest(ToolTest):

    WORKLOADS = ["fillseq", "fillrandom", "overwrite", "readrandom", "readmissing", "readseq", "readreverse",
                 "seekrandom", "readwhilewriting", "fillsync", "fillbatch", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-d",
                 "ycsb-e", "ycsb-f"]

    def bench(self, *arguments):
        environment = dict(os.environ, TMPDIR=self.dir)
        return run("bench", *arguments, env=environment).stdout

    def test_every_workload(self):
        report = json.loads(self.bench(*self.WORKLOADS, "--num", "2000", "--threads", "2", "--json"))
        results = {result["workload"]: result for result in report["results"]}
        self.assertEqual(list(results), self.WORKLOADS)
        for name, result in results.items():
            expected = {"fillsync": 20, "fillbatch": 2}.get(name, 2000)
            if name in ("readseq", "readreverse"):  # of the rows that random fills left, each thread its share
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
        self.assertEqual([(r["workload"], r["found"]) for r in report["results"]], [("readrandom", 1000)])
        self.assertIn(b"readrandom", self.bench("readrandom", "--num", "1000"))

    def test_a_database_of_ones_own_is_kept(self):
        run("put", self.db, "mine", "kept")
        self.bench("fillrandom", "--num", "1000", "--db", self.db)
        self.assertEqual(output("get", self.db, "mine"), b"kept\n")
        run("bench", "--key-size", "3", "--num", "100000", code=USAGE)


class TerminalTest(ToolTest):

    def test_no_bar_for_quick_work_and_none_off_a_terminal(self):
        done = run("load", self.db, stdin=text_rows(random_rows(100)))
        self.assertNotIn(b"\r", done.stderr)
        primary, secondary = pty.openpty()
        subprocess.run([LSM, "export", self.db], stdout=subprocess.DEVNULL, stderr=secondary, timeout=60)
        os.close(secondary)
        fcntl.fcntl(primary, fcntl.F_SETFL, os.O_NONBLOCK)
        with contextlib.suppress(OSError):
            self.assertEqual(os.read(primary, 1000), b"")
        os.close(primary)

    def test_a_bar_after_a_second(self):
        primary, secondary = pty.openpty()
        process = subprocess.Popen([LSM, "load", self.db], stdin=subprocess.PIPE, stderr=secondary)
        os.close(secondary)
        seen = b""
        deadline = time.monotonic() + 60
        while b"\r" not in seen and time.monotonic() < deadline:
            process.stdin.write(b"k\tv\n" * 20000)
            process.stdin.flush()
            fcntl.fcntl(primary, fcntl.F_SETFL, os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                seen += os.read(primary, 65536)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)
        os.close(primary)
        self.assertIn(b"load", seen)
        self.assertIn(b"/s", seen)


if __name__ == "__main__":
    LSM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
