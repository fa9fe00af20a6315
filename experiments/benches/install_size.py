"""How large is what users install, and which part is it that is?

python -m experiments.benches.install_size [--without=tensorflow-datasets]

Sizes are those of the files in this environment (no compiled Python), in MiB.
"""

from absl import app, flags
from packaging.requirements import Requirement

from experiments.measuring.installed import needed, num_bytes, plain, project

_WITHOUT = flags.DEFINE_list(
    "without", [], "requirements to leave out, to see what only they bring"
)
_LISTED = 12


def sizes(without: list[str]) -> dict[str, float]:
    """MiB of each package of the default install, the largest first.

    Args:
      without: requirements that are left out.

    Returns:
      Sizes by name.
    """
    left_out = set(map(plain, without))
    wanted = project()["project"]["dependencies"]
    roots = [each for each in wanted if plain(Requirement(each).name) not in left_out]
    found = {name: num_bytes(name) / 2**20 for name in needed(roots)}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main(argv: list[str]) -> None:
    """Prints the sum and the largest packages."""
    del argv
    found = sizes(_WITHOUT.value)
    print(f"{sum(found.values()):.0f} MiB in {len(found)} packages")
    for name, size in list(found.items())[:_LISTED]:
        print(f"{size:8.1f}  {name}")


if __name__ == "__main__":
    app.run(main)
