"""Models that leave the package: source, weights, StableHLO, ONNX; and come back."""

from qnas_jax.export import files
from qnas_jax.export.blank import blank_network
from qnas_jax.export.inputs import Images, Inputs, RunningText, Series, Text
from qnas_jax.export.language_model import LanguageModel
from qnas_jax.export.loading import load_model, model_folder
from qnas_jax.export.model import Model
from qnas_jax.export.writing import Written, write_model

__all__ = [
    "Images",
    "Inputs",
    "LanguageModel",
    "Model",
    "RunningText",
    "Series",
    "Text",
    "Written",
    "blank_network",
    "files",
    "load_model",
    "model_folder",
    "write_model",
]
