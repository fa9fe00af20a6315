"""What a fused score is made of."""

import dataclasses

from qnas_jax.evaluation.proxies.registry import PROXIES
from qnas_jax.options import OptionError, Options, option

COSTS = ("macs", "params")
"""Terms that a calibration looks at, whatever the terms of the sum are."""

FEWEST = 5
"""Architectures of a reference sample, and networks of a calibration."""


@dataclasses.dataclass(frozen=True)
class FusedOptions(Options):
    """Training-free terms beside a supernet's loss, and how they are weighted.

    Raises:
      OptionError: a value is not allowed, or they do not fit each other.
    """

    terms: tuple[str, ...] = option(
        ("nwot",), "training-free terms beside the loss", choices=PROXIES
    )
    weights: tuple[float, ...] = option(
        (), "one a term; empty: each as much as the supernet", of=float, low=0
    )
    supernet_weight: float = option(1.0, "weight of the supernet's loss", low=0)
    effects_share: float = option(
        0.5,
        "share of that weight which main effects of the ops on the loss have",
        low=0,
        high=1,
    )
    reference: int = option(
        128, "random architectures that values are ranked against", low=FEWEST
    )
    images: int = option(64, "training images that terms look at", low=1)
    calibrate: int = option(
        0,
        "networks of the reference that are trained from scratch (group train) to "
        f"learn the weights from, {FEWEST} or more; 0: the weights above",
        low=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.terms or len(set(self.terms)) < len(self.terms):
            raise OptionError("terms", self.terms, "at least one term, each once")
        if self.weights and len(self.weights) != len(self.terms):
            allowed = f"a number for each of the {len(self.terms)} terms, or none"
            raise OptionError("weights", self.weights, allowed)
        if not any(self.weight_by_name.values()):
            allowed = "a number > 0 where no term has a weight above 0"
            raise OptionError("supernet_weight", self.supernet_weight, allowed)
        if self.calibrate and not FEWEST <= self.calibrate <= self.reference:
            allowed = f"0, or {FEWEST}..{self.reference}, the size of the reference"
            raise OptionError("calibrate", self.calibrate, allowed)

    @property
    def weight_by_name(self) -> dict[str, float]:
        """Weights of the sum, the loss first."""
        weights = self.weights or (self.supernet_weight,) * len(self.terms)
        return {
            "loss": self.supernet_weight * (1 - self.effects_share),
            "effects": self.supernet_weight * self.effects_share,
            **dict(zip(self.terms, weights, strict=True)),
        }

    @property
    def measured(self) -> tuple[str, ...]:
        """Terms that are computed: those of the sum, and costs for a calibration."""
        costs = COSTS if self.calibrate else ()
        return tuple(dict.fromkeys((*self.terms, *costs)))
