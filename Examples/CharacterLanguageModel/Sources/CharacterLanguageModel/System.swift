// What the example needs from the system: files, the terminal, two functions of C's library. Foundation would do as
// well, but is large.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why the example stops: a message for its user.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }

  /// What the system says about its last error.
  static func system(_ what: String) -> Failure { Failure("\(what): \(String(cString: strerror(errno)))") }
}

enum System {
  static func exit(_ status: Int32) -> Never {
    #if canImport(Glibc)
      Glibc.exit(status)
    #else
      Darwin.exit(status)
    #endif
  }

  /// All bytes of a file, which may be a pipe.
  static func readFile(_ path: String) throws(Failure) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw .system("can't read \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard ferror(file) == 0 else { throw .system("can't read \(path)") }
    return bytes
  }

  /// Fails if the file can't be written, without changing it: for finding that out before the work, not after it.
  static func checkWritable(_ path: String) throws(Failure) {
    guard let file = fopen(path, "ab") else { throw .system("can't write \(path)") }
    fclose(file)
  }

  /// Writes the parts one after the other.
  static func writeFile(_ parts: [UnsafeRawBufferPointer], to path: String) throws(Failure) {
    guard let file = fopen(path, "wb") else { throw .system("can't write \(path)") }
    var written = true
    for part in parts where !part.isEmpty {
      written = written && fwrite(part.baseAddress, 1, part.count, file) == part.count
    }
    // The last bytes may only meet the full disk here.
    guard fclose(file) == 0, written else { throw .system("can't write \(path)") }
  }

  /// Writes to standard output, or to standard error, at once.
  static func print(_ bytes: [UInt8], error: Bool = false) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(error ? 2 : 1, $0.baseAddress, $0.count) }
      if written < 0 && errno != EINTR { return }
      rest = rest.dropFirst(max(0, written))
    }
  }

  static func print(_ text: String, error: Bool = false) { print(Array(text.utf8), error: error) }

  /// Whether someone watches: standard output is a terminal.
  static var isTerminal: Bool { isatty(1) == 1 }

  static func log(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.log(x)
    #else
      Darwin.log(x)
    #endif
  }

  static func exp(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.exp(x)
    #else
      Darwin.exp(x)
    #endif
  }

  static func cos(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.cos(x)
    #else
      Darwin.cos(x)
    #endif
  }
}

extension Double {
  /// With a fixed number of digits behind the point: 12.340.
  func formatted(_ digits: Int) -> String {
    guard isFinite, magnitude < 1e12 else { return "\(self)" }
    let scale = (0..<digits).reduce(1) { power, _ in power * 10 }
    let number = Int((magnitude * Double(scale)).rounded())
    let sign = self < 0 && number > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(number)" }
    let fraction = String(number % scale)
    return "\(sign)\(number / scale).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }
}

extension String {
  /// Spaces in front, up to `width` characters.
  func padded(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
}
