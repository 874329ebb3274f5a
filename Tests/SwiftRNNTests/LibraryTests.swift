import CSwiftRNN
import SwiftRNN
import SwiftRNNC
import Testing

@Suite struct LibraryTests {
  @Test func versionIsTheHeaders() {
    let header = "\(SWIFTRNN_VERSION_MAJOR).\(SWIFTRNN_VERSION_MINOR).\(SWIFTRNN_VERSION_PATCH)"
    #expect(String(cString: CSwiftRNN.swiftrnn_version()) == header)
  }

  @Test func everyStatusHasItsOwnName() {
    let names = (0...12).map { String(cString: CSwiftRNN.swiftrnn_status_string(swiftrnn_status(rawValue: $0))) }
    #expect(Set(names).count == 13)
    #expect(names[3] == "invalid size")
    #expect(names[10] == "file" && names[12] == "unknown status")
    #expect(String(cString: CSwiftRNN.swiftrnn_status_string(swiftrnn_status(rawValue: .max))) == "unknown status")
  }

  @Test func refusedThreadCountsLeaveAMessage() {
    #expect(CSwiftRNN.swiftrnn_set_num_threads(-3) == SWIFTRNN_STATUS_INVALID_VALUE)
    #expect(String(cString: CSwiftRNN.swiftrnn_last_error()) == "threads is -3, must be in 0...1024")
    #expect(CSwiftRNN.swiftrnn_set_num_threads(.max) == SWIFTRNN_STATUS_INVALID_VALUE)
    #expect(CSwiftRNN.swiftrnn_get_num_threads() >= 1)
  }

  @Test func instructionSetIsTheLibrarys() throws {
    #expect(String(cString: CSwiftRNN.swiftrnn_isa()) == (try InstructionSet.current).rawValue)
  }
}
