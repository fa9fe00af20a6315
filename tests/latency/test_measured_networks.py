"""Measured networks of a file, the names of their ops, the table learnt from them."""

import numpy as np
import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.latency import (
    latency_content,
    learn_latency,
    learn_table,
    of_device,
    read_latency_table,
    read_measured,
    read_samples,
)
from qnas_jax.latency.measuring import LatencyOptions
from qnas_jax.options import OptionError
from qnas_jax.runs import write_json
from qnas_jax.spaces import SPACES, SearchSpace, arch_to_string

SPACE = SearchSpace("two", (("mb1_k3", "mb6_k5_g2"), ("mb1_k3", "mb1_k5", "skip")))
LARGE = SearchSpace("large", (("a", "b", "c"),) * 5)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file_by_hand(tmp_path):
    # The second line has the names of FBNet's samples.
    text = "arch, phone ,tv\nmb1_k3|skip,1.5,2\n k5_e6_g2|k3_e1 ,0.25,1e1\n"
    samples = read_measured(write(tmp_path / "m.csv", text), SPACE)
    assert samples.space is SPACE
    assert samples.archs.tolist() == [[0, 2], [1, 0]]
    assert samples.latency_ms["phone"].tolist() == [1.5, 0.25]
    name, tv = of_device(samples, "tv", "m.csv")
    assert (name, tv.tolist()) == ("tv", [2.0, 10.0])
    for wrong in ("", "radio"):
        with pytest.raises(UserError, match=f"got '{wrong}', expected one of phone, t"):
            of_device(samples, wrong, "m.csv")


def test_an_npz_file_by_hand(tmp_path):
    path = tmp_path / "m.npz"
    content = {
        "ops": [[1, 0], [2, 2]],
        "op_names": ["skip", "k3_e1", "k5_e6_g2"],
        "devices": ["phone"],
        "latency_ms": [[3.0], [4.0]],
    }
    np.savez(path, **{**content, "ops": [[1, 0], [2, 1]]})
    samples = read_measured(path, SPACE)
    assert samples.archs.tolist() == [[0, 2], [1, 0]]
    assert of_device(samples, "", "m.npz")[0] == "phone"
    np.savez(path, **content)
    with pytest.raises(UserError, match="got op 'k5_e6_g2' at layer 1, expected one o"):
        read_measured(path, SPACE)
    np.savez(path, **{**content, "ops": [[1, 0, 0], [2, 2, 0]]})
    with pytest.raises(UserError, match="got 3 layers, expected 2, those of space 'tw"):
        read_measured(path, SPACE)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m.txt", "", "expected measured networks, .csv or .npz"),
        ("m.csv", "", "line 1: got [], expected arch and the names of devices"),
        ("m.csv", "arch\n", "expected arch and the names of devices"),
        ("m.csv", "arch,a,a\n", "expected arch and the names of devices"),
        ("m.csv", "arch,a\n", "got no networks"),
        ("m.csv", "arch,a\nmb1_k3|skip\n", "row 2: got 1 cells, expected 2"),
        ("m.csv", "arch,a\nmb1_k3|skip,x\n", "row 2: got 'x', expected milliseconds"),
        ("m.csv", "arch,a\nmb1_k3|skip,0\n", "a: got 0 ms, expected positive"),
        ("m.csv", "arch,a\nmb1_k3,1\n", "row 2: architecture: got 1 ops, expected 2"),
        ("m.csv", "arch,a\nskip|skip|a,1\n", "row 2: architecture: got 3 ops"),
        ("m.csv", "arch,a\nmb1_k3|k9_e9,1\n", "got op 'mb9_k9' at layer 1"),
    ],
)
def test_what_is_refused(tmp_path, name, text, said):
    path = write(tmp_path / name, text)
    with pytest.raises(UserError) as caught:
        read_measured(path, SPACE)
    line = str(caught.value)
    assert said in line and str(path) in line and "\n" not in line
    with pytest.raises(MissingFileError):
        read_measured(tmp_path / "none.csv", SPACE)


