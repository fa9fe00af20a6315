"""The same work in PyTorch: the supernet of the public BQNAS code, for comparison.

The code itself is not part of this project. Fetch it, and name its folder:

    git clone https://github.com/Cipher2k29/Balanced-Quantum-Neural-Architecture-Search
    python -m experiments.benches.scoring --peer=<that folder>

It needs `pip install torch`. Networks and images are in PyTorch's channels_last form,
which is its faster one on CPU (2.5 x faster than as released).
"""

import copy
import importlib
import itertools
import pathlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

_SPACES = {
    "proxylessnas": (
        "proxylessnas",
        "PROXYLESSNAS_SUPERNET_S_CFG",
        "PROXYLESSNAS_MICRO_CFG",
    ),
    "fbnet_s": ("fbnet", "FBNET_SUPERNET_S_CFG", "FBNET_MICRO_CFG"),
}


def _load(folder: str, package: str, module: str) -> Any:
    """Imports one file; the packages around it do not import as they are."""
    name = "bqnas_public_" + package.replace("/", "_")
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(pathlib.Path(folder) / "lib" / package)]
    return importlib.import_module(f"{name}.{module}")


class TorchPeer:
    """The public supernet at CIFAR size, random weights, one path at a time."""

    def __init__(
        self,
        folder: str,
        space: str,
        images: np.ndarray,
        labels: np.ndarray,
        device: str = "cpu",
    ):
        """Builds the network.

        Args:
          folder: the public code.
          space: proxylessnas or fbnet_s.
          images: float32 [N, 32, 32, 3].
          labels: int [N].
          device: "cpu", or "cuda" for bfloat16 by PyTorch's autocast there.

        Raises:
          ValueError: the folder does not hold that code, or it lacks the space.
        """
        if space not in _SPACES:
            raise ValueError(f"space: got {space!r}, the peer has {list(_SPACES)}")
        if not (pathlib.Path(folder) / "lib" / "model_utils" / "supernet.py").exists():
            raise ValueError(f"peer: got {folder!r}, expected the public BQNAS code")
        import torch

        module, macro_name, micro_name = _SPACES[space]
        plans = _load(folder, "config_file/supernet_config", module)
        supernet = _load(folder, "model_utils", "supernet")
        macro = copy.deepcopy(getattr(plans, macro_name))
        macro["first"][0][3] = 1  # as for ours: the first two strides of 2 become 1
        first = next(layer for layer in macro["search"] if layer[2] == 2)
        first[2] = 1
        macro["last"][-1][2] = 10
        torch.manual_seed(0)
        network = supernet.Supernet(
            macro, getattr(plans, micro_name), 10, "cifar10", "random_search"
        )
        self._torch = torch
        self._network = network.to(device, memory_format=torch.channels_last)
        self._cast = torch.autocast(device, torch.bfloat16, enabled=device != "cpu")
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        pixels = pixels.to(device)
        self._images = pixels.contiguous(memory_format=torch.channels_last)
        self._labels = torch.from_numpy(labels.astype(np.int64)).to(device)
        self._optimizer = torch.optim.SGD(
            network.parameters(), lr=1e-4, momentum=0.9, weight_decay=4e-5
        )

    def score(self, archs: np.ndarray, chunk: int) -> Callable[[], Any]:
        """Accuracies of architectures [P, L] by running statistics, as a call.

        In inference mode, with the normalisations folded into the convolutions before
        them; `chunk` images at once.
        """
        network = folded(self._network)

        def run() -> list[float]:
            accuracies = []
            with self._torch.inference_mode(), self._cast:
                for arch in archs.tolist():
                    network.set_activate_architecture(arch)
                    chunks = zip(
                        self._images.split(chunk),
                        self._labels.split(chunk),
                        strict=True,
                    )
                    hits = [(network(x).argmax(dim=1) == y).sum() for x, y in chunks]
                    accuracies.append(float(sum(hits)) / len(self._labels))
            return accuracies

        return run

    def train(self, archs: np.ndarray, batch: int) -> Callable[[], None]:
        """One step for each architecture on the first images, as a call."""

        def run() -> None:
            self._network.train()
            for arch in archs.tolist():
                self._network.set_activate_architecture(arch)
                with self._cast:
                    logits = self._network(self._images[:batch])
                    loss = self._torch.nn.functional.cross_entropy(
                        logits, self._labels[:batch]
                    )
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()

        return run


def folded(network: Any) -> Any:
    """A copy for inference: each normalisation is a part of the convolution before it.

    Args:
      network: a PyTorch module; a convolution and the normalisation that is called
        next stand next to each other in an `nn.Sequential`.

    Returns:
      A module of the same outputs by running statistics, channels last.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    copied = copy.deepcopy(network).eval()
    for module in copied.modules():
        if not isinstance(module, torch.nn.Sequential):
            continue
        for first, second in itertools.pairwise(list(module._modules)):
            convolution, norm = module._modules[first], module._modules[second]
            if isinstance(convolution, torch.nn.Conv2d) and isinstance(
                norm, torch.nn.BatchNorm2d
            ):
                module._modules[first] = fuse_conv_bn_eval(convolution, norm)
                module._modules[second] = torch.nn.Identity()
    return copied.to(memory_format=torch.channels_last)
