"""Models that leave the package: source, weights, StableHLO, ONNX."""
