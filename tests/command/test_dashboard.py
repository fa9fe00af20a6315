"""How far a run is, from what lies in its folder."""

import http.client
import json
import threading

import pytest

from qnas_jax.command.dashboard import DONE, WORKING, sparkline, watch
from qnas_jax.command.serving import make_server, page
from qnas_jax.command.watching import run
from qnas_jax.errors import MissingFileError


@pytest.fixture
def folder(tmp_path):
    """A run in the midst of its retraining."""
    path = tmp_path / "<run>"
    for stage in ("supernet", "search", "retrain"):
        (path / stage).mkdir(parents=True)
        (path / stage / "started.json").write_text("{}")
        if stage != "retrain":
            (path / stage / "done.json").write_text("{}")
    groups = {"supernet": {"epochs": 2}, "search": {"generations": 2}}
    config = {**groups, "retrain": {"epochs": 4}}
    (path / "config.json").write_text(json.dumps(config))
    rows = [
        {"stage": "supernet", "epoch": 1, "loss": 2.0, "accuracy": 0.5},
        {"stage": "supernet", "epoch": 2, "loss": 1.0, "accuracy": 0.75},
        {"stage": "search", "generation": 0, "best": 0.5, "mean": 0.25},
        {"stage": "search", "generation": 1, "best": 0.75, "mean": 0.5},
        {"stage": "retrain", "network": "winner", "epoch": 1, "loss": 3.0},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (path / "metrics.jsonl").write_text(text + '{"stage": "retr')
    return path


def test_parts_have_steps_values_and_curves(folder):
    supernet, search, retrain = watch(folder).parts
    assert (supernet.name, supernet.state, supernet.step) == ("supernet", DONE, 2)
    assert supernet.curve == (2.0, 1.0)
    assert supernet.values == {"loss": 1.0, "accuracy": 0.75}
    assert (search.step, search.total, search.curve) == (2, 2, (0.5, 0.75))
    assert (retrain.name, retrain.state) == ("retrain winner", WORKING)
    assert (retrain.step, retrain.total) == (1, 4)
    assert not watch(folder).finished


def test_a_run_is_finished_when_all_is_done(folder):
    (folder / "result.json").write_text('{"test_accuracy": 0.5}')
    assert not watch(folder).finished
    (folder / "retrain" / "done.json").write_text("{}")
    assert watch(folder).finished


def test_a_network_is_done_with_its_last_epoch(folder):
    with open(folder / "metrics.jsonl", "a") as file:
        row = {"stage": "retrain", "network": "winner", "epoch": 4, "loss": 1.0}
        other = {"stage": "retrain", "network": "largest", "epoch": 1, "loss": 1.0}
        file.write(f"\n{json.dumps(row)}\n{json.dumps(other)}\n")
    states = {part.name: part.state for part in watch(folder).parts}
    assert states["retrain winner"] == DONE and states["retrain largest"] == WORKING


@pytest.mark.parametrize(
    ("values", "drawn"),
    [((), ""), ((1.0,), "▁"), ((0.0, 1.0, 0.5), "▁█▅"), ((2.0, 2.0), "▁▁")],
)
def test_a_sparkline_by_hand(values, drawn):
    assert sparkline(values) == drawn


def test_a_long_sparkline_ends_with_the_last_value():
    drawn = sparkline([0.0] * 999 + [1.0])
    assert len(drawn) <= 21 and drawn[-1] == "█" and set(drawn[:-1]) == {"▁"}


def test_it_is_printed_once_off_a_terminal(folder, capsys):
    assert run([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "retrain winner" in out and "1 of 4" in out
    with pytest.raises(MissingFileError):
        run([str(folder / "supernet")])


def get(port, path="/", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_the_page_is_served_to_this_machine_alone(folder):
    with make_server(folder, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_port
        status, text = get(port)
        assert status == 200 and "retrain winner" in text and "http-equiv" in text
        assert "<run>" not in text and "&lt;run&gt;" in text
        assert get(port, "/config.json")[0] == 404
        assert get(port, host="evil.example:80")[0] == 404
        server.shutdown()
        thread.join()


def test_what_goes_wrong_stands_on_the_page(tmp_path):
    assert "got no config.json there" in page(tmp_path / "<nope>")
    assert "<nope>" not in page(tmp_path / "<nope>")
