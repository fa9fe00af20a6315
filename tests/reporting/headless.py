"""A headless Chromium that tests drive through a pipe (DevTools protocol)."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 60  # for one answer; a busy machine starts a browser slowly


def find_browser() -> str | None:
    """The program of a browser; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page of a browser; what went wrong in it is kept in `errors`."""

    def __init__(self, send_to: int, read_from: int):
        self.errors: list[str] = []
        self._to, self._from = send_to, read_from
        self._count, self._buffer, self._session = 0, b"", ""
        self._loaded = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict:
        """Calls a method of the protocol and waits for what it returns."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def look(self, *, width: int, dark: bool = False, mobile: bool = False) -> None:
        """Sets the window and the preferred colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=mobile,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: pathlib.Path, *, scripts: bool = True) -> None:
        """Loads a file and waits until it is there and, with scripts, drawn."""
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._loaded = 0
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not self._loaded:
            self._next()
        if scripts:
            self.settle()

    def settle(self) -> None:
        """Waits until what was changed is drawn."""
        self.run("new Promise(r => requestAnimationFrame(() => setTimeout(r, 50)))")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def _next(self) -> dict:
        end = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], end - time.monotonic())
            assert ready, "the browser does not answer"
            part = os.read(self._from, 1 << 16)
            assert part, "the browser has ended"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, told: dict) -> None:
        if method == "Page.loadEventFired":
            self._loaded += 1
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and told["type"] in (
            "error",
            "warning",
        ):
            self.errors.append(json.dumps(told["args"])[:500])
        elif method == "Log.entryAdded" and told["entry"]["level"] in (
            "error",
            "warning",
        ):
            self.errors.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.errors.append(f"asked the network for {url}")


# The browser reads commands from 3 and writes to 4, whatever numbers pipes got. That is
# done by a process of its own: this one has threads, and must not fork.
_WIRED = """
import os, sys
for far, near in ((103, sys.argv[1]), (104, sys.argv[2]), (3, 103), (4, 104)):
    os.dup2(int(near), far)
os.execvp(sys.argv[3], sys.argv[3:])
"""


@contextlib.contextmanager
def browser_page(profile: pathlib.Path) -> Iterator[Page]:
    """Starts a browser with an empty profile; it ends with the block."""
    program = find_browser()
    assert program is not None
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _WIRED, str(command_read), str(answer_write), program,
         "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
         f"--user-data-dir={profile}"],
        pass_fds=(command_read, answer_write),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(command_read)
    os.close(answer_write)
    try:
        yield Page(command_write, answer_read)
    finally:
        process.kill()
        process.wait()
        os.close(command_write)
        os.close(answer_read)
