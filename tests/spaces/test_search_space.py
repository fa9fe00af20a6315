"""Specifications: frozen, hashable, and checked when they are built."""

import copy
import dataclasses
import pickle

import pytest

from qnas_jax.spaces import Layer, NetworkSpace, Op, SearchSpace, chain, fixed, op

RAGGED = SearchSpace("ragged", (("a", "b", "c"), ("x",), ("u", "v", "w", "y", "z")))
HEAD = (fixed(8, 8, 1, "global_average"), fixed(8, 3, 1, "classifier"))
OPS = (op("mb", "mbconv", kernel=3), op("skip", "skip"))


def network(**changes):
    fields = {
        "name": "tiny",
        "layers": chain(4, [(8, 2), (8, 1)], OPS),
        "stem": (fixed(1, 4, 1, "conv"),),
        "head": HEAD,
        "input_shape": (8, 8, 1),
        "num_classes": 3,
    }
    return NetworkSpace(**(fields | changes))


def test_numbers_of_a_ragged_space():
    assert RAGGED.num_layers == 3
    assert RAGGED.num_ops == (3, 1, 5)
    assert RAGGED.max_ops == 5
    assert RAGGED.size == 15
    assert SearchSpace("big", (("a", "b", "c", "d"),) * 40).size == 4**40


def test_equal_words_are_equal_spaces():
    assert network() == network() and hash(network()) == hash(network())
    assert network() != network(name="other")
    assert len({network(), network(), network(num_classes=3)}) == 1
    for again in (copy.deepcopy(network()), pickle.loads(pickle.dumps(network()))):
        assert again == network() and again.num_ops == (2, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        network().name = "changed"


def test_lists_are_as_good_as_tuples():
    layers = [Layer(4, 8, 2, list(OPS)), Layer(8, 8, 1, list(OPS))]
    stem, head = [fixed(1, 4, 1, "conv")], list(HEAD)
    listed = network(layers=layers, stem=stem, head=head, input_shape=[8, 8, 1])
    assert listed == network() and hash(listed) == hash(network())


def test_a_chain_hands_on_its_features():
    layers = chain(4, [(8, 2), (8, 1), (16, 2)], OPS)
    assert [(x.in_features, x.out_features, x.stride) for x in layers] == [
        (4, 8, 2),
        (8, 8, 1),
        (8, 16, 2),
    ]
    assert all(layer.ops == OPS for layer in layers)


def test_choices_and_blocks_follow_from_the_layers():
    space = network()
    assert space.choices == (("mb", "skip"), ("mb", "skip"))
    assert space.blocks == (*space.stem, *space.layers, *space.head)


def test_options_are_sorted_so_that_their_order_does_not_matter():
    assert op("a", "k", kernel=3, expansion=6) == op("a", "k", expansion=6, kernel=3)


@pytest.mark.parametrize("name", ["", "a|b", "a b", "a,b", "a\n"])
def test_op_names_survive_in_strings(name):
    with pytest.raises(ValueError, match="op name: got .* expected a word"):
        Op(name, "skip")


def test_op_options_are_plain_values():
    with pytest.raises(ValueError, match=r"op 'a', option sizes: got \[3\], expected"):
        op("a", "mbconv", sizes=[3])


@pytest.mark.parametrize("field", ["in_features", "out_features", "stride"])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "4"])
def test_layers_have_whole_positive_shapes(field, value):
    shape = {"in_features": 4, "out_features": 4, "stride": 1} | {field: value}
    with pytest.raises(ValueError, match=f"layer {field}: got {value!r}, expected an"):
        Layer(**shape, ops=OPS)


def test_empty_and_repeated_choices_are_refused():
    with pytest.raises(ValueError, match="space 'x': got no layers"):
        SearchSpace("x", ())
    with pytest.raises(ValueError, match="space 'x', layer 1: got no ops"):
        SearchSpace("x", (("a",), ()))
    with pytest.raises(ValueError, match=r"layer 0: got repeated op names \['a', 'a'"):
        SearchSpace("x", (("a", "a", "b"),))
    with pytest.raises(ValueError, match="space 'tiny', layer 0: got repeated"):
        network(layers=chain(4, [(8, 1)], (*OPS, op("mb", "mbconv", kernel=5))))
    with pytest.raises(ValueError, match="space 'tiny': got no layers"):
        network(layers=())


def test_a_broken_chain_names_the_block():
    with pytest.raises(ValueError, match="block 0 .stem first.: got in_features=1, ex"):
        network(input_shape=(8, 8, 3))
    with pytest.raises(ValueError, match="block 1 .* got in_features=5, expected 4,"):
        network(layers=chain(5, [(8, 1)], OPS))
    with pytest.raises(
        ValueError, match="ends with 3 features, expected num_classes=7"
    ):
        network(num_classes=7)


@pytest.mark.parametrize("part", ["stem", "head"])
def test_fixed_blocks_have_no_choice(part):
    space = network()
    first, *rest = getattr(space, part)
    two = dataclasses.replace(first, ops=OPS)
    with pytest.raises(ValueError, match=f"a {part} block has one op"):
        network(**{part: (two, *rest)})
