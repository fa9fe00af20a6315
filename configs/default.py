"""Every field with its default. Start another configuration from this one.

Fields, meanings and ranges are declared once, in the option records:
`data.DataOptions`, `tasks.TaskOptions`, `spaces.SpaceOptions`,
`training.SupernetOptions`, `search.SearchOptions` with `evaluation.ScoringOptions`,
`training.RetrainOptions`, and what images undergo in the two trainings,
`tasks.ImageTraining`.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The default configuration."""
    return default_config()
