"""Damaged model files: bindings/c/sample, which loads them by the library, gives a message and the status 1, never a
crash."""

import json
import random
import subprocess

import pytest
from conftest import SAMPLE


class ParameterFile:
    """The demo's file, to be written in other ways."""

    def __init__(self, path):
        self.content = path.read_bytes()
        self.header_size = int.from_bytes(self.content[:8], "little")
        self.header = json.loads(self.content[8 : 8 + self.header_size])
        self.data = self.content[8 + self.header_size :]

    def with_header(self, header) -> bytes:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + self.data

    def changed(self, entry: str, key: str, value) -> bytes:
        copy = json.loads(json.dumps(self.header))
        copy[entry][key] = value
        return self.with_header(copy)

    def without(self, *path: str) -> bytes:
        copy = json.loads(json.dumps(self.header))
        inner = copy
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        return self.with_header(copy)


@pytest.fixture(scope="module")
def file(run) -> ParameterFile:
    return ParameterFile(run.parameters)


@pytest.fixture
def sample(tmp_path):
    def sample(content: bytes) -> subprocess.CompletedProcess:
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        return subprocess.run([SAMPLE, path, "--length", "20"], capture_output=True, timeout=60, check=False)

    return sample


def damaged(file: ParameterFile) -> list[bytes]:
    header, size = file.header, file.header_size
    lengths = [*range(12), 8 + size // 2, 7 + size, 8 + size, len(file.content) - 1]
    cases = [file.content[:length] for length in lengths]
    cases += [length.to_bytes(8, "little") + file.content[8:] for length in (2**64 - 1, 2**63, 0, 1)]
    begin, end = header["output.bias"]["data_offsets"]
    for offsets in ([0, 2**63], [2**63 - 5, 2**63 - 1], [4, 0], [1, 1025], [], [0], [0, 1024, 2048], [-4, 1020],
                    [begin + 4, end + 4], [begin, end - 4]):
        cases.append(file.changed("output.bias", "data_offsets", offsets))
    for shape in ([], [0], [0, 0], [255], [256, 1], [256, 1, 1], [2**62, 4], [2**32, 2**32], [-256], "256", [10**30]):
        cases.append(file.changed("output.bias", "shape", shape))
    for dtype in ("F64", "F16", "", 4, None):
        cases.append(file.changed("output.bias", "dtype", dtype))
    configuration = header["__metadata__"]["configuration"]
    assert configuration.count("24") == 1, "the hidden size"
    for text in ("0", "-24", "25", "2.4e1", "24.0", "1048576", "9" * 30, '"24"', "null", "[24]", "24, 24", ""):
        cases.append(file.changed("__metadata__", "configuration", configuration.replace("24", text)))
    for text in ("", "x", "{}", "[]", "{" * 1000, configuration + "x", configuration.replace("lstm", "gru"),
                 configuration.replace("language_model", "tagger"), configuration.replace("lstm", "lstn"),
                 configuration.replace('"kind"', '"kinds"'), None, 8):
        cases.append(file.changed("__metadata__", "configuration", text))
    for text in ("", "swiftrnn model 2", None):
        cases.append(file.changed("__metadata__", "format", text))
    cases += [file.without("__metadata__", key) for key in ("configuration", "format", "vocabulary")]
    cases += [file.without(name) for name in header]
    cases += [file.without("output.bias", key) for key in header["output.bias"]]
    texts = (b"", b"{", b"{}", b"[]", b"{" * 1000, b'{"a":' * 1000, b'{"' + b"a" * 1000)
    cases += [file.with_header(text) for text in texts]
    cases.append(file.with_header(json.dumps(header).encode() + b"x"))
    return cases


def test_damaged_files_are_refused(file, sample):
    for content in damaged(file):
        result = sample(content)
        assert result.returncode == 1 and result.stderr.startswith(b"sample: ") and not result.stdout, content[:600]


def test_other_writers_files_are_read(file, sample):
    """Other spaces, another order, escapes."""
    expected = sample(file.content)
    assert expected.returncode == 0 and len(expected.stdout) == 20
    spaced = json.dumps(file.header, indent=2).encode()
    escaped = json.dumps(file.header).replace("output.bias", "output\\u002ebias").encode()
    for header in (spaced, escaped, dict(reversed(file.header.items()))):
        assert sample(file.with_header(header)).stdout == expected.stdout


def test_random_changes_of_the_header(file, sample):
    """Whatever they mean: nothing worse than a message."""
    generator = random.Random(1)
    for _ in range(300):
        content = bytearray(file.content)
        for _ in range(generator.choice([1, 1, 2, 5])):
            byte = generator.choice([*b'{}[]",:0123456789 ', generator.randrange(256)])
            content[generator.randrange(8 + file.header_size)] = byte
        result = sample(bytes(content))
        assert result.returncode in (0, 1), (result, bytes(content[: 8 + file.header_size]))
