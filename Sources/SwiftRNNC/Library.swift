// The library itself: version, messages, instruction set, threads.
import CSwiftRNN
import SwiftRNN

/// The start of a text that lives as long as the process, zero byte included.
private func text(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@implementation @_cdecl("swiftrnn_version")
public func swiftrnn_version() -> UnsafePointer<CChar>! { text("0.1.0") }

@implementation @_cdecl("swiftrnn_status_string")
public func swiftrnn_status_string(_ status: swiftrnn_status) -> UnsafePointer<CChar>! {
  switch status {
  case SWIFTRNN_STATUS_OK: text("ok")
  case SWIFTRNN_STATUS_NULL_POINTER: text("null pointer")
  case SWIFTRNN_STATUS_INVALID_VALUE: text("invalid value")
  case SWIFTRNN_STATUS_INVALID_SIZE: text("invalid size")
  case SWIFTRNN_STATUS_OVERFLOW: text("overflow")
  case SWIFTRNN_STATUS_BUFFER_TOO_SMALL: text("buffer too small")
  case SWIFTRNN_STATUS_MISALIGNED: text("misaligned")
  case SWIFTRNN_STATUS_MISMATCH: text("mismatch")
  case SWIFTRNN_STATUS_OUT_OF_MEMORY: text("out of memory")
  case SWIFTRNN_STATUS_UNSUPPORTED: text("unsupported")
  case SWIFTRNN_STATUS_FILE: text("file")
  case SWIFTRNN_STATUS_INVALID_FORMAT: text("invalid format")
  default: text("unknown status")
  }
}

@implementation @_cdecl("swiftrnn_last_error")
public func swiftrnn_last_error() -> UnsafePointer<CChar>! {
  lastMessage(make: false).map { UnsafePointer($0) } ?? text("")
}

@implementation @_cdecl("swiftrnn_isa")
public func swiftrnn_isa() -> UnsafePointer<CChar>! {
  do {
    return switch try InstructionSet.current {
    case .baseline: text("baseline")
    case .avx2: text("avx2")
    case .avx512: text("avx512")
    }
  } catch {
    record(error)
    return nil
  }
}

@implementation @_cdecl("swiftrnn_set_num_threads")
public func swiftrnn_set_num_threads(_ threads: Int64) -> swiftrnn_status {
  run { () throws(RNNError) in try Threads.setCount(Int(threads)) }
}

@implementation @_cdecl("swiftrnn_get_num_threads")
public func swiftrnn_get_num_threads() -> Int64 { Int64(Threads.count) }
