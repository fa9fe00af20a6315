"""Pages in a headless Chromium: all is drawn, tables sort, phones and paper fit."""

import json

import pytest
from comparison_rows import FOCUS, make_rows
from headless import browser_page, find_browser
from page_checks import contrast
from run_folders import write_all

from qnas_jax.reporting import write_report
from qnas_jax.reporting.comparison.finished_runs import read_finished
from qnas_jax.reporting.comparison.page import write_comparison
from qnas_jax.reporting.comparison.runs_page import write_runs

pytestmark = pytest.mark.skipif(
    find_browser() is None, reason="no Chromium is installed"
)

PHONE, DESKTOP = 390, 1280
PAINTED = """
[...document.querySelectorAll("canvas")].map(canvas => {
  const {width, height} = canvas;
  if (!width || !height) return 0;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let painted = 0;
  for (let at = 3; at < pixels.length; at += 4) painted += pixels[at] > 0;
  return painted / (pixels.length / 4);
})
"""
COLORS = """
(() => {
  const hex = text => "#" + text.match(/\\d+/g).slice(0, 3)
    .map(part => Number(part).toString(16).padStart(2, "0")).join("");
  const of = selector => getComputedStyle(document.querySelector(selector));
  return {ink: hex(of("body").color), ground: hex(of("body").backgroundColor),
          soft: hex(of("figcaption").color), link: hex(of("nav a").color)};
})()
"""
IMAGES = """
[...document.querySelectorAll("figure")].map(figure => {
  const image = figure.querySelector("img");
  const chart = figure.querySelector("[data-chart] canvas");
  return [figure.id, image.naturalWidth, getComputedStyle(image.parentElement).display,
          chart !== null];
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browser_page(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def pages(run_5x6, tmp_path_factory):
    """A page of a run, one of a comparison, and one of runs side by side."""
    folder = tmp_path_factory.mktemp("comparison")
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in make_rows()))
    return {
        "run": write_report(run_5x6.workdir),
        "comparison": write_comparison(rows, folder, FOCUS),
        "runs": write_runs(
            [read_finished(path) for path in write_all(folder / "runs")],
            folder / "runs.html",
        ),
    }


@pytest.fixture(autouse=True)
def no_errors(browser):
    browser.errors.clear()
    yield
    assert browser.errors == []


@pytest.mark.parametrize("name", ["run", "comparison", "runs"])
def test_all_figures_are_there_as_charts_or_pictures(browser, pages, name):
    browser.look(width=DESKTOP)
    browser.open(pages[name])
    figures = browser.run(IMAGES)
    assert len(figures) == {"run": 8, "comparison": 3, "runs": 2}[name]
    for figure, width, display, chart in figures:
        assert width > 300
        is_static = figure.startswith("figure-ranks")
        assert chart != is_static and display == ("block" if is_static else "none")
    assert all(share > 0.01 for share in browser.run(PAINTED))


@pytest.mark.parametrize("name", ["run", "comparison", "runs"])
@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_nothing_is_wider_than_the_window(browser, pages, name, width):
    browser.look(width=width, mobile=width < 768)
    browser.open(pages[name])
    assert browser.run("document.documentElement.scrollWidth") <= width
    browser.run('document.querySelectorAll("details").forEach(d => { d.open = true; })')
    assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out(browser, pages, dark):
    browser.look(width=DESKTOP, dark=dark)
    browser.open(pages["run"])
    colors = browser.run(COLORS)
    assert (contrast(colors["ground"], "#ffffff") > 10) == dark
    for name in ("ink", "soft", "link"):
        assert contrast(colors[name], colors["ground"]) >= 4.5


def test_charts_follow_the_preferred_colours(browser, pages):
    ink = 'document.querySelector(".plot canvas").toDataURL()'
    browser.look(width=DESKTOP)
    browser.open(pages["run"])
    light = browser.run(ink)
    browser.look(width=DESKTOP, dark=True)
    browser.settle()
    assert browser.run(ink) != light


def cells(browser, heading):
    """Texts of a column of the first table that has such a heading."""
    return browser.run(f"""
      (() => {{
        const heading = [...document.querySelectorAll("th[scope=col]")]
          .find(each => each.textContent.startsWith({json.dumps(heading)}));
        const rows = heading.closest("table").tBodies[0].rows;
        return [...rows].map(row => row.cells[heading.cellIndex].textContent);
      }})()
    """)


def press(browser, heading):
    browser.run(f"""
      [...document.querySelectorAll("th[scope=col] button")]
        .find(each => each.textContent.startsWith({json.dumps(heading)})).click()
    """)


def test_tables_sort_both_ways_and_say_so(browser, pages):
    browser.look(width=DESKTOP)
    browser.open(pages["run"])
    before = cells(browser, "Parameters")
    numbers = [int(text.replace(",", "")) for text in before]
    press(browser, "Parameters")
    first = [int(text.replace(",", "")) for text in cells(browser, "Parameters")]
    assert first == sorted(numbers)
    press(browser, "Parameters")
    second = [int(text.replace(",", "")) for text in cells(browser, "Parameters")]
    assert second == sorted(numbers, reverse=True)
    sort = 'document.querySelector("th[aria-sort]").getAttribute("aria-sort")'
    assert browser.run(sort) == "descending"
    # The winner is not compared with itself: its dash stays last either way.
    for _ in range(2):
        press(browser, "Winner ahead")
        assert cells(browser, "Winner ahead")[-1] == "–"


def test_a_point_answers_with_its_architecture(browser, pages):
    browser.look(width=DESKTOP)
    browser.open(pages["run"])
    browser.run("""
      (() => {
        const figure = document.getElementById("figure-score_against_cost");
        const plot = figure.querySelector(".plot");
        plot.focus();
        for (const key of ["End", "Enter"])
          plot.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      })()
    """)
    figure = 'document.getElementById("figure-score_against_cost")'
    said = browser.run(f'{figure}.querySelector(".said").textContent')
    assert "Parameters" in said and "Validation accuracy" not in said
    panel = f'{figure}.querySelector(".picked")'
    assert browser.run(f"{panel}.hidden") is False
    assert browser.run(f'{panel}.querySelectorAll("li.box").length') == 5
    ops = browser.run(f'[...{panel}.querySelectorAll("b")].map(b => b.textContent)')
    assert all(op.startswith(("mb_", "skip")) for op in ops)


def test_pointing_at_a_point_tells_of_it(browser, pages):
    browser.look(width=DESKTOP)
    browser.open(pages["run"])
    place = browser.run("""
      (() => {
        const over = document.querySelector("#figure-score_against_cost .u-over");
        over.scrollIntoView({block: "center", behavior: "instant"});
        const box = over.getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
      })()
    """)
    said = 'document.querySelector("#figure-score_against_cost .said").textContent'
    before = browser.run(said)
    left, top, width, height = place
    for share in range(1, 20):  # along the diagonal, until a point is near
        x, y = left + width * share / 20, top + height * (1 - share / 20)
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        browser.settle()
        if browser.run(said) != before:
            break
    assert "Evaluation" in browser.run(said)
    for type_ in ("mousePressed", "mouseReleased"):
        browser.call(
            "Input.dispatchMouseEvent",
            type=type_,
            x=x,
            y=y,
            button="left",
            clickCount=1,
        )
    opened = '!document.querySelector("#figure-score_against_cost .picked").hidden'
    assert browser.run(opened)


def test_a_link_to_a_diagram_opens_it(browser, pages):
    browser.look(width=DESKTOP)
    browser.open(pages["run"])
    diagram = 'document.getElementById("arch-2").closest("details").open'
    assert browser.run(diagram) is False
    browser.run("""document.querySelector('a[href="#arch-2"]').click()""")
    assert browser.run(f"new Promise(r => setTimeout(r, 50)).then(() => {diagram})")


@pytest.mark.parametrize("name", ["run", "comparison", "runs"])
def test_print_cuts_nothing(browser, pages, name):
    """On paper pictures stand for charts, folded parts are open, nothing scrolls."""
    browser.look(width=DESKTOP)
    browser.open(pages[name])
    browser.run('dispatchEvent(new Event("beforeprint"))')
    # The width of A4 less its margins, at 96 dots an inch.
    browser.look(width=703)
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    wide = browser.run("""
      [...document.querySelectorAll("main *")]
        .filter(each => !each.closest(".wide, .hidden"))
        .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
        .map(each => each.outerHTML.slice(0, 120))
    """)
    assert wide == []
    assert browser.run('document.querySelectorAll("details:not([open])").length') == 0
    shown = "getComputedStyle(each.parentElement).display"
    pictures = f'[...document.querySelectorAll("figure img")].map(each => {shown})'
    assert set(browser.run(pictures)) == {"block"}
    assert browser.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    browser.call("Emulation.setEmulatedMedia", media="", features=[])


def test_without_scripts_the_pictures_stay(browser, pages):
    browser.look(width=DESKTOP)
    browser.open(pages["run"], scripts=False)
    figures = browser.run(IMAGES)
    assert {display for _, _, display, _ in figures} == {"block"}


def test_a_strange_page_runs_nothing(browser, small, no_drawing, tmp_path):
    """What names hold stays text; what is put into the page later does not run."""
    hostile = "</script><script>window.ran = 1</script><img src=x onerror=ran=1>"
    small.names = [hostile[:20] + str(n) for n in range(6)]
    small.registers()
    result = json.loads((small.workdir / "result.json").read_text())
    result["layers"][1]["op"] = hostile
    result["baselines"][hostile] = result["baselines"].pop("random")
    small.dump("result.json", result)
    page = write_report(small.workdir)
    browser.look(width=DESKTOP)
    browser.open(page)
    assert browser.run("window.ran") is None
    injected = tmp_path / "injected.html"
    text = page.read_text(encoding="utf-8").replace(
        "<main", "<script>window.ran=1</script><main"
    )
    injected.write_text(text, encoding="utf-8")
    browser.open(injected)
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in error for error in browser.errors)
    browser.errors.clear()
