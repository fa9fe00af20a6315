"""What can be said at once is said before the first stage, and leaves nothing."""

import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.job import RANK, RETRAIN, SEARCH, SUPERNET
from qnas_jax.jobs.nas.search import check_search
from qnas_jax.options import OptionError
from qnas_jax.user_code.files import place_in_user_code

COMMAND = ["python", "main.py"]


ALL_TRAINED = """
from qnas_jax.spaces import CellSpace, op, register_space

OPS = (op("point", "relu_conv", kernel=1), op("conv", "relu_conv", kernel=3))
register_space(
    "trained",
    lambda shape, classes: CellSpace(
        "trained", shape, classes, num_nodes=2, features=4, stages=1, cells=1, ops=OPS
    ),
)
"""


def refused(setting, stage="all") -> str:
    with pytest.raises(UserError) as caught:
        run_stages(setting, stage, COMMAND)
    assert {path.name for path in setting.folder.path.iterdir()} <= {".lock"}
    return str(caught.value)


@pytest.mark.parametrize("group", ["supernet", "retrain"])
def test_a_batch_larger_than_the_data(tiny_config, make_setting, group):
    tiny_config[group].batch_size = 161
    assert refused(make_setting(tiny_config)) == (
        f"{group}.batch_size: got 161, expected 1..160, the number of training examples"
    )


def test_strata_by_a_cost_in_which_networks_do_not_differ(
    tiny_config, make_setting, tmp_path
):
    (tmp_path / "own.py").write_text(ALL_TRAINED)
    tiny_config.space.update(name="trained", file=str(tmp_path / "own.py"))
    tiny_config.supernet.update(sampler="stratified", strata_by="ops")
    assert refused(make_setting(tiny_config)).startswith(
        "supernet.strata_by: got 'ops' in space 'trained', whose architectures are all "
    )


def test_options_of_a_strategy_that_do_not_fit_the_search(tiny_config, make_setting):
    tiny_config.search.strategy = "regularized_evolution"
    tiny_config.regularized_evolution.parents = 3
    line = "regularized_evolution.parents: got 3, expected at least the population, 4"
    assert refused(make_setting(tiny_config)) == line


def test_a_population_that_no_memory_holds(tiny_config, make_setting):
    tiny_config.search.population = 2**31 - 1
    line = refused(make_setting(tiny_config))
    assert line.startswith("search.population: got 2147483647, allowed: at most ")
    tiny_config.search.population = 2**31
    with pytest.raises(OptionError, match=r"search\.population: got .*, at most 21474"):
        make_setting(tiny_config)


def test_a_search_that_no_memory_remembers(tiny_config, make_setting):
    tiny_config.search.generations = 2**31 - 1
    line = refused(make_setting(tiny_config))
    assert line.startswith("memory_registers.memory: got 0, allowed: 1..")
    assert "(0 stands for all 8589934588 evaluations" in line
    tiny_config.memory_registers.memory = 100
    SEARCH.check(make_setting(tiny_config))


def test_a_space_without_truth_cannot_be_ranked(tiny_config, make_setting):
    line = refused(make_setting(tiny_config), "rank")
    assert line.startswith("space.name: got 'tiny', allowed: one of nas_bench_macro, ")


def test_evaluators_are_made_ahead_unless_they_need_training(tiny_config, make_setting):
    check_search(make_setting(tiny_config))  # the supernet's weights are not asked for
    tiny_config.evaluator.name = "recorded"
    line = refused(make_setting(tiny_config))
    assert line == "recorded.file: got '', allowed: the history.jsonl of a search"
    tiny_config.evaluator.update(name="function", file="nope.py")
    line = refused(make_setting(tiny_config))
    assert line == "evaluator.file: got nope.py, expected a Python file"


def test_an_op_that_does_not_run_is_named_with_its_layer(
    tiny_config, make_setting, tmp_path, space_file
):
    own = space_file.read_text().replace("from qnas", OWN_OP + "from qnas", 1)
    path = tmp_path / "space.py"
    path.write_text(own.replace('op("skip", "skip")', 'op("bad", "bad")'))
    tiny_config.space.file = str(path)
    with pytest.raises(UserError) as caught:
        SUPERNET.check(make_setting(tiny_config))
    assert str(caught.value) == (
        "space 'tiny', block 2 (stem first), op 'bad': ZeroDivisionError: division by "
        "zero; its input is [4, 4, 8], its output is to have 8 features"
    )
    assert place_in_user_code(caught.value) == f"{path}, line 9"


OWN_OP = """
from flax import nnx
from qnas_jax.nets import register_op
class Bad(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        pass
    def __call__(self, images):
        return images / (1 / 0)
register_op("bad", Bad)
"""


@pytest.mark.parametrize("stage", [SUPERNET, SEARCH, RETRAIN])
def test_what_fits_is_not_refused(tiny_config, make_setting, stage):
    stage.check(make_setting(tiny_config))


def test_the_truth_is_read_ahead(tiny_config, make_setting, data_dir):
    tiny_config.space.update(name="nas_bench_macro", file="")
    tiny_config.data.data_dir = str(data_dir)
    archs, truth = RANK.check(make_setting(tiny_config))
    assert len(archs) == len(truth) == 6561
