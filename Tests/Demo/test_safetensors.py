"""swiftrnn_tensors_load beside the safetensors package: the same verdicts but for those listed, the same contents, and
memory in proportion to the file."""

from __future__ import annotations

import json
import os
import pathlib
import random
import re
import subprocess

import pytest
import safetensors
from conftest import ROOT
from safetensors_files import READ, REFUSED, STRICTER, U8, WIDER, file, one, typed
from safetensors_random import changed, valid

# This tree's library.
LIBRARY = pathlib.Path(os.environ.get("SWIFTRNN_LIBRARY", ROOT / "build/release/libswiftrnn.so"))
LARGEST = 2**63 - 1


class Stricter(Exception):
    pass


def members(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise Stricter("twice")
    for name, value in pairs:
        if "\0" in name or (isinstance(value, str) and "\0" in value):
            raise Stricter("zero")
    return dict(pairs)


def contents(header: bytes):
    """Metadata, and the tensors' entries. Of headers that the package reads; raises what the library minds."""
    root = json.loads(header.decode(), object_pairs_hook=members)
    metadata = root.pop("__metadata__", {})
    if metadata is None:
        raise Stricter("null")
    for entry in root.values():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise Stricter("key")
        if not isinstance(entry["dtype"], str):
            raise Stricter("key")
        if any(number > LARGEST for number in entry["shape"]):
            raise Stricter("size")
    return metadata, root


def checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value + byte) * 31 % 1_000_000_007
    return value


def expected(content: bytes):
    """What the package says, and what the library must make of that: "refused", or "read" and all that is in the file.
    "": either, where only the package minds that a product overflows, though there is no element."""
    try:
        tensors = dict(safetensors.deserialize(content))
    except safetensors.SafetensorError as error:
        shapes = re.findall(rb'"shape"\s*:\s*\[([^\]]*)', content)
        if "overflow" in str(error) and any(re.search(rb"\b0\b", shape) for shape in shapes):
            return "", None
        plain = re.sub(rb"([\[,]\s*)-0(?=\s*[,\]])", rb"\1 0", content)
        return ("refused", None) if plain == content else expected(plain)
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        metadata, entries = contents(content[8:end])
    except Stricter as reason:
        return "refused", reason.args[0]
    keys = [name for name in ("", "a", "b", "c") if name in metadata]  # those that the program asks for
    words = [f"M {name.encode().hex()} {metadata[name].encode().hex()}" for name in keys]
    for name, tensor in tensors.items():
        assert bytes(tensor["data"]) == content[end:][slice(*entries[name]["data_offsets"])]
        shape = "".join(f"{number}," for number in tensor["shape"])
        words.append(f"T {name.encode().hex()} {tensor['dtype']} {checksum(tensor['data'])} {shape}")
    return "read", words


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The lines that the program prints of cases, and the memory in KiB that it had at most."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("libswiftrnn.so", "libswiftrnn.so.0"):
        (folder / name).symlink_to(LIBRARY)
    program = folder / "safetensors_cases"
    flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'include'}"]
    link = [f"-L{folder}", "-lswiftrnn", f"-Wl,-rpath,{folder}"]
    subprocess.run(["cc", *flags, ROOT / "Tests/Demo/safetensors_cases.c", "-o", program, *link], check=True)

    def run(cases: list[bytes]) -> tuple[list[str], int]:
        frames = b"".join(len(case).to_bytes(8, "little") + case for case in cases)
        command = [program, folder / "case"]
        result = subprocess.run(command, input=frames, capture_output=True, timeout=300, check=False)
        assert result.returncode == 0, result.stderr.decode()[-4000:]
        *lines, resident = result.stdout.decode().split("\n")[:-1]
        assert len(lines) == len(cases)
        return lines, int(resident.removeprefix("resident "))

    return run


