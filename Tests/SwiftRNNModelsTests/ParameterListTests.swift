import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct ParameterListTests {
  @Test func placesFollowEachOther() throws {
    var list = ParameterList()
    try list.add("embedding", [("weight", [5, 3])])
    try list.add("linear", [("weight", [4, 3]), ("bias", [4])])
    #expect(list.flatCount == 31)
    #expect(list.infos.map(\.name) == ["embedding.weight", "linear.weight", "linear.bias"])
    #expect(list["linear.bias"] == ModelParameterInfo(name: "linear.bias", shape: [4], offset: 27))
    #expect(list.range(of: "linear") == 15..<31)
    #expect(list.range(of: "line") == 0..<0)
    #expect(throws: RNNError.self) { try list.add("large", [("weight", [.max, 2])]) }
  }
}
