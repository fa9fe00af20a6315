"""A work folder as a real run would leave it, made of seeded random numbers."""

import json
import pathlib

import numpy as np
import pytest

from qnas_jax.reporting import run_charts, write_report
from qnas_jax.reporting.rows import Run, scored

OPS = {
    6: ["mb_k3_e3", "mb_k3_e6", "mb_k5_e3", "mb_k5_e6", "mb_k3_e3_se", "skip"],
    16: [
        *(f"mb_k{k}_e{e}{a}" for k in (3, 5) for e in (1, 3, 6) for a in ("", "_se")),
        *("mb_k3_e6_eca", "mb_k5_e6_eca", "mb_k7_e6", "skip"),
    ],
}
TEST_IMAGES = 360


class SyntheticRun:
    """Writes the files of one run; `num_layers` x `max_ops` is its space."""

    def __init__(self, workdir: pathlib.Path, num_layers: int, max_ops: int):
        self.workdir = workdir
        self.rng = np.random.default_rng(num_layers)
        self.num_layers = num_layers
        self.num_ops = np.full(num_layers, max_ops)
        self.num_ops[::4] = max_ops - 1  # layers that change the size cannot skip
        self.names = OPS[max_ops]
        self.winner = [int(self.rng.integers(k)) for k in self.num_ops]

    def write(self) -> None:
        (self.workdir / "search").mkdir(parents=True)
        history = self.history()
        self.dump("config.json", self.config())
        self.dump("environment.json", self.environment())
        self.dump_rows(
            "metrics.jsonl",
            [*self.supernet(), *self.pool(), *self.search(history), *self.retrain()],
        )
        self.dump_rows("search/history.jsonl", history)
        self.registers()
        best = {"space": "toy", "arch": self.winner, "string": self.string(self.winner)}
        self.dump("best_arch.json", best | {"score": 0.9632})
        self.dump("result.json", self.result())

    def dump(self, name: str, value: object) -> None:
        (self.workdir / name).write_text(json.dumps(value, indent=2))

    def dump_rows(self, name: str, rows: list[dict]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.workdir / name).write_text(text)

    def string(self, arch: list[int]) -> str:
        return "|".join(self.names[op] for op in arch)

    def random_arch(self) -> list[int]:
        return [int(self.rng.integers(k)) for k in self.num_ops]

    def config(self) -> dict:
        return {
            "data": {"name": "digits", "validation": 0.2},
            "space": {"name": f"toy_{self.num_layers}x{max(self.num_ops)}"},
            "supernet": {"epochs": 40, "optimizer": {"learning_rate": 0.05}},
            "search": {"strategy": "qea", "population": 20, "generations": 40},
            "retrain": {"epochs": 60},
            "seed": 7,
        }

    def environment(self) -> dict:
        return {
            "qnas_jax": "0.1.0",
            "python": "3.11.2",
            "versions": {"jax": "0.10.2", "flax": "0.12.8"},
            "backend": "cpu",
            "devices": ["TFRT_CPU_0"],
            "commit": "0123abc",
            "started": "2025-01-01T12:00:00+00:00",
            "command": "python main.py --config=configs/digits.py --workdir=runs/d",
        }

    def supernet(self) -> list[dict]:
        rows = []
        for epoch in range(1, 41):
            learned = 1 - np.exp(-epoch / 12)
            noise = self.rng.normal(0, 0.01)
            row = {
                "stage": "supernet",
                "epoch": epoch,
                "step": 18 * epoch,
                "loss": 2.3 - 1.9 * learned + noise,
                "accuracy": 0.1 + 0.75 * learned + noise,
                "learning_rate": 0.025 * (1 + np.cos(np.pi * epoch / 40)),
                "seconds": 0.8,
            }
            if epoch % 5 == 0:
                row["valid_accuracy"] = 0.1 + 0.82 * learned
            rows.append(row)
        return rows

    def pool(self) -> list[dict]:
        rows = []
        for epoch in range(5, 41, 5):
            scores = 0.3 + 0.015 * epoch + self.rng.uniform(-0.05, 0.05, 10)
            archs = [self.random_arch() for _ in scores]
            row = {"stage": "pool", "epoch": epoch, "archs": archs}
            rows.append(row | {"scores": list(scores)})
        return rows

    def history(self) -> list[dict]:
        rows = []
        for evaluation in range(1, 801):
            generation = (evaluation - 1) // 20
            keep = self.rng.random(self.num_layers) < generation / 45
            arch = np.where(keep, self.winner, self.random_arch()).tolist()
            if evaluation == 781:
                arch = self.winner
            alike = np.mean(np.equal(arch, self.winner))
            score = 0.62 + 0.33 * alike + self.rng.normal(0, 0.012)
            macs = 1e6 * (20 + 3 * sum(arch))
            failed = evaluation == 100
            row = {
                "evaluation": evaluation,
                "generation": generation,
                "arch": arch,
                "score": None if failed else min(score, 1.0),
                "metrics": {},
                "costs": {"params": int(macs / 31), "macs": int(macs)},
                "status": "non-finite" if failed else "ok",
            }
            rows.append(row)
        return rows

    def search(self, history: list[dict]) -> list[dict]:
        rows, best = [], -np.inf
        for generation in range(40):
            found = [r["score"] for r in history if r["generation"] == generation]
            scores = [score for score in found if score is not None]
            best = max(best, *scores)
            rows.append(
                {
                    "stage": "search",
                    "generation": generation,
                    "evaluations": 20 * (generation + 1),
                    "proposed": 20,
                    "scored": len(scores),
                    "best": best,
                    "mean": float(np.mean(scores)),
                    "generation_best": max(scores),
                    "seconds": 1.2,
                }
            )
        return rows

    def retrain(self) -> list[dict]:
        rows = []
        for network, top in (("winner", 0.985), ("random", 0.955), ("largest", 0.98)):
            for epoch in range(1, 61):
                learned = 1 - np.exp(-epoch / 9)
                noise = self.rng.normal(0, 0.004)
                rows.append(
                    {
                        "stage": "retrain",
                        "network": network,
                        "epoch": epoch,
                        "loss": 2.3 - 2.1 * learned + noise,
                        "accuracy": top * learned - 0.03 + noise + 0.03 / epoch,
                        "valid_accuracy": top * learned,
                        "valid_loss": 2.2 - 2.12 * learned + 2 * noise,
                        "learning_rate": 0.05,
                        "seconds": 0.3,
                    }
                )
        return rows

    def registers(self) -> None:
        generations = np.arange(40)
        shape = (self.num_layers, max(self.num_ops))
        uniform = np.arange(shape[1]) < self.num_ops[:, None]
        uniform = uniform / uniform.sum(axis=1, keepdims=True)
        goal = np.eye(shape[1])[self.winner]
        pace = self.rng.uniform(0.4, 1.1, self.num_layers)
        share = np.clip(generations[:, None] / 39 * pace, 0, 0.97)[:, :, None]
        np.savez(
            self.workdir / "search" / "registers.npz",
            probabilities=((1 - share) * uniform + share * goal).astype(np.float32),
            num_ops=self.num_ops,
            op_names=[[*self.names[:k], ""][: max(self.num_ops)] for k in self.num_ops],
            generations=generations,
        )

    def layers(self) -> list[dict]:
        rows = []
        features, resolution = 16, 32
        for index, op in enumerate([None, *self.winner, None]):
            role = "layer"
            if op is None:
                role = "head" if index else "stem"
            stride = 2 if role == "layer" and index % 5 == 3 else 1
            grown = features + 8 * (index % 3 == 1)
            name = {"stem": "conv3x3", "head": "pool_linear"}.get(role)
            name = name or self.names[op]
            params = 0 if name == "skip" else int(self.rng.integers(500, 60000))
            rows.append(
                {
                    "role": role,
                    **({"layer": index - 1} if role == "layer" else {}),
                    "op": name,
                    "in_features": 3 if role == "stem" else features,
                    "out_features": 10 if role == "head" else grown,
                    "stride": stride,
                    "resolution": resolution,
                    "params": params,
                    "macs": params * 31,
                }
            )
            features, resolution = grown, -(-resolution // stride)
        return rows

    def result(self) -> dict:
        layers = self.layers()
        parameters = sum(row["params"] for row in layers)

        def network(arch: list[int], right: int, valid: float, scale: float) -> dict:
            return {
                "arch": arch,
                "string": self.string(arch),
                "search_score": valid - 0.05,
                "validation_accuracy": valid,
                "test_accuracy": right / TEST_IMAGES,
                "parameters": int(parameters * scale),
                "macs": int(parameters * scale * 31),
            }

        largest = [1] * self.num_layers
        return network(self.winner, 354, 0.9861, 1.0) | {
            "space": self.config()["space"]["name"],
            "data": "digits",
            "objectives": ["accuracy", "params"],
            "evaluations": 800,
            "seconds": {"supernet": 32.1, "search": 48.0, "retrain": 61.5},
            "test_examples": TEST_IMAGES,
            "layers": layers,
            "baselines": {
                "random": network(self.random_arch(), 332, 0.9340, 0.8),
                "largest": network(largest, 351, 0.9792, 2.2),
            },
        }


@pytest.fixture(scope="session", params=[(5, 6), (21, 16)], ids=["5x6", "21x16"])
def synthetic(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SyntheticRun:
    """A finished run over a small and over a large space; shared, only to be read."""
    run = SyntheticRun(tmp_path_factory.mktemp("run") / "work", *request.param)
    run.write()
    return run


@pytest.fixture(scope="session")
def synthetic_page(synthetic: SyntheticRun) -> pathlib.Path:
    """Its page, written once."""
    return write_report(synthetic.workdir)


@pytest.fixture(scope="module")
def run_5x6(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRun:
    """A finished run over the small space; shared, only to be read."""
    run = SyntheticRun(tmp_path_factory.mktemp("run") / "work", 5, 6)
    run.write()
    return run


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have blank pictures, which take no time, for those who read their words."""

    def blank(run: Run) -> dict[str, bytes]:
        names = set(run_charts.charts_of(run, scored(run.history)))
        return dict.fromkeys(
            names | ({"register_heatmap"} if run.registers else set()), b""
        )

    monkeypatch.setattr(run_charts, "draw_figures", blank)


@pytest.fixture
def small(tmp_path: pathlib.Path) -> SyntheticRun:
    """A finished run over the small space, to be changed at will."""
    run = SyntheticRun(tmp_path / "work", 5, 6)
    run.write()
    return run
