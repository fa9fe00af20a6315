"""Real 8 x 8 digits (scikit-learn, 1,797 images), a small space, the whole job."""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """The digits run."""
    config = default.get_config()
    config.data.update(source="digits", valid_fraction=0.25, test_fraction=0.2)
    config.space.update(name="digits")
    config.supernet.update(
        epochs=40,
        batch_size=64,
        learning_rate=0.1,
        crop_padding=1,
        pool_every=10,
        pool_images=0,
    )
    config.search.update(
        strategy="qbit",
        generations=25,
        population=16,
        calibration_images=256,
        score_chunk=128,
    )
    config.retrain.update(
        epochs=40,
        batch_size=64,
        learning_rate=0.1,
        warmup_epochs=2.0,
        crop_padding=1,
        ema_decay=0.99,
    )
    return config
