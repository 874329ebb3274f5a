"""bindings/c/safetensors.h beside the safetensors package: the same verdicts but for those listed, the same contents,
and memory in proportion to the file; under gcc's sanitizers of addresses and undefined behaviour."""

from __future__ import annotations

import json
import os
import random
import subprocess

import pytest
import safetensors
from conftest import ROOT
from safetensors_files import BITS, READ, REFUSED, STRICTER, U8, file, one, typed
from safetensors_random import changed, valid

C = ROOT / "bindings/c"
SOURCES = [C / "safetensors.c", C / "safetensors_header.c", C / "json.c"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
WRAPPED = ["-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free"]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
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
    """Metadata, and the tensors' entries. Of headers that the package reads; raises what the C reader minds."""
    root = json.loads(header.decode(), object_pairs_hook=members)
    metadata = root.pop("__metadata__", {})
    if metadata is None:
        raise Stricter("null")
    for entry in root.values():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise Stricter("key")
        if not isinstance(entry["dtype"], str):
            raise Stricter("key")
        bits = BITS[entry["dtype"]]
        for number in entry["shape"]:
            bits *= number
            if bits > LARGEST or number > LARGEST:
                raise Stricter("size")
    return metadata, root


def checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value + byte) * 31 % 1_000_000_007
    return value


def expected(content: bytes):
    """What the package says, and what the C reader must make of that: "refused", or all that is in the file."""
    try:
        tensors = dict(safetensors.deserialize(content))
    except safetensors.SafetensorError:
        return "refused", None
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        metadata, entries = contents(content[8:end])
    except Stricter as reason:
        return "refused", reason.args[0]
    words = [f"M {name.encode().hex()} {value.encode().hex()}" for name, value in metadata.items()]
    for name, tensor in tensors.items():
        assert bytes(tensor["data"]) == content[end:][slice(*entries[name]["data_offsets"])]
        shape = "".join(f"{number}," for number in tensor["shape"])
        words.append(f"T {name.encode().hex()} {tensor['dtype']} {checksum(tensor['data'])} {shape}")
    return "read", words


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    program = tmp_path_factory.mktemp("reader") / "safetensors_cases"
    command = ["cc", "-std=c11", *SANITIZERS, *WARNINGS, *WRAPPED, f"-I{C}"]
    subprocess.run([*command, ROOT / "Tests/Demo/safetensors_cases.c", *SOURCES, "-o", program], check=True)
    return program


def run(reader, cases: list[bytes], *arguments) -> list[str]:
    frames = b"".join(len(case).to_bytes(8, "little") + case for case in cases)
    # Leaks are counted by the program itself; the sanitizer's own way of looking for them fails under some containers.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    command = [reader, *arguments]
    result = subprocess.run(command, input=frames, capture_output=True, timeout=300, check=False, env=environment)
    assert result.returncode == 0, result.stderr.decode()[-4000:]
    lines = result.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(cases)
    return lines


def check(line: str, case: bytes) -> tuple[str, str | None]:
    """One line of the program beside the package. Returns the verdict, and why the C reader is stricter, if so."""
    verdict, detail = expected(case)
    words, *entries = line.split("\t")
    assert words.startswith(verdict), (line, case[:600])
    # In any order: tensors without data have none among themselves.
    assert verdict == "refused" or sorted(entries) == sorted(detail), (line, case[:600])
    # A first buffer, the header, five times that for what is in it, half of a tensor's data while its buffer grows.
    assert int(words.split()[1]) <= 2 * 65536 + 6 * len(case), (words, len(case), case[:600])
    return verdict, detail if verdict == "refused" else None


def test_valid_files_are_read(reader):
    assert [check(*pair) for pair in zip(run(reader, READ), READ)] == [("read", None)] * len(READ)


def test_damaged_files_are_refused(reader):
    assert [check(*pair) for pair in zip(run(reader, REFUSED), REFUSED)] == [("refused", None)] * len(REFUSED)


@pytest.mark.parametrize("reason", STRICTER)
def test_what_only_the_c_reader_refuses(reader, reason):
    cases = STRICTER[reason]
    assert [check(*pair) for pair in zip(run(reader, cases), cases)] == [("refused", reason)] * len(cases)


