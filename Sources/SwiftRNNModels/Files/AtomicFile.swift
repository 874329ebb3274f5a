// A file that is written under another name and takes its own when all of it is on the disk: whoever reads it, and
// whatever fails, there is the old file or the new one.
import CPrimitives

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system's calls that may fail while a file is written. Tests put others in their place.
struct WritingCalls {
  var write: (_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int = {
    #if canImport(Glibc)
      Glibc.write($0, $1, $2)
    #else
      Darwin.write($0, $1, $2)
    #endif
  }
  var flush: (_ descriptor: Int32) -> Int32 = { fsync($0) }
  var move: (_ from: String, _ to: String) -> Int32 = { rename($0, $1) }
}

/// A file that is being written: `<path>.tmp-<process>-<random>` in the same folder, until ``commit()``.
///
/// Whatever fails before the file takes its name, the file that had the name before is as it was, and the temporary one is
/// taken away; so it is where the object goes without a commit. What a killed process leaves behind is the temporary file.
/// A symbolic link is replaced, not followed. Devices, pipes and the like, and links to them, are refused: `rename` would
/// take their place.
final class AtomicFile {
  let path: String
  let temporaryPath: String
  private let calls: WritingCalls
  private let folder: Int32
  private var descriptor: Int32
  private var isCommitted = false

  /// - Throws: ``ModelError/file(path:reason:)``: the folder does not exist or cannot be written to, above all; or the path
  ///   names something that is no file.
  init(_ path: String, calls: WritingCalls = WritingCalls()) throws(ModelError) {
    try ModelError.checkPath(path)
    var status = stat()
    if lstat(path, &status) == 0 {
      let kind = status.st_mode & S_IFMT
      if kind == S_IFDIR { throw .system(path, EISDIR) }
      // A link to a device, such as /dev/stdout, stands for the device; one that leads nowhere is replaced.
      let leadsSomewhere = kind == S_IFLNK && stat(path, &status) == 0
      let isRegular = leadsSomewhere ? status.st_mode & S_IFMT == S_IFREG : kind == S_IFREG || kind == S_IFLNK
      guard isRegular else { throw .file(path: path, reason: "is not a regular file") }
    }
    (self.path, self.calls) = (path, calls)
    var random: UInt64 = 0
    if swiftrnn_random_bits(&random) == 0 {
      // Without random numbers two names might be the same; the second is refused below, and nothing is overwritten.
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      random = UInt64(truncatingIfNeeded: now.tv_sec) << 32 ^ UInt64(truncatingIfNeeded: now.tv_nsec)
    }
    temporaryPath = "\(path).tmp-\(getpid())-\(String(random, radix: 16))"
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folderPath = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    folder = open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .system(folderPath, errno) }
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      close(folder)
      throw .system(temporaryPath, code)
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
    close(folder)
  }

  /// Appends bytes.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``
  func write(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
    guard let start = bytes.baseAddress else { return }
    guard descriptor >= 0 else { throw .file(path: path, reason: "has been written already") }
    var done = 0
    while done < bytes.count {
      let count = calls.write(descriptor, start + done, bytes.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw .system(path, errno)
      }
      // No system does this for a regular file; without an end it would hang here.
      guard count > 0 else { throw .system(path, ENOSPC) }
      done += count
    }
  }

  /// Gives the file its name, when all of it is on the disk.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``. There is one error behind which the new file has its name: where the
  ///   folder cannot be brought to the disk; the reason says so.
  func commit() throws(ModelError) {
    guard descriptor >= 0 else { throw .file(path: path, reason: "has been written already") }
    guard calls.flush(descriptor) == 0 else { throw .system(path, errno) }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 || errno == EINTR else { throw .system(path, errno) }
    guard calls.move(temporaryPath, path) == 0 else { throw .system(path, errno) }
    isCommitted = true
    // Some file systems have no such thing for folders.
    if calls.flush(folder) != 0 && errno != EINVAL && errno != ENOTSUP {
      let code = errno
      guard case .file(_, let reason) = ModelError.system(path, code) else { return }
      throw .file(path: path, reason: "is written, but might not survive a loss of power: its folder: \(reason)")
    }
  }
}
