"""What an architecture search is made of, besides options: data and users' files."""

import numpy as np

from qnas_jax.evaluation.recorded import RecordedOptions
from qnas_jax.evaluation.tables import TableOptions, table_file
from qnas_jax.files import digest
from qnas_jax.jobs.inputs import Content, file_content
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.shipped import shipped_file


def data_content(setting: NasSetting) -> dict[str, Content]:
    """The examples as they are used, whatever files they came from.

    They are in memory anyway, and hashed at a gigabyte a second or so. Files that were
    touched, moved or stored in another way make no difference, a changed label does.
    A space without networks trains nothing, and reads no data.
    """
    if not setting.has_networks:
        return {}
    dataset, options = setting.dataset, setting.config.data
    names = (*dataset.class_names, *dataset.words)
    parts: list[bytes | memoryview] = [" ".join(names).encode()]
    for split in (dataset.train, dataset.valid, dataset.test):
        for array in (split.inputs, split.targets):
            parts.append(f"{array.dtype.str} {array.shape}".encode())
            parts.append(np.ascontiguousarray(array).data.cast("B"))
    where = options.path or options.name or options.source
    return {"data": Content(digest(*parts), f"other data ({where} has changed)")}


def space_content(setting: NasSetting) -> dict[str, Content]:
    """The file that registers the space."""
    file = setting.config.space.file
    return {"space.file": file_content(file, "space file")} if file else {}


def function_content(setting: NasSetting) -> dict[str, Content]:
    """The file of a user's function."""
    options = setting.config.evaluator
    if options.name != "function":
        return {}
    return {"evaluator.file": file_content(options.file, "evaluator file")}


def evaluator_content(setting: NasSetting) -> dict[str, Content]:
    """The files that an evaluator reads."""
    options = setting.config.evaluator_options
    if isinstance(options, TableOptions):
        return {"table": file_content(table_file(options), "table")}
    if isinstance(options, RecordedOptions):
        return {"recorded.file": file_content(options.file, "history")}
    return {}


def constraints_content(setting: NasSetting) -> dict[str, Content]:
    """The latencies that a limit is about."""
    if not setting.needs_latency:
        return {}
    content = file_content(setting.latency_file, "latency table")
    return {"constraints.device": content}


def latency_content(setting: NasSetting) -> dict[str, Content]:
    """The measured networks that a table of latencies is learnt from."""
    options = setting.config.latency
    return {
        f"latency.{name}": file_content(file, "file of measured networks")
        for name, file in (
            ("samples", options.samples),
            ("references", options.references),
        )
        if file
    }


def truth_content(setting: NasSetting) -> dict[str, Content]:
    """The file that a ranking is held against."""
    file = setting.config.rank.truth_file
    if not file:
        return {}
    return {"rank.truth_file": file_content(shipped_file(file), "table of the truth")}


INPUTS = {
    "data": data_content,
    "space": space_content,
    "constraints": constraints_content,
    "latency": latency_content,
    "evaluator": function_content,
    "evaluator_options": evaluator_content,
    "rank": truth_content,
}
"""By the group or family of options that names them."""
