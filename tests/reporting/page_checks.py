"""What a page has to be for any reader, checked without a browser."""

import base64
import hashlib
import html.parser
import pathlib
import re

_VOID = {"meta", "img", "br"}
_ADDRESSES = ("src", "href", "srcset", "action", "data", "poster")
TEXT = ("ink", "soft", "link", "good", "bad")
MARKS = ("blue", "orange", "green", "vermillion", "purple", "sky")


class Checked(html.parser.HTMLParser):
    """A page, and what is wrong with it in words."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.open: list[str] = []
        self.headings: list[int] = []
        self.captions: list[bool] = []
        self.scripts: list[str] = []
        self.policy = self.title = ""
        self._runs = False
        self.feed(self.source)
        self.close()
        self._check_whole()

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self._check_attributes(tag, told)
        if tag not in _VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.captions.append(False)
        if tag == "caption":
            self.captions[-1] = True
        if tag == "script":
            self._runs = told.get("type") != "application/json"
            self.scripts += [""] if self._runs else []
        if tag == "th" and told.get("scope") not in ("row", "col"):
            self.problems.append("a <th> without a scope")
        if tag == "img" and len(told.get("alt") or "") < 20:
            self.problems.append(f"an image whose text is {told.get('alt')!r}")
        if tag == "html" and told.get("lang") != "en":
            self.problems.append("no language")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if self.open[-1:] == ["script"] and self._runs:
            self.scripts[-1] += data
        if self.open[-1:] == ["title"]:
            self.title += data

    def _check_attributes(self, tag, told):
        for name, value in told.items():
            if name.startswith("on") or name == "style":
                self.problems.append(f"<{tag} {name}>")
            if name in _ADDRESSES and not re.match(r"data:image/png;base64,|#", value):
                self.problems.append(f"<{tag} {name}={value[:40]!r}>")
        if tag in ("link", "iframe", "object", "base", "embed", "form"):
            self.problems.append(f"<{tag}>")
        if "id" in told:
            self.ids.append(told["id"])
        if told.get("href", "").startswith("#"):
            self.targets.append(told["href"][1:])
        if told.get("http-equiv") == "Content-Security-Policy":
            self.policy = told["content"]
        if told.get("role") == "region" and not told.get("aria-label"):
            self.problems.append("a region without a name")

    def _check_whole(self):
        if self.open or not self.title.strip():
            self.problems.append(f"left open: {self.open}; title {self.title!r}")
        self.problems += [f"id {i} twice" for i in self.ids if self.ids.count(i) > 1]
        lost = set(self.targets) - set(self.ids)
        self.problems += [f"a link to #{target}, which is not there" for target in lost]
        steps = zip([0, *self.headings], self.headings, strict=False)
        self.problems += [f"h{b} below h{a}" for a, b in steps if b > a + 1]
        if self.headings.count(1) != 1:
            self.problems.append("not one h1")
        self.problems += ["a table without a caption"] * self.captions.count(False)
        for script in self.scripts:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            if f"'sha256-{digest}'" not in self.policy:
                self.problems.append("a script that the policy does not name")
        if "script-src 'sha256-" not in self.policy or "'none'" not in self.policy:
            self.problems.append(f"policy {self.policy!r}")
        styles = "".join(re.findall(r"<style>(.*?)</style>", self.source, re.DOTALL))
        if re.search(r"url\(|@import", styles):
            self.problems.append("styles ask for something outside")


def problems(path: pathlib.Path) -> list[str]:
    """What is wrong with a page."""
    return Checked(path).problems


def palettes(css: str) -> list[dict[str, str]]:
    """The colours of a style sheet by name: light, and dark."""
    blocks = re.findall(r":root\s*{([^}]*)}", css)
    return [dict(re.findall(r"--([a-z]+):\s*(#[0-9a-f]{6})", each)) for each in blocks]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 of two colours `#rrggbb`, in [1, 21]."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
