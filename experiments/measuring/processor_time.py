"""Processor seconds of a process, which other jobs of the machine do not lengthen."""

import json
import pathlib
import resource


def processor_seconds() -> float:
    """Of this process so far, all threads together."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class ProcessorClock:
    """Seconds by what they were spent on, over all processes that worked on it.

    Attributes:
      seconds: by name.
    """

    def __init__(self, file: pathlib.Path):
        """Goes on where a former process ended.

        Args:
          file: JSON, where the seconds are kept.
        """
        self._file = file
        self.seconds = json.loads(file.read_text()) if file.exists() else {}
        self._name, self._since = "", 0.0

    def counting(self, name: str) -> "ProcessorClock":
        """A context that counts for `name`, also if it ends by an exception."""
        self._name = name
        return self

    def __enter__(self) -> None:
        self._since = processor_seconds()

    def __exit__(self, *error: object) -> None:
        spent = processor_seconds() - self._since
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + spent
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self.seconds))
