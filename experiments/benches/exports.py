"""Exported models against ours: the worst difference of logits over random subnets.

    python -m experiments.benches.exports [--spaces=digits,...] [--subnets=100]

Each random subnet of each built-in space gets random weights and statistics, is written
as source, weights, StableHLO and ONNX, and read back; logits of 100 images are compared
with those of our own network, for ONNX also at batches of 1 and 3. Prints a row a space.
"""
