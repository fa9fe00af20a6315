"""What an export may be told."""

import dataclasses

from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class ExportOptions(Options):
    """Which network becomes a model, and how it is measured.

    Raises:
      OptionError: a value is not allowed.
    """

    arch: str = option(
        "",
        "a retrained network by its name (winner, largest, random_1, resnet8, ...), or "
        "an architecture, as result.json has it or as op numbers; empty: winner",
    )
    from_supernet: bool = option(
        False, "the supernet's weights instead of retrained ones, for any architecture"
    )
    onnx: bool = option(True, "also ONNX and int8 ONNX, if the extra is installed")
    hand_made: bool = option(
        False,
        "also measure the networks of retrain.baselines as models, for a table in the "
        "card",
    )
    calibration_examples: int = option(
        256,
        "training examples that the ranges of int8 activations are taken from",
        low=1,
    )
    tuned_above: float = option(
        1.0,
        "points of validation accuracy (of running text hundredths of a nat a token) "
        "lost in 8 bits above which weights are trained on for them "
        "(quantisation-aware fine-tuning)",
    )
    tuning_steps: int = option(300, "steps of that fine-tuning; 0: never", low=0)
    tuning_batch: int = option(64, "examples of a step of it", low=1)
    tuning_rate: float = option(
        1e-4, "learning rate of it, of Adam; falls to 0", above=0.0
    )
    latency_seconds: float = option(
        0.3, "how long each form of the model is timed with 1 example", above=0
    )
    max_ms: float = option(
        0.0,
        "milliseconds that 1 example may take on one core by onnxruntime: the export "
        "says whether both forms keep them (it chooses nothing; what a search keeps is "
        "constraints.max_latency_ms); 0: any",
        low=0,
    )
