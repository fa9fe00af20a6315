"""The job of a benchmark: many searches of one strategy on a table."""

from qnas_jax.evaluation.tables import table_file
from qnas_jax.jobs.benchmark.options import GROUPS, BenchmarkConfig
from qnas_jax.jobs.benchmark.report import check_benchmark, run_benchmark
from qnas_jax.jobs.inputs import Content, file_content
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Job, Stage
from qnas_jax.jobs.strategies import STRATEGY_FAMILY


def table_content(setting: Setting) -> dict[str, Content]:
    """The file of the table."""
    file = table_file(setting.config.table)
    return {"table": file_content(file, "table")}


SEARCHES = Stage(
    "benchmark",
    run_benchmark,
    ("seed", "table", "search", "constraints", "strategy", "benchmark"),
    ("rows.jsonl", "result.json"),
    check=check_benchmark,
)

BENCHMARK = Job(
    name="benchmark",
    summary="many searches of one strategy on a table, test values read once",
    example="configs/benchmark_nas_bench_201.py",
    config=BenchmarkConfig,
    groups=GROUPS,
    setting=Setting,
    chains={"all": (SEARCHES,)},
    families={"strategy": STRATEGY_FAMILY},
    inputs={"table": table_content},
)
