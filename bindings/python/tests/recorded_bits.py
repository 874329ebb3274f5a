#!/usr/bin/env python3
"""Compares the bits of everything that the library computes with those that it computed before.

    python bindings/python/tests/recorded_bits.py           # with the recorded ones, on each instruction set here
    python bindings/python/tests/recorded_bits.py --write   # records them anew: only with the reason in CHANGELOG

SWIFTRNN_LIBRARY names the library. recorded_bits/ has a hash of all results of each configuration: one file for the
baseline, one for AVX2 and AVX-512, which give the same bits. Ends with status 1 where a hash differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
FILES = {"baseline": "baseline.txt", "avx2": "fma.txt", "avx512": "fma.txt"}


def digest(results: dict[str, np.ndarray]) -> str:
    """A hash of the names, types, shapes and bits of arrays."""
    found = hashlib.blake2b(digest_size=12)
    for name, array in results.items():
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def compute() -> dict[str, str]:
    """The hash of each configuration, by its name, on this process's instruction set."""
    from recorded_configurations import all_configurations

    return {name: digest(run()) for name, run in all_configurations()}


def computed_on(instruction_set: str) -> dict[str, str]:
    """The same by a process of that instruction set."""
    import swiftrnn

    package = Path(swiftrnn.__file__).resolve().parent.parent
    environment = {
        **os.environ, "SWIFTRNN_ISA": instruction_set, "PYTHONPATH": os.pathsep.join([str(package), str(HERE)])
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).resolve()), "--here"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        raise RuntimeError(f"{instruction_set}: {done.stderr}")
    return parse(done.stdout)


def parse(text: str) -> dict[str, str]:
    """Hashes by name, of lines of a hash and a name."""
    return {name: value for value, name in (line.split(" ", 1) for line in text.splitlines())}


def recorded(instruction_set: str) -> dict[str, str]:
    """The recorded hashes of an instruction set."""
    return parse((HERE / "recorded_bits" / FILES[instruction_set]).read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record the bits of this library in place of the others")
    parser.add_argument("--here", action="store_true", help="print the hashes on this process's instruction set")
    options = parser.parse_args()
    if options.here:
        print("\n".join(f"{value} {name}" for name, value in compute().items()))
        return 0
    from test_bits_instruction_sets import AVAILABLE

    wrong = 0
    for instruction_set in AVAILABLE:
        found = computed_on(instruction_set)
        if options.write:
            text = "".join(f"{value} {name}\n" for name, value in found.items())
            (HERE / "recorded_bits" / FILES[instruction_set]).write_text(text)
            continue
        known = recorded(instruction_set)
        for name in sorted(known.keys() | found.keys()):
            if known.get(name) != found.get(name):
                state = "not recorded" if name not in known else "gone" if name not in found else "other bits"
                print(f"{instruction_set}: {name}: {state}")
                wrong += 1
        print(f"{instruction_set}: {len(found)} configurations")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