def check(line: str, case: bytes) -> tuple[str, str | None]:
    """One line of the program beside the package. Returns the verdict, and why the library is stricter, if so."""
    verdict, detail = expected(case)
    words, *entries = line.split("\t")
    assert words.startswith(verdict), (line[:600], case[:600])
    # In any order: tensors without data have none among themselves.
    assert verdict != "read" or sorted(entries) == sorted(detail), (line[:600], case[:600])
    return verdict, detail if verdict == "refused" else None


def checked(reader, cases: list[bytes]) -> list[tuple[str, str | None]]:
    return [check(*pair) for pair in zip(reader(cases)[0], cases)]


def test_valid_files_are_read(reader):
    assert checked(reader, READ) == [("read", None)] * len(READ)


def test_damaged_files_are_refused(reader):
    assert checked(reader, REFUSED) == [("refused", None)] * len(REFUSED)


@pytest.mark.parametrize("reason", STRICTER)
def test_only_the_library_refuses(reader, reason):
    assert checked(reader, STRICTER[reason]) == [("refused", reason)] * len(STRICTER[reason])


@pytest.mark.parametrize("reason", WIDER)
def test_only_the_library_reads(reader, reason):
    for case, line in zip(WIDER[reason], reader(WIDER[reason])[0]):
        with pytest.raises(safetensors.SafetensorError):
            safetensors.deserialize(case)
        assert line.startswith("read\tT 61 F32 0 "), line


def test_hostile_sizes(reader):
    """Work and memory in proportion to files of some megabytes: the limit on time is that of `reader`."""
    many = 100_000
    tensor = '"%d":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}'
    valid_files = [
        file('{"' + ":" * 4_000_000 + '":{%s}}' % U8, b"xy"),
        file('{"' + "\\u0041" * 500_000 + '":{%s}}' % U8, b"xy"),
        file('{"__metadata__":{' + ",".join(f'"{i}":""' for i in range(many)) + "}}"),
        file("{" + ",".join(tensor % (i, 0, 0, 0) for i in range(many)) + "}"),
        file("{" + ",".join(tensor % (i, 1, i, i + 1) for i in range(many)) + "}", bytes(many)),
        typed("F32", "[" + "0," * 1_000_000 + "0]", 0),
        typed("F32", "[" + "1," * 1_000_000 + "1]", 4),
        one('"dtype":"U8","shape":[3000000],"data_offsets":[0,3000000]', bytes(3_000_000)),
    ]
    damaged_files = [
        file("{" + ":" * 4_000_000),
        file('{"__metadata__":{' + '"":"",' * 500_000 + '"":""}}'),
        file("{" + ",".join(tensor % (0, 0, 0, 0) for i in range(many)) + "}"),
        one('"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]', b"xy"),
        one('"dtype":"U8","shape":[288230376151711744],"data_offsets":[0,288230376151711744]', b"xy"),
        (99_999_999).to_bytes(8, "little") + b"{" + b" " * 1_000_000,
    ]
    _, least = reader([file("{}")])
    for verdict, cases in ("read", valid_files), ("refused", damaged_files):
        for case in cases:
            (line,), resident = reader([case])
            assert check(line, case)[0] == verdict
            # Most for a header of numbers: two bytes of text each, and 16 of a value of JSON, 8 of an extent twice.
            assert (resident - least) * 1024 <= 2**20 + 24 * len(case), (resident - least, len(case), case[:60])


def test_random_files(reader):
    """SAFETENSORS_SEED and SAFETENSORS_CASES in the environment try others, and more."""
    draw = random.Random(int(os.environ.get("SAFETENSORS_SEED", "1")))
    bases = [*READ[:20], *(case for cases in STRICTER.values() for case in cases)]
    cases = []
    for _ in range(int(os.environ.get("SAFETENSORS_CASES", "20000"))):
        base = valid(draw) if draw.random() < 0.8 else draw.choice(bases)
        cases.append(changed(draw, base))
    found = checked(reader, cases)
    # Worth its time: many of each kind.
    assert sum(verdict == "read" for verdict, _ in found) > len(cases) // 10
    assert sum(verdict == "refused" for verdict, _ in found) > len(cases) // 10
    assert {reason for _, reason in found} == {None, *STRICTER}
