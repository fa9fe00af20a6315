"""A job of three stages that only write words, and one run of it in a folder."""

import dataclasses

from qnas_jax.errors import UserError
from qnas_jax.jobs import Family, Job, Setting, Stage, run_stages
from qnas_jax.jobs.config import Config, default_config_of, read_config_of
from qnas_jax.jobs.inputs import file_content
from qnas_jax.options import Options, option
from qnas_jax.runs import WorkFolder, read_json
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py"]


@dataclasses.dataclass(frozen=True)
class BakeOptions(Options):
    """Of a toy job."""

    degrees: int = option(200, "heat", low=1)
    oven: str = option("gas", "which oven", choices=("gas", "wood", "none"))


@dataclasses.dataclass(frozen=True)
class GasOptions(Options):
    """Of an oven."""

    flame: float = option(0.5, "share", low=0, high=1)


@dataclasses.dataclass(frozen=True)
class WoodOptions(Options):
    """Of another oven."""

    logs: int = option(3, "pieces", low=1)


@dataclasses.dataclass(frozen=True)
class StoveOptions(Options):
    """Of what only the cooling reads."""

    air: int = option(0, "draught", low=0)


@dataclasses.dataclass(frozen=True)
class ToyConfig(Config):
    """Of a toy job."""

    bake: BakeOptions = dataclasses.field(default_factory=BakeOptions)
    stove: StoveOptions = dataclasses.field(default_factory=StoveOptions)
    oven: Options = dataclasses.field(default_factory=Options)


def flour(setting):
    """A user's file."""
    return setting.folder.path.parent / "flour.txt"


def work(setting, name, answer=None):
    """Counts how often a stage ran, in a file outside of the work folder."""
    if setting.should_stop() == "refuse":
        raise UserError("no flour")
    path = setting.folder.path.parent / "ran.txt"
    text = path.read_text() if path.exists() else ""
    path.write_text(text + name + "\n")
    folder = setting.folder.path / name
    folder.mkdir(exist_ok=True)
    if setting.should_stop() in (True, name):
        (folder / "half.txt").write_text(f"{setting.config.bake.degrees}")
        raise Stopped(None)
    made = flour(setting).read_text() if flour(setting).exists() else ""
    (folder / "result.txt").write_text(f"{setting.config.bake.degrees}{made}")
    return answer


def check_heat(setting):
    """That of the last stage, for which the first would work in vain."""
    if setting.config.bake.degrees > 300:
        raise UserError("bake.degrees: got more than 300")


BAKE = Stage("bake", lambda setting: work(setting, "bake"), ("seed", "bake", "oven"))
COOL = Stage(
    "cool",
    lambda setting: work(setting, "cool", "cold"),
    ("seed", "stove"),
    needed=lambda config: config.bake.oven != "none",
    check=lambda setting: check_heat(setting),
)
TELL = Stage("tell", lambda setting: ["one", "two"])
TASTE = Stage("taste", lambda setting: work(setting, "taste"), ("seed",))
ASK = Stage("ask", lambda setting: iter(["yes"]))
TOY = Job(
    name="toy",
    summary="-",
    example="-",
    config=ToyConfig,
    groups={"bake": BakeOptions, "stove": StoveOptions},
    setting=Setting,
    chains={"all": (BAKE, COOL, TELL), "taste": (BAKE, TASTE)},
    families={
        "oven": Family(
            "bake.oven", {"gas": ("gas", GasOptions), "wood": ("wood", WoodOptions)}
        )
    },
    inputs={
        "bake": lambda setting: {"flour": file_content(flour(setting), "flour")},
    },
    answers={"ask": ASK},
)


def run_toy(parent, stage="all", stop=False, **overrides):
    """Runs a stage in `parent`/run; what it answers, which stages worked, its lines."""
    values = default_config_of(TOY)
    for name, value in overrides.items():
        group, _, field = name.partition("__")
        if field:
            values[group][field] = value
        else:
            values[group] = value
    said = []
    setting = Setting(
        TOY,
        read_config_of(TOY, values),
        WorkFolder(parent / "run"),
        should_stop=lambda: stop,
        say=said.append,
    )
    ran = parent / "ran.txt"
    ran.write_text("")
    try:
        answer = run_stages(setting, stage, COMMAND)
    except Stopped:
        answer = "stopped"
    return answer, ran.read_text().split(), said


def content(folder):
    """What counts of a run: what the stages made, and of which options."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name in ("result.txt", "half.txt"):
            found[path.relative_to(folder).as_posix()] = path.read_text()
        elif path.name in ("done.json", "started.json"):
            found[path.relative_to(folder).as_posix()] = read_json(path)["options"]
    return found
