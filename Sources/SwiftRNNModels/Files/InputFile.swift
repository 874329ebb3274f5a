// A file to read from, at any place. No Foundation: the system's own calls, with its own words about what went wrong.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ModelError {
  /// A file error with the system's words for `code`.
  static func system(_ path: String, _ code: Int32) -> ModelError {
    // The thread-safe strerror differs between systems; the buffer is large enough for all messages of both.
    let reason = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      buffer.initialize(repeating: 0)
      // Glibc's wants the message's size, too; the XSI one gives a status. Swift imports the XSI one.
      let status = strerror_r(code, start, buffer.count - 1)
      return status == 0 ? String(cString: start) : "error \(code)"
    }
    return .file(path: path, reason: reason)
  }

  /// Refuses a path that the system would read as another one.
  static func checkPath(_ path: String) throws(ModelError) {
    guard !path.isEmpty else { throw .file(path: "\"\"", reason: "an empty path") }
    guard !path.utf8.contains(0) else { throw .file(path: path, reason: "a path with a zero character") }
  }
}

/// An open file; closed with the last reference. Reads of several threads may overlap: there is no place where it is.
final class InputFile: Sendable {
  let path: String
  /// Its bytes when it was opened.
  let size: Int
  private let descriptor: Int32

  /// - Throws: ``ModelError/file(path:reason:)``, also where the path names no regular file: a folder, or a pipe, which
  ///   might never answer.
  init(_ path: String) throws(ModelError) {
    try ModelError.checkPath(path)
    var descriptor: Int32
    repeat {
      // A pipe without a writer would wait here otherwise. Nothing changes for regular files.
      descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw .system(path, errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .system(path, code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .file(path: path, reason: "is not a regular file")
    }
    (self.path, self.size, self.descriptor) = (path, Int(status.st_size), descriptor)
  }

  deinit { close(descriptor) }

  /// Whether there is something of that name, be it readable or not.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Fills `bytes` with what is at `offset`, 0 or more. On an error it holds some of that.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``, also where the file ends before: it has become shorter.
  func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(ModelError) {
    guard let start = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let count = pread(descriptor, start + done, bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw .system(path, errno)
      }
      guard count > 0 else { throw .file(path: path, reason: "ends before byte \(offset + bytes.count)") }
      done += count
    }
  }
}

/// Operations on files as a whole.
public enum FileSystem {
  /// The bytes of a regular file.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``
  public static func size(of path: String) throws(ModelError) -> Int { try InputFile(path).size }

  /// All bytes of a regular file, which may not be more than `limit`: nothing is asked of memory for those that are.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``; ``ModelError/rnn(_:)`` where memory is lacking.
  static func contents(of path: String, limit: Int) throws(ModelError) -> GrowingBuffer<UInt8> {
    let file = try InputFile(path)
    guard file.size <= limit else {
      throw .file(path: path, reason: "has \(file.size) bytes, must have at most \(limit)")
    }
    let buffer = try GrowingBuffer<UInt8>(capacity: file.size)
    try file.read(UnsafeMutableRawBufferPointer(start: buffer.pointer, count: file.size), at: 0)
    buffer.setCount(file.size)
    return buffer
  }

  /// The same as an array.
  public static func read(_ path: String, limit: Int) throws(ModelError) -> [UInt8] {
    try contents(of: path, limit: limit).array
  }

  /// Writes a file that appears whole or not at all: see `AtomicFile`.
  public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws(ModelError) {
    let file = try AtomicFile(path)
    try file.write(bytes)
    try file.commit()
  }
}

extension JSON {
  /// Reads a file of JSON with at most `limit` bytes.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``, ``ModelError/format(where:what:)``, ``ModelError/rnn(_:)``
  public init(file path: String, limit: Int = 1 << 26, depth: Int = JSON.depthLimit) throws(ModelError) {
    let buffer = try FileSystem.contents(of: path, limit: limit)
    self = try buffer.withElements { (bytes) throws(ModelError) in
      try JSON(parsing: UnsafeRawBufferPointer(bytes), name: path, depth: depth)
    }
  }
}
