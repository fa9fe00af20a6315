"""Path samplers, the balance pool, training of supernets, networks, populations."""

from qnas_jax.training.balance_pool import (
    PoolOptions,
    merge_pool,
    pool_is_due,
    pool_members,
    pool_share,
    with_pool,
)
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.candidate import Candidate, Trained
from qnas_jax.training.guard import Guard, NoFiniteStepError, Trouble, is_sound
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
    PathSampler,
    SamplerState,
    fair_arch,
    initial_sampler_state,
)
from qnas_jax.training.population import Judge, PopulationTraining, Run
from qnas_jax.training.retrain import (
    RetrainOptions,
    RetrainState,
    StandaloneModel,
    failing_place,
    initial_retrain_state,
    keep_best,
    make_retrain_step,
)
from qnas_jax.training.samplers import PATH_SAMPLERS, SamplerOptions, make_sampler
from qnas_jax.training.sandwich import smallest_arch
from qnas_jax.training.strata import STRATA_COSTS, Strata, make_strata
from qnas_jax.training.supernet import (
    SupernetOptions,
    failing_path,
    make_supernet_step,
)
from qnas_jax.training.supernet_state import (
    SupernetState,
    initial_supernet_state,
    map_slots,
)
from qnas_jax.training.threads import num_cores

__all__ = [
    "PATH_SAMPLERS",
    "SCHEDULES",
    "STRATA_COSTS",
    "Candidate",
    "EpochReport",
    "Guard",
    "Judge",
    "NoFiniteStepError",
    "NonFiniteLossError",
    "PathSampler",
    "PoolOptions",
    "PopulationTraining",
    "RetrainOptions",
    "RetrainState",
    "Run",
    "SamplerOptions",
    "SamplerState",
    "StandaloneModel",
    "StepFn",
    "Strata",
    "SupernetOptions",
    "SupernetState",
    "Totals",
    "Trained",
    "TrainingBatches",
    "StagedTrainingOptions",
    "TrainingOptions",
    "Trouble",
    "failing_path",
    "failing_place",
    "fair_arch",
    "in_one_call",
    "initial_retrain_state",
    "initial_sampler_state",
    "initial_supernet_state",
    "is_sound",
    "keep_best",
    "make_optimizer",
    "make_retrain_step",
    "make_sampler",
    "make_schedule",
    "make_strata",
    "make_supernet_step",
    "map_slots",
    "merge_pool",
    "num_cores",
    "pool_is_due",
    "pool_members",
    "pool_share",
    "run_epochs",
    "smallest_arch",
    "steps_in_a_call",
    "with_pool",
]
