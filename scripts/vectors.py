#!/usr/bin/env python3
"""Writes Sources/Kernels/FloatX4.swift and the five other vectors from one template.

    scripts/vectors.py            writes the files
    scripts/vectors.py --check    fails if a file is not what the script would write
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "Sources/Kernels"

TEMPLATE = """\
// Written by scripts/vectors.py.
import Builtin
import CPrimitives

/// {lanes} {scalar} lanes: the vector of {instruction_set}.
///
/// Arithmetic is on the compiler's builtin vectors. The operators of `SIMD{lanes}<{scalar}>` are loops over the elements
/// until LLVM joins them: dozens of instructions for each addition, which the Swift optimizer then carries through every
/// pass.
@frozen public struct {name}: Lanes {{
  public typealias Scalar = {scalar}

  /// One bit for each lane.
  @frozen public struct Mask: BitwiseCopyable {{
    @usableFromInline let lanes: Builtin.Vec{lanes}xInt1
    @inlinable @inline(__always) init(_ lanes: Builtin.Vec{lanes}xInt1) {{ self.lanes = lanes }}
  }}

  @usableFromInline let value: Builtin.{vector}

  @inlinable @inline(__always) init(_ value: Builtin.{vector}) {{ self.value = value }}
  @inlinable @inline(__always) init(_ simd: SIMD{lanes}<{scalar}>) {{ value = simd._storage._value }}
  @inlinable @inline(__always) init(bits: Builtin.{bits}) {{
    value = Builtin.bitcast_{bits}_{vector}(bits)
  }}
  @inlinable @inline(__always) public init(repeating scalar: {scalar}) {{ self.init(SIMD{lanes}(repeating: scalar)) }}

  @inlinable @inline(__always) var simd: SIMD{lanes}<{scalar}> {{
    var simd = SIMD{lanes}<{scalar}>()
    simd._storage._value = value
    return simd
  }}
  @inlinable @inline(__always) var bits: Builtin.{bits} {{
    Builtin.bitcast_{vector}_{bits}(value)
  }}
  @inlinable @inline(__always) static func bits(_ pattern: UInt{width}) -> Builtin.{bits} {{
    SIMD{lanes}(repeating: pattern)._storage._value
  }}

  @inlinable @inline(__always) public static var count: Int {{ {lanes} }}
  @inlinable @inline(__always) public static var accumulators: Int {{ {accumulators} }}

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<{scalar}>) -> Self {{
    UnsafeRawPointer(p).loadUnaligned(as: Self.self)
  }}
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<{scalar}>) {{
    UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self)
  }}
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<{scalar}>, first n: Int) -> Self {{
    Self(swiftrnn_load_{primitive}(p, n))
  }}
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<{scalar}>, first n: Int) {{
    swiftrnn_store_{primitive}(simd, p, n)
  }}

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self {{
    Self(Builtin.fadd_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self {{
    Self(Builtin.fsub_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self {{
    Self(Builtin.fmul_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self {{
    Self(Builtin.fdiv_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {{
    Self(bits: Builtin.xor_{bits}(a.bits, bits(1 &<< {sign})))
  }}
  @inlinable @inline(__always) public func squareRoot() -> Self {{ Self(swiftrnn_square_root_{primitive}(simd)) }}

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {{
{multiply_add}
  }}

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask {{
    Mask(Builtin.fcmp_olt_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask {{
    Mask(Builtin.fcmp_oeq_{vector}(a.value, b.value))
  }}
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {{
    Self(Builtin.select_Vec{lanes}xInt1_{vector}(mask.lanes, a.value, b.value))
  }}

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {{
    let magnitude = Builtin.and_{bits}(bits, Self.bits(~(1 &<< {sign})))
    let sign = Builtin.and_{bits}(other.bits, Self.bits(1 &<< {sign}))
    return Self(bits: Builtin.or_{bits}(magnitude, sign))
  }}

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {{
    Self(bits: Builtin.shl_{bits}(sum.bits, bits({significand})))
  }}

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {{
    let steps = Builtin.shl_{bits}(sum.bits, Self.bits({significand}))
    return Self(bits: Builtin.add_{bits}(bits, steps))
  }}

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {{
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let shifted = Builtin.add_{bits}(bits, Self.bits({one} &- {root_half}))
    let biased = Builtin.lshr_{bits}(shifted, Self.bits({significand}))
    let exponent = Builtin.sub_{bits}(biased, Self.bits({bias}))
    let fraction = Builtin.and_{bits}(shifted, Self.bits({fraction}))
    let significand = Builtin.add_{bits}(fraction, Self.bits({root_half}))
    // A small integer becomes a float by way of the bits of 1.5 * 2^{significand}.
    let magic = Self(repeating: 0x1.8p{significand})
    let number = Self(bits: Builtin.add_{bits}(exponent, magic.bits))
    return (Self.subtract(number, magic), Self(bits: significand))
  }}
}}
"""

FUSED = "    Self(Builtin.int_fma_{vector}(a.value, b.value, c.value))"
# Plain x86-64 has no fused multiply-add.
FUSED_WHERE_POSSIBLE = """\
    #if arch(x86_64)
      add(multiply(a, b), c)  // no FMA here: the builtin would call {function} for every element
    #else
      Self(Builtin.int_fma_{vector}(a.value, b.value, c.value))
    #endif"""

FLOAT = {
    "scalar": "Float", "width": 32, "sign": 31, "significand": 23, "bias": 127, "function": "fmaf",
    "one": "0x3f80_0000", "root_half": "0x3f35_04f3", "fraction": "0x007f_ffff",
}  # fmt: skip
DOUBLE = {
    "scalar": "Double", "width": 64, "sign": 63, "significand": 52, "bias": 1023, "function": "fma",
    "one": "0x3ff0_0000_0000_0000", "root_half": "0x3fe6_a09e_667f_3bcd", "fraction": "0x000f_ffff_ffff_ffff",
}  # fmt: skip
# Bytes of a register, and how many vectors a tile may accumulate in.
INSTRUCTION_SETS = {"SSE2 or NEON": (16, 12), "AVX2": (32, 12), "AVX-512": (64, 24)}


def sources() -> dict[str, str]:
    """The text of each file by its name."""
    files = {}
    for instruction_set, (size, accumulators) in INSTRUCTION_SETS.items():
        for number in (FLOAT, DOUBLE):
            lanes = 8 * size // number["width"]
            name = f"{number['scalar']}X{lanes}"
            words = number | {
                "name": name, "lanes": lanes, "instruction_set": instruction_set, "accumulators": accumulators,
                "vector": f"Vec{lanes}xFPIEEE{number['width']}", "bits": f"Vec{lanes}xInt{number['width']}",
                "primitive": f"f{number['width']}x{lanes}",
            }  # fmt: skip
            words["multiply_add"] = (FUSED_WHERE_POSSIBLE if size == 16 else FUSED).format(**words)
            files[f"{name}.swift"] = TEMPLATE.format(**words)
    return files


def main() -> None:
    """Writes or checks."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    for name, text in sources().items():
        path = FOLDER / name
        if sys.argv[1:] == ["--check"]:
            if path.read_text() != text:
                sys.exit(f"{path.relative_to(ROOT)} is not what scripts/vectors.py writes")
        else:
            path.write_text(text)


if __name__ == "__main__":
    main()
