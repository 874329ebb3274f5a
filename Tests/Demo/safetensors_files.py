"""Files in the format of safetensors, valid and damaged, for test_safetensors.py."""

from __future__ import annotations

U8 = '"dtype":"U8","shape":[2],"data_offsets":[0,2]'
EMPTY = '"dtype":"F32","shape":[0],"data_offsets":[0,0]'


def file(header: bytes | str, data: bytes = b"") -> bytes:
    text = header.encode() if isinstance(header, str) else header
    return len(text).to_bytes(8, "little") + text + data


def one(entry: str, data: bytes = b"") -> bytes:
    return file('{"a":{%s}}' % entry, data)


def typed(dtype: str, shape: str, size: int) -> bytes:
    return one(f'"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{size}]', bytes(size))


BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32,
        "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64}  # fmt: skip

READ = [
    file("{}"), file(" {}"), file("{}  \t\r\n"), file('{"__metadata__":{}}'), file('{"__metadata__":{"a":"b","":""}}'),
    one(EMPTY), one('"dtype":"F32","shape":[0,0],"data_offsets":[0,0]'), one(U8, b"xy"),
    one('"data_offsets":[0,2],"shape":[2,1,1,1,1],"dtype":"U8"', b"xy"),
    file('\n{ "a" :\t{ "dtype" : "U8" , "shape" : [ 2 ] , "data_offsets" : [ 0 , 2 ] } } ', b"xy"),
    file('{"\\u00e4\\ud83d\\ude00\\n\\"\\\\\\/\\b\\f\\r\\t\\u0001":{%s}}' % U8, b"xy"),
    file('{"ä😀\x7f":{%s}}' % U8, b"xy"),
    file('{"\\u005f_metadata__":{"\\uD83D\\uDE00":"\\u0001"}}'), file('{"":{%s}}' % U8, b"xy"),
    one('"dt\\u0079pe":"\\u00558","shape":[2],"data_offsets":[0,2]', b"xy"),
    file('{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{%s}}' % U8, b"xyz"),  # another order
    file('{"b":{"dtype":"F32","shape":[],"data_offsets":[2,6]},"a":{%s}}' % U8, b"xy3456"),  # not aligned
    file('{"a":{%s},"b":{%s},"c":{%s}}' % (EMPTY, U8, EMPTY), b"xy"),
    file('{"c":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},"a":{%s},"b":{%s}}' % (U8, EMPTY), b"xy"),
    typed("F32", "[0,9223372036854775807]", 0), typed("U8", "[9223372036854775807,0]", 0),
    typed("F32", "[288230376151711744,0]", 0),
    *[typed(dtype, "[4,2]", bits) for dtype, bits in BITS.items()],
    *[typed(dtype, "[]", bits // 8) for dtype, bits in BITS.items() if bits % 8 == 0],
]  # fmt: skip

REFUSED = [
    b"", b"\0" * 7, b"\0" * 8, file(""), file("x"), file("[]"), file("[{}]"), file("null"), file("{"), file("}"),
    file("{}}"), file("{},"), file("{}x"), file("{}{}"), file("{}\0"), file("\ufeff{}"), file("{,}"), file("{\f}"),
    file('{"a"}'), file('{"a":}'), file('{"a":1}'), file('{"a":"b"}'), file('{"a":null}'), file('{"a":{}}'),
    file('{"a":[]}'), file("{a:{}}"), file("{}")[:-1], file("{}", b"x"),
    *[size.to_bytes(8, "little") + b"{}" for size in (2**63, 2**64 - 1, 100_000_000, 100_000_001)],
    # Metadata.
    *[file('{"__metadata__":%s}' % value) for value in (
        '{"a":1}', '{"a":null}', '{"a":{}}', "[]", '"a"', '{"a":"b",}', '{},"__metadata__":{}', "{%s}" % U8)],
    # Strings.
    *[file(b'{"%s":{%s}}' % (name, U8.encode()), b"xy") for name in (
        b"\x00", b"\x1f", b"\n", b"\t", b"\x80", b"\xff", b"\xc0\x80", b"\xc3", b"\xe0\x80\x80", b"\xe2\x82",
        b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\\x41", b"\\u12", b"\\u12g4",
        b"\\ud800", b"\\udc00", b"\\ud800\\u0041", b"\\ud800x", b"\\", b"\\u", b"\\ud800\\", b"\\'")],
    # Keys.
    *[one(entry, b"xy") for entry in (
        U8 + ',"dtype":"U8"', U8 + ',"shape":[2]', U8 + ',"data_offsets":[0,2]', '"shape":[2],"data_offsets":[0,2]',
        '"dtype":"U8","data_offsets":[0,2]', '"dtype":"U8","shape":[2]', U8 + ",", '"dtype":"U8" "shape":[2]')],
    # Types, shapes.
    *[one(f'"dtype":{dtype},"shape":[2],"data_offsets":[0,2]', b"xy") for dtype in (
        '"u8"', '""', '"F33"', "8", "null", "[]")],
    *[one(f'"dtype":"U8","shape":{shape},"data_offsets":[0,2]', b"xy") for shape in (
        "[]", "[1]", "[3]", "[2,0]", "[-2]", "[2.0]", "[2e0]", "[02]", "[+2]", "[0x2]", "[2", "2", "[[2]]", "{}",
        "[2,]", "[,2]", "[2 1]", '["2"]', "null", "[true]", "[-0]", "[9223372036854775807]", "[9223372036854775809,2]",
        "[4611686018427387905,4]", "[4294967296,4294967296,2]", "[18446744073709551618]", "[1" + "0" * 400 + "]",
        "[2305843009213693952,8]", "[]]")],
    typed("F4", "[]", 0), typed("F4", "[]", 1), typed("F4", "[3]", 1), typed("F4", "[3]", 2),
    typed("F6_E2M3", "[2]", 2), typed("F32", "[2]", 2), typed("F64", "[1]", 4), typed("BOOL", "[8]", 1),
    typed("C64", "[1]", 16),
    # Offsets.
    *[one(f'"dtype":"U8","shape":[2],"data_offsets":{offsets}', b"xyz") for offsets in (
        "[0,2]", "[1,3]", "[2,0]", "[0,3]", "[]", "[0]", "[0,2,3]", "[-1,1]", "[0,2.0]", '"0,2"',
        "[0,18446744073709551618]", "[18446744073709551614,0]", "[9223372036854775805,9223372036854775807]", "null",
        "{}")],
    file('{"a":{%s},"b":{%s}}' % (U8, U8), b"xy"),  # the same bytes twice
    file('{"a":{%s},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}' % U8, b"xyz"),  # an overlap
    file('{"a":{%s},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}' % U8, b"xyzw"),  # a hole
    file('{"a":{%s},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}' % U8, b"xy"),  # inside another
    file('{"a":{%s},"b":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}}' % U8, b"xyz"),
    one(U8, b"x"), one(U8, b"xyz"), one(U8),
    # Nesting.
    *[file(text * 100_000) for text in ("{", "[", '{"a":', '[{"a":')], one('"shape":' + "[" * 1000 + "]" * 1000),
]  # fmt: skip

# The library reads these. The package does not:
WIDER = {
    "minus": [typed("F32", "[-0]", 0), typed("F32", "[2, -0]", 0), one(EMPTY.replace("[0,0]", "[-0,0]"))],
    "overflow": [typed("F32", "[4294967296,4294967296,2,0]", 0), typed("F32", "[4611686018427387904,8,0]", 0)],
}

# The package reads these. The library does not:
STRICTER = {
    "twice": [  # the format forbids what the package, which keeps the last, lets pass
        file('{"a":{%s},"a":{%s}}' % (U8, U8), b"xy"), file('{"a":{%s},"\\u0061":{%s}}' % (U8, U8), b"xy"),
        file('{"__metadata__":{"a":"b","a":"c"}}'), one(U8 + ',"x":{"b":0,"b":0}', b"xy"),
    ],
    "key": [  # what another version of the format may mean by them is not known
        one(U8 + ',"strides":[1]', b"xy"), one(U8 + ',"x":' + "[" * 20 + "]" * 20, b"xy"), one(U8 + ',"":1.5e3', b"xy"),
        file('{"a":["U8",[2],[0,2]]}', b"xy"), one('"dtype":{"U8":null},"shape":[2],"data_offsets":[0,2]', b"xy"),
    ],
    "null": [file('{"__metadata__":null}')],  # the format wants a map
    "zero": [  # a C string ends there: two names could be one
        file('{"a\\u0000":{%s}}' % U8, b"xy"), file('{"__metadata__":{"\\u0000":""}}'),
        file('{"__metadata__":{"":"\\u0000"}}'),
    ],
    "size": [  # int64_t counts, as everywhere in the library
        typed("U8", "[0,9223372036854775808]", 0), typed("U8", "[0,18446744073709551615]", 0),
    ],
}  # fmt: skip
