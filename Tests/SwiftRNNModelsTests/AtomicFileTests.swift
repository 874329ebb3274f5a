import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct AtomicFileTests {
  private let system = WritingCalls()
  private let old = Array("old".utf8)
  private let new = [UInt8](repeating: 7, count: 1000)

  private func write(_ bytes: [UInt8], _ path: String, _ calls: WritingCalls = WritingCalls()) throws {
    let file = try AtomicFile(path, calls: calls)
    try bytes.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  @Test func replacesWhatIsThere() throws {
    let folder = try TemporaryFolder()
    try write(old, folder.file("a"))
    #expect(try folder.read("a") == old)
    try new.withUnsafeBytes { try FileSystem.write($0, to: folder.file("a")) }
    #expect(try folder.read("a") == new)
    #expect(try FileSystem.size(of: folder.file("a")) == 1000)
    #expect(folder.names == ["a"])
    try write([], folder.file("empty"))
    #expect(try folder.read("empty") == [])
  }

  @Test func theTemporaryNameSaysWhose() throws {
    let folder = try TemporaryFolder()
    let file = try AtomicFile(folder.file("a"))
    #expect(file.temporaryPath.hasPrefix(folder.file("a.tmp-\(getpid())-")))
    #expect(folder.names.count == 1)
    withExtendedLifetime(file) {}
  }

  /// A write that gives nothing, one that stops in the middle, a flush and a rename that fail.
  @Test func failuresLeaveTheOldFile() throws {
    let folder = try TemporaryFolder()
    try write(old, folder.file("a"))
    func failing(_ change: (inout WritingCalls) -> Void) -> String {
      var calls = WritingCalls()
      change(&calls)
      let found = message { try write(new, folder.file("a"), calls) }
      #expect(folder.names == ["a"])
      #expect((try? folder.read("a")) == old)
      return found
    }
    let path = folder.file("a")
    for limit in [0, 1, 999] {
      var written = 0
      let full = failing {
        $0.write = { descriptor, bytes, count in
          if written == limit {
            errno = ENOSPC
            return -1
          }
          let part = system.write(descriptor, bytes, min(count, limit - written))
          written += part
          return part
        }
      }
      #expect(full == ModelError.system(path, ENOSPC).description)
    }
    #expect(failing { $0.write = { _, _, _ in 0 } } == ModelError.system(path, ENOSPC).description)
    let flush = failing {
      $0.flush = { _ in
        errno = EIO
        return -1
      }
    }
    #expect(flush == ModelError.system(path, EIO).description)
    let move = failing {
      $0.move = { _, _ in
        errno = EXDEV
        return -1
      }
    }
    #expect(move == ModelError.system(path, EXDEV).description)
  }

  @Test func interruptedWritesGoOn() throws {
    let folder = try TemporaryFolder()
    var calls = WritingCalls()
    var round = 0
    calls.write = { descriptor, bytes, count in
      round += 1
      if round % 2 == 1 {
        errno = EINTR
        return -1
      }
      return system.write(descriptor, bytes, min(count, 7))
    }
    try write(new, folder.file("a"), calls)
    #expect(try folder.read("a") == new)
  }

  @Test func withoutCommitNothingIsLeft() throws {
    let folder = try TemporaryFolder()
    do {
      let file = try AtomicFile(folder.file("a"))
      try new.withUnsafeBytes { try file.write($0) }
    }
    #expect(folder.names == [])
  }

  @Test func placesWithoutFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    #expect(message { try write(new, "/proc/nothing") }.hasPrefix("/proc/nothing.tmp-"))
    #expect(message { try write(new, folder.file("none/a")) } == "\(folder.path)/none: No such file or directory")
    #expect(message { try write(new, folder.path) } == "\(folder.path): Is a directory")
    #expect(message { try write(new, "") } == "\"\": an empty path")
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(message { try write(new, pipe) } == "\(pipe): is not a regular file")
    var status = stat()
    #expect(lstat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    #expect(symlink(pipe, folder.file("link")) == 0)
    #expect(message { try write(new, folder.file("link")) } == "\(folder.file("link")): is not a regular file")
    unlink(pipe)
    try write(new, folder.file("link"))
    #expect(try folder.read("link") == new)
    unlink(folder.file("link"))
    #expect(message { try write(new, folder.file("a\0b")) }.hasSuffix("a path with a zero character"))
    #expect(folder.names == [])
  }

  @Test func onlyRegularFilesAreRead() throws {
    let folder = try TemporaryFolder()
    #expect(message { _ = try folder.read("none") } == "\(folder.file("none")): No such file or directory")
    #expect(message { _ = try FileSystem.size(of: folder.path) } == "\(folder.path): is not a regular file")
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    #expect(message { _ = try folder.read("pipe") } == "\(folder.file("pipe")): is not a regular file")
    #expect(message { _ = try folder.read("a\0b") }.hasSuffix("a path with a zero character"))
    try folder.write(new, "a")
    #expect(
      message { _ = try FileSystem.read(folder.file("a"), limit: 999) }.hasSuffix(
        "has 1000 bytes, must have at most 999"))
    #expect(
      try JSON(
        file: {
          try folder.write(Array("[1]".utf8), "j")
          return folder.file("j")
        }()) == [1])
  }
}