def test_errors_say_what_and_where(reader):
    overlap = file('{"a":{%s},"bad\\u001b[31m":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}' % U8, b"xyz")
    cases = {
        overlap: "tensor bad?[31m: its data overlaps another's: it begins at 1, the data before ends at 2",
        file('{"a":{%s},"a":{%s}}' % (U8, U8), b"xy"): "tensor a: is there twice",
        one('"dtype":"F33","shape":[2],"data_offsets":[0,2]', b"xy"): "tensor a: unknown dtype F33",
        one(U8 + ',"strides":[1]', b"xy"): "tensor a: unknown key strides",
        one('"dtype":"F64","shape":[2],"data_offsets":[0,2]', b"xy"):
            "tensor a: data_offsets are [0, 2], but dtype and shape make 16 bytes",
        one(U8, b"x"): "tensor a: the file ends 1 bytes early",
        one(U8, b"xyz"): "bytes behind the last tensor",
        file('{"a"'): "':' is missing at byte 4 of the header",
        file('{"\n":'): "a control character inside a string at byte 2 of the header",
        file("{}")[:9]: "the file ends 1 bytes early",
        b"PK\3\4" + bytes(9): "",
        b"GGUF\3\0\0\0": "a header of 14064895815 bytes, of which the format allows 100000000; is it safetensors?",
    }  # fmt: skip
    for line, message in zip(run(reader, list(cases)), cases.values()):
        assert line.startswith("refused ") and line.endswith(message), line


def test_each_allocation_may_fail(reader):
    """Without a leak, and with a message."""
    cases = [case for case in READ if len(case) < 1000] + [one(U8.replace("2", "200000"), bytes(200_000))]
    lines = run(reader, cases, "--failing")
    assert all(line.startswith("read ") for line in lines)


def test_paths(reader, tmp_path):
    """What is no file, a pipe, and files that are cut while they grow."""
    whole = one(U8.replace("2", "300000"), bytes(300_000))
    paths = {name: tmp_path / name for name in ("whole", "cut", "grown")}
    paths["whole"].write_bytes(whole)
    paths["cut"].write_bytes(whole[:-1])
    paths["grown"].write_bytes(whole + b"\0")
    other = [tmp_path, tmp_path / "nowhere", "/dev/null", "/dev/zero", "/dev/stdin"]
    command = [reader, *paths.values(), *other]
    result = subprocess.run(command, input=whole, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr.decode()
    lines = result.stdout.decode().split("\n")
    assert lines[0].startswith("read ") and lines[7].split()[0] == "read"
    endings = ["ends 1 bytes early", "bytes behind the last tensor", "Is a directory", "No such file or directory",
               "ends 8 bytes early", "'{' is missing at byte 0 of the header"]  # fmt: skip
    for line, ending in zip(lines[1:7], endings):
        assert line.startswith("refused ") and line.endswith(ending), (line, ending)


def test_hostile_sizes(reader):
    """Work and memory in proportion to files of some megabytes: the limit on time is that of `run`."""
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
    for verdict, cases in ("read", valid_files), ("refused", damaged_files):
        assert [check(*pair)[0] for pair in zip(run(reader, cases), cases)] == [verdict] * len(cases)


def test_random_files(reader):
    """SAFETENSORS_SEED and SAFETENSORS_CASES in the environment try others, and more."""
    draw = random.Random(int(os.environ.get("SAFETENSORS_SEED", "1")))
    bases = [*READ[:20], *(case for cases in STRICTER.values() for case in cases)]
    cases = []
    for _ in range(int(os.environ.get("SAFETENSORS_CASES", "20000"))):
        base = valid(draw) if draw.random() < 0.8 else draw.choice(bases)
        cases.append(changed(draw, base))
    found = [check(line, case) for line, case in zip(run(reader, cases), cases)]
    # Worth its time: many of each kind.
    assert sum(verdict == "read" for verdict, _ in found) > len(cases) // 10
    assert sum(verdict == "refused" for verdict, _ in found) > len(cases) // 10
    assert {reason for _, reason in found} == {None, *STRICTER}


def test_c_and_cxx(tmp_path):
    """Without a warning, and each header by itself."""
    for compiler in (["cc", "-std=c11"], ["c++", "-std=c++17", "-x", "c++"]):
        for source in SOURCES:
            subprocess.run([*compiler, *WARNINGS, "-c", source, "-o", tmp_path / "object.o"], check=True)
        for header in ("safetensors.h", "safetensors_header.h", "json.h"):
            (tmp_path / "only.c").write_text(f'#include "{header}"\n')
            command = [*compiler, *WARNINGS, f"-I{C}", "-c", tmp_path / "only.c", "-o", tmp_path / "object.o"]
            subprocess.run(command, check=True)
