"""How far a run is, read from its work folder while another process works there."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import parse_json, read_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

_BARS = "▁▂▃▄▅▆▇█"
_MOST_POINTS = 20
_BAR_WIDTH = 10  # columns
_COUNTED = {"supernet": "epochs", "search": "generations", "retrain": "epochs"}
_STEPS = ("epoch", "generation")
_SHOWN = ("loss", "accuracy", "best", "mean", "evaluations")
_CURVE = {"search": "best"}
DONE, WORKING = "finished", "working"


@dataclasses.dataclass(frozen=True)
class Part:
    """One line of a dashboard: a stage, or one network of those retrained.

    Attributes:
      name: of the stage and the network.
      state: `DONE` or `WORKING`.
      step: epochs or generations so far.
      total: of them all, 0 where that is not known.
      values: the newest numbers by name.
      curve: what is drawn: the loss by epoch, or the best score by generation.
    """

    name: str
    state: str
    step: int = 0
    total: int = 0
    values: Mapping[str, float] = dataclasses.field(default_factory=dict)
    curve: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Watched:
    """A run at a moment.

    Attributes:
      folder: its work folder.
      parts: what was begun, in order.
      result: what was found, once `result.json` is there.
    """

    folder: pathlib.Path
    parts: tuple[Part, ...]
    result: Mapping[str, Any]

    @property
    def finished(self) -> bool:
        """Whether everything that was begun is done, and there is a result."""
        return bool(self.result) and all(part.state == DONE for part in self.parts)


def watch(folder: pathlib.Path) -> Watched:
    """Reads how far a run is.

    Args:
      folder: its work folder.

    Returns:
      What is known; half-written files are left out.

    Raises:
      MissingFileError: the folder holds no run.
      UserError: its configuration is damaged.
    """
    if not (folder / "config.json").is_file():
        raise MissingFileError(
            f"{folder}: got no config.json there, expected the work folder of a run"
        )
    config = parse_json(read_bytes(folder / "config.json"), str(folder / "config.json"))
    if not isinstance(config, dict):
        raise UserError(f"{folder / 'config.json'}: got no JSON object")
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(folder / "metrics.jsonl"):
        stage = str(row.get("stage", ""))
        network = f" {row['network']}" if "network" in row else ""
        if stage in _COUNTED:
            by_name.setdefault(f"{stage}{network}", []).append(row)
    begun = sorted(folder.glob("*/started.json"), key=lambda path: path.stat().st_mtime)
    parts: list[Part] = []
    for stage in (path.parent.name for path in begun):
        state = DONE if (folder / stage / "done.json").exists() else WORKING
        names = [name for name in by_name if name.partition(" ")[0] == stage]
        total = _total(config, stage)
        parts += [_part(name, state, total, by_name[name]) for name in names] or [
            Part(stage, state, total=total)
        ]
    return Watched(folder, tuple(parts), _result(folder))


def _part(name: str, state: str, total: int, rows: Sequence[dict[str, Any]]) -> Part:
    last, stage = rows[-1], name.partition(" ")[0]
    step = next((int(last[each]) for each in _STEPS if each in last), 0)
    step += stage == "search"  # generations count from 0
    drawn = [row.get(_CURVE.get(stage, "loss")) for row in rows]
    return Part(
        name=name,
        state=DONE if 0 < total <= step else state,
        step=step,
        total=total,
        values={n: last[n] for n in _SHOWN if isinstance(last.get(n), float | int)},
        curve=tuple(float(v) for v in drawn if isinstance(v, float | int)),
    )


def render(watched: Watched) -> "RenderableType":
    """A dashboard for a terminal, or to be exported as HTML."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"run {watched.folder}", title_justify="left", box=None)
    for title in ("stage", "", "step", "curve"):
        table.add_column(title, no_wrap=True)
    table.add_column("now")
    for part in watched.parts:
        done = part.state == DONE
        share = 1.0 if done else part.step / max(part.total, 1)
        table.add_row(
            Text(part.name, style="green" if done else "bold"),
            ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH),
            f"{part.step} of {part.total}" if part.total else part.state,
            Text(sparkline(part.curve), style="cyan"),
            Text(" ".join(f"{n} {v:.4g}" for n, v in part.values.items())),
        )
    return Group(table, Text(_last_line(watched)))


def sparkline(values: Sequence[float]) -> str:
    """Numbers as small bars; of many, some at equal distances and the last."""
    if not values:
        return ""
    apart = -(-len(values) // _MOST_POINTS)
    drawn = [*values[:-1:apart], values[-1]]
    low, high = min(drawn), max(drawn)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in drawn)


def _last_line(watched: Watched) -> str:
    accuracy = watched.result.get("test_accuracy")
    if isinstance(accuracy, float):
        return f"winner: {100 * accuracy:.2f} % on test; {watched.folder}/report.html"
    return "" if watched.parts else "nothing was begun yet"


def _total(config: Mapping[str, Any], stage: str) -> int:
    group = config.get(stage)
    total = group.get(_COUNTED.get(stage, "")) if isinstance(group, dict) else 0
    return total if isinstance(total, int) else 0


def _result(folder: pathlib.Path) -> dict[str, Any]:
    for name in ("result.json", "solution.json"):
        path = folder / name
        if path.is_file():
            try:
                value = parse_json(read_bytes(path), str(path))
            except UserError:
                continue
            return value if isinstance(value, dict) else {}
    return {}


def _rows(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Rows that can be read; the last line may be half written."""
    if not path.is_file():
        return
    for line in read_bytes(path).splitlines():
        try:
            row = parse_json(line, str(path))
        except UserError:
            continue
        if isinstance(row, dict):
            yield row
