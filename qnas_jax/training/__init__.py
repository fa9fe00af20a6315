"""Path samplers, the balance pool, training of supernets, networks, populations."""

from qnas_jax.training.balance_pool import merge_pool, pool_members, pool_share
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.candidate import Candidate, Trained
from qnas_jax.training.loop import (
    EpochReport,
    NonFiniteLossError,
    StepFn,
    Totals,
    in_one_call,
    run_epochs,
    steps_in_a_call,
)
from qnas_jax.training.optimizer import (
    SCHEDULES,
    StagedTrainingOptions,
    TrainingOptions,
    make_optimizer,
    make_schedule,
)
from qnas_jax.training.paths import (
    PATH_SAMPLERS,
    PathSampler,
    SamplerState,
    fair_arch,
    initial_sampler_state,
    make_sampler,
)
from qnas_jax.training.population import Judge, PopulationTraining, Run
from qnas_jax.training.retrain import (
    RetrainOptions,
    RetrainState,
    StandaloneModel,
    initial_retrain_state,
    keep_best,
    make_retrain_step,
)
from qnas_jax.training.supernet import SupernetOptions, make_supernet_step
from qnas_jax.training.supernet_state import (
    SupernetState,
    initial_supernet_state,
    map_slots,
)

__all__ = [
    "PATH_SAMPLERS",
    "SCHEDULES",
    "Candidate",
    "EpochReport",
    "Judge",
    "NonFiniteLossError",
    "PathSampler",
    "PopulationTraining",
    "RetrainOptions",
    "RetrainState",
    "Run",
    "SamplerState",
    "StandaloneModel",
    "StepFn",
    "SupernetOptions",
    "SupernetState",
    "Totals",
    "Trained",
    "TrainingBatches",
    "StagedTrainingOptions",
    "TrainingOptions",
    "fair_arch",
    "in_one_call",
    "initial_retrain_state",
    "initial_sampler_state",
    "initial_supernet_state",
    "keep_best",
    "make_optimizer",
    "make_retrain_step",
    "make_sampler",
    "make_schedule",
    "make_supernet_step",
    "map_slots",
    "merge_pool",
    "pool_members",
    "pool_share",
    "run_epochs",
    "steps_in_a_call",
]
