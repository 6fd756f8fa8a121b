"""The tool as a process: usage, exit codes, signals, pipes, terminals.

usage: cli_process_test.py PATH-OF-LSM [unittest arguments]
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import unittest

from lsm_tool import (
    read_file,
    CANCELLED,
    IO_ERROR,
    LOCKED,
    LSM,
    SMALL,
    ToolTest,
    USAGE,
    escape,
    output,
    random_rows,
    run,
    text_rows,
)


class UsageTest(ToolTest):

    def test_wrong_usage(self):
        run("put", self.db, "k", "v")
        for arguments in [
            [],
            ["nonsense"],
            ["get"],
            ["get", self.db],
            ["get", self.db, "k", "extra"],
            ["get", self.db, "k", "--nonsense"],
            ["get", self.db, r"bad\escape"],
            ["put", self.db, "k", r"bad\x1"],
            ["scan", self.db, "--prefix", "\\"],
            ["scan", self.db, "--limit", "0"],
            ["scan", self.db, "--limit", "x"],
            ["get", self.db, "k", "--option", "no_such=1"],
            ["get", self.db, "k", "--option", "novalue"],
            ["get", self.db, "k", "--option", "block_size=1B"],
            ["load", self.db, "--format", "xml"],
            ["scan", self.db, "--progress", "loud"],
            ["sst"],
            ["bench", "nonsense"],
            ["completion", "tcsh"],
        ]:
            done = run(*arguments, code=USAGE)
            self.assertEqual(done.stdout, b"", arguments)
            self.assertTrue(done.stderr.startswith(b"lsm: "), arguments)

    def test_an_unknown_command_is_named(self):
        self.assertIn(b"nonsense is no command", run("nonsense", "a", code=USAGE).stderr)

    def test_an_unknown_option_lists_the_known_ones(self):
        self.assertIn(
            b"memory_budget", run("scan", self.db, "--option", "nonsense=1", code=USAGE).stderr
        )

    def commands(self):
        words = re.findall(
            r"^    '([a-z ]+)'\) options=", output("completion", "bash").decode(), re.M
        )
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
        done = subprocess.run(
            ["bash"], input=script.encode(), stdout=subprocess.PIPE, check=True, timeout=60
        )
        self.assertEqual(done.stdout.split(), [b"dump", b"info", b"verify", b"--blocks"])

    def test_version(self):
        self.assertRegex(output("--version"), rb"^lsm \d+\.\d+\.\d+\n$")


class ExitCodeTest(ToolTest):

    def test_no_database(self):
        missing = self.path("missing")
        for arguments in [
            ["get", missing, "k"],
            ["scan", missing],
            ["delete", missing, "k"],
            ["flush", missing],
            ["export", missing],
            ["verify", missing],
            ["compact", missing],
            ["stats", missing],
            ["compact", missing, "--dry-run"],
            ["levels", missing],
            ["wal", "dump", missing],
            ["manifest", "dump", missing],
            ["sst", "info", missing],
            ["sst", "dump", missing],
            ["sst", "verify", missing],
        ]:
            done = run(*arguments, code=IO_ERROR)
            self.assertIn(b"missing", done.stderr)
            self.assertFalse(os.path.exists(missing), arguments)
        self.assertIn(b"there is no database", run("get", missing, "k", code=IO_ERROR).stderr)
        os.mkdir(missing)
        for arguments in [
            ["get", missing, "k"],
            ["verify", missing],
            ["wal", "dump", missing],
            ["flush", missing],
        ]:
            run(*arguments, code=IO_ERROR)
            self.assertEqual(os.listdir(missing), [], arguments)

    def test_what_only_looks_changes_nothing(self):
        self.load(random_rows(500), *SMALL)
        run("put", self.db, "more", "rows")
        before = self.snapshot_of_files()
        for arguments in [
            ["get", self.db, "more"],
            ["scan", self.db],
            ["export", self.db],
            ["verify", self.db],
            ["stats", self.db],
            ["levels", self.db],
            ["compact", self.db, "--dry-run"],
            ["wal", "dump", self.db],
            ["manifest", "dump", self.db],
            ["sst", "dump", *self.tables()],
            ["sst", "verify", *self.tables()],
        ]:
            run(*arguments)
            self.assertEqual(self.snapshot_of_files(), before, arguments)

    @contextlib.contextmanager
    def a_writer(self):
        """Holds the database open for writing: a load that waits for more input."""

        def start():
            return subprocess.Popen(
                [LSM, "load", self.db], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
            )

        holder = start()
        try:
            deadline = time.monotonic() + 60
            while (
                subprocess.run(
                    [LSM, "stats", self.db], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                ).returncode
                != LOCKED
            ):
                self.assertLess(time.monotonic(), deadline, "the writer never locked the database")
                # The look at the database may itself have kept the writer out.
                if holder.poll() is not None:
                    holder = start()
                time.sleep(0.05)
            yield holder
        finally:
            holder.stdin.close()
            holder.wait(timeout=60)

    def test_locked(self):
        run("put", self.db, "k", "v")
        with self.a_writer():
            for arguments in [
                ["get", self.db, "k"],
                ["put", self.db, "k", "v"],
                ["scan", self.db],
                ["verify", self.db],
                ["compact", self.db],
                ["compact", self.db, "--dry-run"],
                ["export", self.db],
                ["wal", "dump", self.db],
                ["manifest", "dump", self.db],
                ["levels", self.db],
                ["flush", self.db],
                ["delete", self.db, "k"],
            ]:
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
        self.load([(b"%08d" % i, b"%0400d" % i) for i in range(10000)], *SMALL)
        before = output("export", self.db)
        # Its first word about progress finds the pipe full: the signal comes in the middle.
        reader, writer = os.pipe()
        os.write(writer, b" " * fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096))
        process = subprocess.Popen([LSM, "compact", self.db, "--progress", "json"], stderr=writer)
        os.close(writer)
        self.wait_until_it_catches(signal.SIGINT, process.pid)
        process.send_signal(signal.SIGINT)
        with open(reader, "rb") as file:
            told = file.read()
        self.assertEqual(process.wait(timeout=120), CANCELLED, told)
        self.assertIn(b'"progress":"compact"', told)
        run("verify", self.db)
        self.assertEqual(output("export", self.db), before)

    def wait_until_it_catches(self, number, pid):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = read_file(f"/proc/{pid}/status").decode()
            caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
            if int(caught[1], 16) >> (number - 1) & 1:
                return
            time.sleep(0.01)
        self.fail("the tool never got ready for signals")

    def test_full_standard_output(self):
        self.load(random_rows(100))
        run("flush", self.db)
        table = self.tables()[0]
        with open("/dev/full", "wb") as full:
            for arguments in [
                ["scan", self.db],
                ["export", self.db],
                ["get", self.db, escape(random_rows(100)[1][0])],
                ["stats", self.db],
                ["levels", self.db],
                ["verify", self.db],
                ["--help"],
                ["--version"],
                ["sst", "dump", table],
                ["sst", "info", table],
                ["sst", "verify", table],
                ["manifest", "dump", self.db],
                ["completion", "bash"],
            ]:
                done = run(*arguments, code=IO_ERROR, stdout=full)
                self.assertIn(b"standard output", done.stderr)
        run("export", self.db, "/dev/full", code=IO_ERROR)

    def test_closed_standard_output(self):
        self.load([(b"a", b"b")])
        done = subprocess.run(
            ["sh", "-c", '"$0" scan "$1" >&-', LSM, self.db], stderr=subprocess.PIPE, timeout=60
        )
        self.assertEqual(done.returncode, IO_ERROR)
        run("verify", self.db)

    def test_closed_pipe_ends_quietly(self):
        self.load(random_rows(20000))
        run("flush", self.db)
        for arguments in [
            ["scan", self.db],
            ["export", self.db],
            ["export", self.db, "--format", "binary"],
            ["sst", "dump", *self.tables()],
        ]:
            process = subprocess.Popen(
                [LSM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            process.stdout.read(10)
            process.stdout.close()
            with process.stderr:
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


class TerminalTest(ToolTest):

    def test_no_bar_for_quick_work_and_none_off_a_terminal(self):
        done = run("load", self.db, stdin=text_rows(random_rows(100)))
        self.assertNotIn(b"\r", done.stderr)
        primary, secondary = pty.openpty()
        subprocess.run(
            [LSM, "export", self.db], stdout=subprocess.DEVNULL, stderr=secondary, timeout=60
        )
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
    unittest.main()
