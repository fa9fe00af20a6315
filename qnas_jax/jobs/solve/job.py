"""The job of a solver: one cost, minimised by one optimiser."""

from qnas_jax.jobs.inputs import Content, file_content
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.solve.options import GROUPS, OPTIMISER_GROUPS, SolveConfig
from qnas_jax.jobs.solve.solution import check_problem, solve_problem
from qnas_jax.jobs.spec import Family, Job, Stage
from qnas_jax.shipped import shipped_file


def problem_content(setting: Setting) -> dict[str, Content]:
    """The file of the problem."""
    file = shipped_file(setting.config.problem.file)
    return {"problem.file": file_content(file, "problem")}


SOLUTION = Stage(
    "solve",
    solve_problem,
    ("seed", "problem", "solver", "optimiser"),
    ("solution.json",),
    check=check_problem,
)

SOLVE = Job(
    name="solve",
    summary="minimises a QUBO, or a cost fitted to a finished search",
    example="configs/solver_maxcut.py",
    config=SolveConfig,
    groups=GROUPS,
    setting=Setting,
    chains={"all": (SOLUTION,)},
    inputs={"problem": problem_content},
    families={"optimiser": Family("solver.optimiser", OPTIMISER_GROUPS)},
)
