"""The model of a finished run, other models of it, and what they say of images."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import load_model
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.jobs.launch import launch
from qnas_jax.runs import RunError, WorkFolder, read_json
from qnas_jax.spaces import arch_to_string

COMMAND = ["python", "main.py"]


def answers(folder, path, said=None):
    setting = open_setting(
        default_config(),
        WorkFolder(folder),
        input=path if path is None else str(path),
        say=(said if said is not None else []).append,
    )
    return [json.loads(line) for line in run_stages(setting, "predict", COMMAND)]


def test_a_finished_run_has_a_model_that_is_the_retrained_winner(finished):
    result = read_json(finished.folder.path / "result.json")
    facts = read_json(finished.folder.path / "model" / "model.json")
    assert facts["network"] == "winner"
    for name in ("arch", "string", "parameters", "macs", "layers", "seed", "space"):
        assert facts[name] == result[name]
    assert facts["accuracy"] == pytest.approx(result["test_accuracy"], abs=1e-6)
    model = load_model(finished.folder.path)
    test = finished.dataset.test
    right = model(test.inputs).argmax(axis=-1) == test.targets
    assert right.mean() == pytest.approx(result["test_accuracy"], abs=1e-6)
    low, high = facts["accuracy_interval"]
    assert low < facts["accuracy"] < high
    assert max(facts["differences"].values()) < 1e-4
    times = facts["latency_ms"]["JAX float32"]
    assert 0 < times["tenth_ms"] <= times["median_ms"] and times["passes"] >= 10
    for name, size in facts["bytes"].items():
        assert (finished.folder.path / "model" / name).stat().st_size == size
    card = (finished.folder.path / "model" / "README.md").read_text()
    assert f"`{result['string']}`" in card
    assert f"{100 * facts['accuracy']:.2f}" in card


def test_a_changed_model_is_noticed(finished, tiny_config, make_setting):
    path = finished.folder.path / "model" / "network.py"
    path.write_text(path.read_text() + "# mine\n")
    with pytest.raises(RunError, match=r"model/network.py: not as the export stage"):
        run_stages(make_setting(tiny_config), "all", COMMAND)


def test_other_networks_can_be_exported(finished, tiny_config, make_setting, quick):
    path = finished.folder.path
    networks = read_json(path / "retrain" / "networks.json")
    other = next(
        np.asarray(arch)
        for arch in np.ndindex(2, 3)
        if list(arch) not in [each["arch"] for each in networks.values()]
    )
    tiny_config.export.arch = arch_to_string(finished.space, other)
    before = read_json(path / "model" / "model.json")
    with pytest.raises(UserError, match=r"export.arch: .*not retrained.*winner: "):
        run_stages(make_setting(tiny_config), "export", COMMAND)
    assert read_json(path / "model" / "model.json") == before

    tiny_config.export.from_supernet = True
    setting = make_setting(tiny_config)
    run_stages(setting, "export", COMMAND)
    facts = read_json(path / "model" / "model.json")
    assert (facts["network"], facts["arch"]) == ("supernet", other.tolist())
    history = path / "search" / "history.jsonl"
    rows = [json.loads(line) for line in history.read_text().splitlines()]
    (row,) = [each for each in rows if each.get("arch") == other.tolist()]
    valid = setting.dataset.valid
    right = load_model(path)(valid.inputs).argmax(axis=-1) == valid.targets
    assert right.mean() == pytest.approx(row["score"], abs=1.01 / len(valid))

    largest = networks["largest"]["arch"]
    tiny_config.export.update(arch=str(largest), from_supernet=False)
    run_stages(make_setting(tiny_config), "export", COMMAND)
    facts = read_json(path / "model" / "model.json")
    assert facts["arch"] == largest
    found = networks["largest"]["test_accuracy"]
    if largest != networks["winner"]["arch"]:
        assert facts["network"] == "largest"
        assert facts["accuracy"] == pytest.approx(found, abs=1e-6)


def test_a_wrong_architecture_is_refused_ahead(finished, tiny_config, make_setting):
    tiny_config.export.arch = "mb1|mb9"
    with pytest.raises(UserError, match="export.arch: .*got op 'mb9' at layer 1"):
        run_stages(make_setting(tiny_config), "export", COMMAND)


def test_flags_of_the_export_are_for_the_export(tmp_path, capsys):
    status = launch(
        default_config(),
        stage="search",
        workdir=tmp_path / "run",
        export={"arch": "skip", "from_supernet": None},
        command=COMMAND,
    )
    assert status == 2
    said = capsys.readouterr().err
    assert "--arch: got it with --stage=search, expected --stage=export" in said


def test_images_of_a_folder_and_of_an_array_get_the_same_answers(finished, tmp_path):
    images = finished.dataset.test.inputs[:3]
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / "deep" / f"{number}.png")
    (folder / "notes.txt").write_text("none")
    np.savez(tmp_path / "images.npz", images=images)
    said = []
    of_folder = answers(finished.folder.path, folder, said)
    assert said == []
    assert [row["image"] for row in of_folder] == [f"deep/{n}.png" for n in range(3)]
    of_array = answers(finished.folder.path, tmp_path / "images.npz")
    assert [row["image"] for row in of_array] == [0, 1, 2]
    names, probabilities = load_model(finished.folder.path).predict(images)
    for row, other, name, probability in zip(
        of_folder, of_array, names, probabilities, strict=True
    ):
        assert row["class"] == other["class"] == name
        assert row["probability"] == other["probability"]
        assert row["probability"] == pytest.approx(probability, abs=1e-5)

    constant = np.full((20, 30, 1), 90, np.uint8)  # resized, it is as before
    np.savez(tmp_path / "large.npz", constant[None])
    np.savez(tmp_path / "small.npz", constant[None, :8, :8])
    large = answers(finished.folder.path, tmp_path / "large.npz", said)
    assert said == ["1 of 1 images resized and cropped to 8 x 8"]
    assert large == answers(finished.folder.path, tmp_path / "small.npz")


def test_what_cannot_be_predicted_is_one_line(finished, tmp_path):
    run = finished.folder.path
    with pytest.raises(UserError, match="--input: got nothing"):
        answers(run, None)
    with pytest.raises(MissingFileError, match="expected a folder or npz"):
        answers(run, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        answers(run, tmp_path / "empty")
    np.savez(tmp_path / "floats.npz", np.zeros((2, 8, 8, 1)))
    with pytest.raises(UserError, match=r"got float64 \[2, 8, 8, 1\], expected uint8"):
        answers(run, tmp_path / "floats.npz")
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    with pytest.raises(UserError, match="got arrays a, b, expected one of images"):
        answers(run, tmp_path / "two.npz")
    shutil.rmtree(run / "model")
    with pytest.raises(MissingFileError, match="holds no model.*--stage=export"):
        answers(run, tmp_path / "floats.npz")


def test_a_hand_made_network_is_exported_by_its_name(
    finished, tiny_config, make_setting, quick
):
    tiny_config.retrain.update(baselines=("resnet8",), compare=False, epochs=1)
    run_stages(make_setting(tiny_config), "retrain", COMMAND)
    path = finished.folder.path
    found = read_json(path / "retrain" / "networks.json")["resnet8"]
    tiny_config.export.update(arch="resnet8", hand_made=True)
    run_stages(make_setting(tiny_config), "export", COMMAND)
    facts = read_json(path / "model" / "model.json")
    assert facts["network"] == "resnet8"
    # The same network beside itself.
    (beside,) = facts["beside"]
    for name in ("network", "parameters", "accuracy", "accuracy_interval", "remarks"):
        assert beside[name] == facts[name]
    assert beside["bytes"]["network.py"] == facts["bytes"]["network.py"]
    assert beside["latency_ms"].keys() == facts["latency_ms"].keys()
    assert "## Beside hand-made networks" in (path / "model" / "README.md").read_text()
    assert facts["string"] == found["string"]
    assert facts["parameters"] == found["parameters"]
    assert facts["accuracy"] == pytest.approx(found["test_accuracy"], abs=1e-6)
    assert facts["remarks"] == []
    tiny_config.export.from_supernet = True
    with pytest.raises(UserError, match="supernet has no network of this name"):
        run_stages(make_setting(tiny_config), "export", COMMAND)
    tiny_config.export.update(arch="random_7", from_supernet=False)
    with pytest.raises(UserError, match="a network that was not retrained.*resnet8: "):
        run_stages(make_setting(tiny_config), "export", COMMAND)