def test_options_without_samples_are_refused():
    assert LatencyOptions(samples="m.csv", device="tv").device == "tv"
    for name in ("device", "references"):
        with pytest.raises(OptionError, match=f"{name}: got 'tv', allowed: empty"):
            LatencyOptions(**{name: "tv"})


def test_public_samples_are_networks_of_the_built_in_space(data_dir):
    path = data_dir / "latency_fbnet_ofa" / "fbnet.npz"
    space = SPACES["fbnet_s"]((32, 32, 3), 10)
    samples, public = read_measured(path, space), read_samples(path, "fbnet")
    assert samples.archs.shape == (5000, 22) and len(samples.latency_ms) == 27
    for row in (0, 4999):
        ours = arch_to_string(space, samples.archs[row]).split("|")
        theirs = arch_to_string(public.space, public.archs[row]).split("|")
        for name, other in zip(ours, theirs, strict=True):
            if other == "skip":
                assert name == "skip"
            else:  # "k3_e1_g2": kernel 3, expansion 1, two groups
                kernel, expansion, *groups = other.split("_")
                expected = [f"mb{expansion[1:]}", kernel, *groups]
                assert name.split("_") == expected


def drawn(count, seed=0):
    """Networks, and what they take if ops add up."""
    rng = np.random.default_rng(seed)
    archs = rng.integers(0, 3, (count, 5)).astype(np.int32)
    effects = np.random.default_rng(9).uniform(1, 3, (5, 3))
    return archs, 4 + effects[np.arange(5), archs].sum(axis=1)


def test_sums_are_learnt_and_can_be_read_as_a_table(tmp_path):
    archs, exact = drawn(60)
    learnt = learn_table(LARGE, archs, exact)
    assert learnt.folds == 10 and learnt.validation.networks == 60
    assert learnt.validation.spearman > 0.999 and learnt.validation.median_error < 1e-3
    write_json(tmp_path / "t.json", latency_content(LARGE, learnt.table))
    table = read_latency_table(tmp_path / "t.json", LARGE)
    others, expected = drawn(200, seed=1)
    np.testing.assert_allclose(table.cost(others)["latency_ms"], expected, rtol=2e-3)


def test_what_is_told_is_of_networks_that_were_held_out():
    """Noise fits a table of 11 free numbers, and predicts nothing."""
    archs, _ = drawn(20)
    noise = np.random.default_rng(2).uniform(1, 2, 20)
    learnt = learn_table(LARGE, archs, noise)
    assert learnt.validation.spearman < 0.4
    # Leave-one-out by hand, where there are no more samples than folds.
    archs, exact = drawn(7)
    learnt = learn_table(LARGE, archs, exact)
    others = [np.delete(np.arange(7), place) for place in range(7)]
    guess = [
        learn_latency(LARGE, archs[rest], exact[rest])(archs[place][None])[0]
        for place, rest in enumerate(others)
    ]
    off = np.median(np.abs(guess - exact) / exact)
    assert learnt.folds == 7
    assert learnt.validation.median_error == pytest.approx(off)


def test_other_devices_help_where_there_are_few_samples():
    archs, exact = drawn(300, seed=3)
    other = learn_latency(LARGE, archs, 5 * exact + 1)
    few = archs[:8], exact[:8]
    alone = learn_table(LARGE, *few)
    helped = learn_table(LARGE, *few, references=[other])
    says = [x.table.cost(archs)["latency_ms"] for x in (alone, helped)]
    errors = [np.median(np.abs(each / exact - 1)) for each in says]
    assert errors[1] < 0.01 < errors[0]
    assert helped.validation.median_error < alone.validation.median_error


def test_tables_that_cannot_be_are_refused():
    archs, exact = drawn(3)
    with pytest.raises(UserError, match="got 3 networks, expected at least 4"):
        learn_table(LARGE, archs, exact)
    archs, exact = drawn(60)
    slow = archs.sum(axis=1) >= 5
    with pytest.raises(UserError, match="fastest one .* -.* ms, expected more than 0"):
        learn_table(LARGE, archs[slow], 0.01 + archs[slow].sum(axis=1) - 5.0)
