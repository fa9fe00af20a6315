"""The dashboard as a page that only this machine can read."""

import html
import http.server
import io
import pathlib

from qnas_jax.command.dashboard import render, watch
from qnas_jax.errors import UserError

_HOST = "127.0.0.1"
_SECONDS = 2
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="{seconds}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ background: #fff; color: #111; margin: 1rem }}
pre {{ font: 14px/1.3 ui-monospace, monospace; overflow-x: auto }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #eee }} }}
</style></head><body>{body}</body></html>
"""


def make_server(folder: pathlib.Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of one page, on the loopback address.

    Args:
      folder: work folder of the run.
      port: where; 0: any that is free.

    Returns:
      The server, not yet serving.

    Raises:
      UserError: the port cannot be had.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers with the dashboard, and to nothing else."""

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            """Sends the page; names of other hosts are refused (DNS rebinding)."""
            host = self.headers.get("Host", "").rpartition(":")[0]
            if self.path != "/" or host not in (_HOST, "localhost"):
                self.send_error(404)
                return
            content = page(folder).encode("utf-8")
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'",
            )
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    try:
        return http.server.ThreadingHTTPServer((_HOST, port), Handler)
    except OSError as error:
        raise UserError(f"--port: got {port}, {error.strerror}; 0 takes any") from error


def page(folder: pathlib.Path) -> str:
    """The dashboard in HTML; what goes wrong is told there.

    Args:
      folder: work folder of the run.

    Returns:
      The page.
    """
    from rich.console import Console

    console = Console(record=True, width=120, file=io.StringIO())
    try:
        console.print(render(watch(folder)))
        body = console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
    except UserError as error:
        body = f"<p>{html.escape(str(error))}</p>"
    return _PAGE.format(title=html.escape(str(folder)), seconds=_SECONDS, body=body)
