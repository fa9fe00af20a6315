"""The job of an architecture search: its stages and what they read."""

import dataclasses

from qnas_jax.evaluation import EVALUATORS
from qnas_jax.jobs.nas.config import (
    EVALUATOR_FAMILY,
    FRONT_FAMILY,
    FUSED_FAMILIES,
    GROUPS,
    TASK_FAMILIES,
    NasConfig,
    completed,
)
from qnas_jax.jobs.nas.describe import describe_archs
from qnas_jax.jobs.nas.export import EXPORT_FILES, export_model
from qnas_jax.jobs.nas.exported_network import (
    check_export,
    exported_network,
    why_no_model,
)
from qnas_jax.jobs.nas.inputs import INPUTS
from qnas_jax.jobs.nas.latency import check_latency, measure_latency
from qnas_jax.jobs.nas.predict import predict_examples
from qnas_jax.jobs.nas.rank import rank_space
from qnas_jax.jobs.nas.reference import check_reference, evaluate_reference
from qnas_jax.jobs.nas.report import report_run
from qnas_jax.jobs.nas.retrain import check_retraining, retrain_networks
from qnas_jax.jobs.nas.search import check_search, search_architecture
from qnas_jax.jobs.nas.search_ahead import compile_search
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.supernet import ROWS, check_supernet, train_supernet
from qnas_jax.jobs.nas.truth import read_truth
from qnas_jax.jobs.spec import Job, Stage
from qnas_jax.jobs.strategies import STRATEGY_FAMILY

SUPERNET = Stage(
    "supernet",
    train_supernet,
    ("seed", "data", "task", "space", "supernet", "supernet_task"),
    rows=ROWS,
    check=check_supernet,
)
SUPERNET_IF_SCORED = dataclasses.replace(
    SUPERNET, needed=lambda config: EVALUATORS[config.evaluator.name].trains
)
REFERENCE = Stage(
    "reference",
    evaluate_reference,
    ("scoring", *FUSED_FAMILIES, "train_task"),
    needed=lambda config: config.search.score == "fused",
    ready=lambda setting: setting.weights,
    check=check_reference,
)
REFERENCE_IF_SCORED = dataclasses.replace(
    REFERENCE,
    needed=lambda config: (
        SUPERNET_IF_SCORED.needed(config) and REFERENCE.needed(config)
    ),
)
SEARCH = Stage(
    "search",
    search_architecture,
    (
        *SUPERNET.reads[:4],
        *("evaluator", "evaluator_options", "train_task", "search", "strategy"),
        *("front_strategy", "constraints"),
    ),
    ("best_arch.json",),
    ("search",),
    ready=lambda setting: (
        EVALUATORS[setting.config.evaluator.name].trains and setting.weights
    ),
    check=check_search,
    prepare=compile_search,
)
RETRAIN = Stage(
    "retrain",
    retrain_networks,
    ("retrain", "retrain_task"),
    rows=("retrain",),
    check=check_retraining,
)
EXPORT = Stage(
    "export",
    export_model,
    ("scoring", "export"),
    EXPORT_FILES,
    ready=lambda setting: not why_no_model(setting) and exported_network(setting),
    check=check_export,
)
REPORT = Stage("report", report_run, files=("result.json", "spent.json", "report.html"))
RANK = Stage(
    "rank",
    rank_space,
    ("scoring", "search", "rank"),
    ("ranking.json",),
    ready=lambda setting: setting.weights,
    check=read_truth,
)
LATENCY = Stage(
    "latency",
    measure_latency,
    (*SUPERNET.reads[:4], "latency"),
    ("latency.json",),
    check=check_latency,
)
DESCRIBE = Stage("describe", describe_archs)
PREDICT = Stage("predict", predict_examples)

NAS = Job(
    name="nas",
    summary="trains a supernet, searches it, retrains the winner, reports",
    example="configs/digits.py",
    config=NasConfig,
    groups=GROUPS,
    setting=NasSetting,
    chains={
        "all": (
            SUPERNET_IF_SCORED,
            REFERENCE_IF_SCORED,
            SEARCH,
            RETRAIN,
            EXPORT,
            REPORT,
        ),
        "rank": (SUPERNET, REFERENCE, RANK, REPORT),
        "latency": (LATENCY,),
    },
    families={
        "evaluator_options": EVALUATOR_FAMILY,
        "strategy": STRATEGY_FAMILY,
        "front_strategy": FRONT_FAMILY,
        **FUSED_FAMILIES,
        **TASK_FAMILIES,
    },
    inputs=INPUTS,
    answers={"describe": DESCRIBE, "predict": PREDICT},
    completed=completed,
)
