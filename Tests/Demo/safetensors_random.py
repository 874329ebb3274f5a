"""Random files in the format of safetensors: valid ones, and changes of them that often leave them valid."""

from __future__ import annotations

import random
import re

from safetensors_files import BITS, file

TOKENS = [
    *[mark.encode() for mark in '{}[]":,0123456789-.eE \n\t\\u/'], b'"a":', b'"__metadata__":', b'"dtype":"F32"',
    b'"U8"', b'"shape":[', b'"data_offsets":[0,4]', b"[0,0]", b"[]", b"{}", b"null", b"true", b"\\u0041",
    b"\\ud83d\\ude00", b"\\ud83d", b"\\u0000", b"\0", b"\x1f", b"\xff", "ä".encode(), b"\xed\xa0\x80",
    b"9223372036854775807", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"4294967296",
    b"-1", b"1.0", b"1e1", b"00",
]  # fmt: skip


def valid(draw: random.Random) -> bytes:
    """Some tensors and metadata, in any order, with any white space."""
    entries, end = [], 0
    for name in draw.sample(["a", "b", "weight", "ä", "\\n", "\\ud83d\\ude00", ""], draw.randrange(4)):
        dtype, shape = draw.choice(list(BITS)), [draw.choice([0, 1, 1, 2, 3, 8]) for _ in range(draw.randrange(4))]
        bits = BITS[dtype]
        for number in shape:
            bits *= number
        if bits % 8 != 0:
            continue
        fields = [f'"dtype":"{dtype}"', f'"shape":{shape}', f'"data_offsets":[{end},{end + bits // 8}]']
        draw.shuffle(fields)
        end += bits // 8
        entries.append('"%s":{%s}' % (name, ",".join(fields)))
    if draw.random() < 0.5:
        names = draw.sample("abc", draw.randrange(3))
        entries.append('"__metadata__":{%s}' % ",".join(f'"{name}":"x"' for name in names))
    draw.shuffle(entries)
    space = draw.choice(["", "", " ", "\n"])
    return file("{" + f"{space},{space}".join(entries) + "}" + space, draw.randbytes(end))


def changed(draw: random.Random, content: bytes) -> bytes:
    size = int.from_bytes(content[:8], "little")
    header, data = bytearray(content[8 : 8 + size]), content[8 + size :]
    for _ in range(draw.choice([0, 1, 1, 1, 2, 4])):
        at = draw.randrange(len(header) + 1)
        other = draw.randrange(len(header) + 1)
        numbers = list(re.finditer(rb"\d+", header))
        match draw.randrange(7):
            case 0:
                header[at : at + 1] = draw.choice(TOKENS)
            case 1:
                header[at:at] = draw.choice(TOKENS)
            case 2:
                del header[at : at + draw.choice([1, 1, 2, 10])]
            case 3:
                header[at:at] = header[min(at, other) : max(at, other)][:60]  # twice, more or less
            case 4 if at < len(header):
                header[at] = draw.randrange(256)
            case 5 if numbers:
                number = draw.choice(numbers)
                value = max(0, int(number[0]) + draw.choice([-1, 1, 2, -2, 4, 256, 2**32, 2**63]))
                header[number.start() : number.end()] = str(value).encode()
            case _:
                pieces = re.split(rb"(,)", header)
                draw.shuffle(pieces) if draw.random() < 0.1 else pieces.insert(draw.randrange(len(pieces)), b" ")
                header = bytearray(b"".join(pieces))
    if draw.random() < 0.1:
        data = draw.choice([data[:-1], data + b"\0", data[1:] + data])
    result = file(bytes(header), data)
    return result[: draw.randrange(len(result) + 1)] if draw.random() < 0.02 else result
