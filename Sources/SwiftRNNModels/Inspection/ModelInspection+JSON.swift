// A look inside as JSON, for C and Python.

extension ModelInspection {
  /// `{"loss": 2.3, "count": 640, "layers": [{"network": "network", "layer": 0, "direction": 0, "gradients": [{"state": "h",
  /// "is_output": true, "norms": [0.1, …]}], "radii": [{"parameter": "network.weight_hh_l0", "gate": "i", "value": 1.2}],
  /// "saturations": [{"name": "i", "low": 0.1, "high": 0.2}]}]}`. Numbers that are not finite are the strings "inf", "-inf"
  /// and "nan", because JSON has no such numbers.
  public var json: JSON {
    [
      "loss": Self.number(loss.mean), "count": .integer(Int64(loss.count)),
      "layers": .array(
        layers.map { layer in
          [
            "network": .string(layer.network), "layer": .integer(Int64(layer.layer)),
            "direction": .integer(Int64(layer.direction)),
            "gradients": .array(
              layer.gradients.map {
                [
                  "state": .string($0.state), "is_output": .bool($0.isOutput),
                  "norms": .array($0.norms.map { Self.number($0) }),
                ]
              }),
            "radii": .array(
              layer.radii.map {
                [
                  "parameter": .string($0.parameter), "gate": .string($0.gate), "value": Self.number($0.value),
                ]
              }),
            "saturations": .array(
              layer.saturations.map {
                ["name": .string($0.name), "low": Self.number($0.low), "high": Self.number($0.high)]
              }),
          ]
        }),
    ]
  }

  private static func number(_ value: Double) -> JSON {
    value.isFinite ? .double(value) : .string(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
  }
}
