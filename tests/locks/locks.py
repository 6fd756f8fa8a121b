#!/usr/bin/env python3
"""Holds the engine's use of its locks against their annotations, by clang's analysis.

What a mutex guards, and which functions need it held, is said in the headers (ABSL_GUARDED_BY,
ABSL_EXCLUSIVE_LOCKS_REQUIRED). Clang proves for every path of every function, constructors and
destructors left out, that it is so; gcc, which builds the product, ignores the annotations.
"""

import concurrent.futures
import functools
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAZEL = "/usr/bin/bazel"
CLANG = "clang++-14"

# Where the headers of other repositories are, seen from Bazel's folder of these.
INCLUDES = ("com_google_absl", "xxhash", "xxhash/include", "zstd/lib")

# Without this, a clang that complains of nothing would prove nothing.
UNSOUND = """\
#include "lsm/base/sync.h"
class Box {
  int size() { return size_; }
  lsm::Mutex mutex_;
  int size_ ABSL_GUARDED_BY(mutex_) = 0;
};
"""


@functools.cache
def flags() -> tuple[str, ...]:
    output_base = subprocess.run([BAZEL, "info", "output_base"], cwd=ROOT, check=True, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()
    external = pathlib.Path(output_base) / "external"
    return ("-std=c++20", "-DXXH_INLINE_ALL", "-Wno-everything", "-Werror=thread-safety",
            f"-I{ROOT}", *(f"-isystem{external / path}" for path in INCLUDES))


def complaints(source: str) -> str:
    """What clang says of a source file's text, or "" where its locks are sound."""
    done = subprocess.run([CLANG, *flags(), "-fsyntax-only", "-x", "c++", "-"], cwd=ROOT,
                          input=source, check=False, text=True, capture_output=True)
    return done.stderr if done.returncode != 0 else ""


def main() -> int:
    if "thread-safety" not in complaints(UNSOUND):
        sys.exit(f"locks: {CLANG} did not notice that a mutex was not taken:\n"
                 f"{complaints(UNSOUND)}")
    sources = sorted(ROOT.glob("lsm/**/*.cc")) + sorted(ROOT.glob("capi/*.cc"))
    unsound = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, said in zip(sources, pool.map(lambda p: complaints(p.read_text()), sources)):
            unsound += said != ""
            if said:
                print(said.replace("<stdin>", str(path.relative_to(ROOT))))
    print(f"locks: {len(sources)} files, {unsound} with accesses that are not locked")
    return 0 if unsound == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
