"""`qnas watch`: a dashboard of a run, on the terminal or as a page on this machine."""

import pathlib
import signal
import sys
import time
from collections.abc import Sequence

from qnas_jax.command.dashboard import render, watch
from qnas_jax.command.words import word_parser
from qnas_jax.printing import say


def run(words: Sequence[str]) -> int:
    """Shows how far a run is until it is finished, or until Ctrl-C.

    Args:
      words: behind `qnas watch`.

    Returns:
      The exit status.

    Raises:
      UserError: the folder holds no run.
    """
    parser = word_parser("watch", "how far a run is, read from its work folder")
    parser.add_argument("run", help="work folder of the run")
    parser.add_argument("--once", action="store_true", help="print it once")
    parser.add_argument(
        "--every", type=float, default=1.0, help="seconds between looks"
    )
    parser.add_argument(
        "--http",
        action="store_true",
        help="serve a page on 127.0.0.1 instead; nobody else can see it",
    )
    parser.add_argument("--port", type=int, default=0, help="of that page; 0: any")
    asked = parser.parse_args(words)
    if asked.every <= 0 or not 0 <= asked.port < 2**16:
        parser.error("--every is above 0, --port from 0 to 65535")
    folder = pathlib.Path(asked.run)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if asked.http:
            _serve(folder, asked.port)
        else:
            _show(folder, asked.every, asked.once or not sys.stdout.isatty())
    except KeyboardInterrupt:
        return 0
    return 0


def _show(folder: pathlib.Path, seconds: float, once: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    watched = watch(folder)
    console = Console()
    if once:
        console.print(render(watched))
        return
    with Live(render(watched), console=console, auto_refresh=False) as live:
        while not watched.finished:
            time.sleep(seconds)
            watched = watch(folder)
            live.update(render(watched), refresh=True)


def _serve(folder: pathlib.Path, port: int) -> None:
    from qnas_jax.command.serving import make_server

    watch(folder)  # raises, if that is no run
    with make_server(folder, port) as server:
        say([f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)"])
        server.serve_forever()
