"""Names of the files of a model."""

FOLDER = "model"
SOURCE = "network.py"
WEIGHTS = "weights.safetensors"
STABLEHLO = "network.stablehlo"
ONNX = "network.onnx"
INT8 = "network_int8.onnx"
VOCABULARY = "vocabulary.json"
FACTS = "model.json"
CARD = "README.md"
ALL = (SOURCE, WEIGHTS, STABLEHLO, ONNX, INT8, VOCABULARY, FACTS, CARD)
"""What a folder of a model may hold."""
