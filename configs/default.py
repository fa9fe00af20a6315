"""Every field with its default. Start another configuration from this one.

Fields, meanings and ranges are declared once, in the option records:
`data.DataOptions`, `tasks.TaskOptions`, `spaces.SpaceOptions`,
`training.SupernetOptions`, `evaluation.ScoringOptions`, `searching.SearchOptions`,
`training.RetrainOptions`, what images undergo in the two trainings,
`tasks.ImageTraining`, and the record of each strategy, whose group has its name:
`--config.qudit.angle=0.1`.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The default configuration."""
    return default_config()
