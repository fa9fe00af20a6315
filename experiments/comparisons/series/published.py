"""What others found on the sets of the study, to be read beside our numbers.

Means over all 25 sets, official splits, taken from files of results in public
repositories (as of November 2026); the files have every set. They are other trainings
than ours: FCN has 2,000 epochs there, ResNet and InceptionTime's network 1,500,
where the study has as many steps as `configs/ecg.py`, 240.

The archive's table (`DataSummary.csv`, a copy in sensorlab/KAN_TS) is of series that
are normalised one by one. Our series are as the archive has them, and five sets (BME,
Chinatown, PowerCons, SmoothSubspace, UMD) are not normalised; on the other 20 both
nearest neighbours have the table's errors to four digits.
"""

from collections.abc import Iterable
from typing import NamedTuple

EUCLIDEAN = {
    "ArrowHead": 0.2000,
    "BME": 0.1733,
    "Beef": 0.3333,
    "CBF": 0.1478,
    "Chinatown": 0.0554,
    "Coffee": 0.0000,
    "DistalPhalanxTW": 0.3669,
    "ECG200": 0.1200,
    "ECGFiveDays": 0.2033,
    "FaceFour": 0.2159,
    "GunPoint": 0.0867,
    "ItalyPowerDemand": 0.0447,
    "Lightning7": 0.4247,
    "MoteStrain": 0.1214,
    "OliveOil": 0.1333,
    "Plane": 0.0381,
    "PowerCons": 0.0222,
    "SmoothSubspace": 0.0467,
    "SonyAIBORobotSurface1": 0.3045,
    "SwedishLeaf": 0.2112,
    "SyntheticControl": 0.1200,
    "Trace": 0.2400,
    "TwoLeadECG": 0.2529,
    "UMD": 0.1944,
    "Wine": 0.3889,
}
"""Known errors of the nearest neighbour by Euclid, by set."""


class Published(NamedTuple):
    """A mean accuracy over the 25 sets, and the file that it follows from.

    Attributes:
      accuracy: percent.
      source: repository and file.
      runs: trainings of each set.
    """

    accuracy: float
    source: str
    runs: int = 1


PUBLISHED = {
    "rocket": Published(93.86, "angus924/rocket, results/results_ucr.csv", 10),
    "inception_time": Published(
        91.64, "hfawaz/InceptionTime, results-inception-128.csv", 5
    ),
    "resnet": Published(92.25, "hfawaz/dl-4-tsc, results/results-ucr-128.csv", 5),
    "fcn": Published(90.50, "hfawaz/dl-4-tsc, results/results-ucr-128.csv", 5),
    "dtw_1nn": Published(84.34, "UCR archive of 2018, DataSummary.csv, w=100"),
    "euclidean_1nn": Published(81.75, "UCR archive of 2018, DataSummary.csv"),
}
"""By our name of the method; of InceptionTime one network, as ours. Its ensemble of
five has 91.93 % (results-InceptionTime-128.csv)."""


def published_accuracy(method: str, sets: Iterable[str]) -> float | None:
    """The published mean of a method, percent.

    Args:
      method: our name of it.
      sets: over which the mean beside it is taken.

    Returns:
      None where nothing is published of it, or the sets are not the 25 ones.
    """
    if method not in PUBLISHED or set(sets) != EUCLIDEAN.keys():
        return None
    return PUBLISHED[method].accuracy


def sources() -> str:
    """Names the files, one line."""
    told = dict.fromkeys(each.source for each in PUBLISHED.values())
    return f"Published, over the same 25 sets, trained for longer: {'; '.join(told)}."
