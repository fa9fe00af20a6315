"""The recipes by name: the base, and one change at a time."""

from experiments.recipes import (
    averaged,
    distillation,
    few_shot,
    plain,
    progressive,
    rank_loss,
)
from experiments.recipes.recipe import Recipe

BASE = "base"

OPTIONS = {
    "sampler": "strict_fair",
    "batch_size": 128,
    "learning_rate": 0.1,
    "clip_norm": 10.0,
    "weight_decay": 5e-4,
}
"""Of the base, where they are not the defaults of `SupernetOptions`."""

IMAGES = {"crop_padding": 2, "flip": True, "label_smoothing": 0.0}
"""What the base's training images undergo."""

RECIPES = {
    BASE: Recipe(averaged.train_with((0.95, 0.99))),
    "clip 1": Recipe(plain.train, {"clip_norm": 1.0}),
    "no clipping": Recipe(plain.train, {"clip_norm": 0.0}),
    "batch 64": Recipe(plain.train, {"batch_size": 64, "learning_rate": 0.05}),
    "batch 256": Recipe(plain.train, {"batch_size": 256, "learning_rate": 0.2}),
    "label smoothing 0.1": Recipe(plain.train, images={"label_smoothing": 0.1}),
    "rank loss 0.5": Recipe(rank_loss.train_with(0.5)),
    "distilled from average": Recipe(distillation.from_average(0.99)),
    "largest path distilled": Recipe(plain.train, {"distillation": 0.5}),
    "one path and the largest, distilled": Recipe(
        plain.train, {"sampler": "fair", "distillation": 0.5}
    ),
    "few-shot": Recipe(few_shot.train_with(layer=3, share=0.5)),
    "layers one by one": Recipe(progressive.train_with(0.5)),
    "warm-up 0.1": Recipe(plain.train, {"warmup_epochs": 0.1}),
    "learning rate 0.05": Recipe(plain.train, {"learning_rate": 0.05}),
    "learning rate 0.2": Recipe(plain.train, {"learning_rate": 0.2}),
    "weight decay 0": Recipe(plain.train, {"weight_decay": 0.0}),
    "weight decay 1e-4": Recipe(plain.train, {"weight_decay": 1e-4}),
    "one path a step": Recipe(plain.train, {"sampler": "fair"}),
}
