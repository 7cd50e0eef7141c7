"""The report in a browser: quiet, self-contained, and as wide as the window."""

from __future__ import annotations

import os
import shutil

import pytest

from cvpark.datasets import Dataset
from cvpark.reporting import render_html

from . import made_up

pytestmark = pytest.mark.browser

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MODELS = {f"a classifier called {k}": ("svm", 0.02 + 0.01 * k, 30.0 * 4**k) for k in range(4)}
_MODELS["a" * 300] = ("gbdt", 0.05, 40.0)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    installed = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with api.sync_playwright() as playwright:
        found = installed or playwright.chromium.executable_path
        if not os.path.exists(found):
            pytest.skip("no Chromium: install one, or run: playwright install chromium")
        # As root Chromium runs without its sandbox or not at all.
        arguments = ["--no-sandbox"] if is_root else []
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(sample, tmp_path_factory):
    """A page with all sections: long names, pictures, a CNN and what is not one."""
    split = Dataset(sample).split("val")
    models = {**made_up.MODELS, **_MODELS}
    html = render_html(made_up.comparison(split, models), locate=split.locate)
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html, encoding="utf-8")
    return file


@pytest.fixture(params=["light", "dark"])
def page(browser, report, request):
    """The report, opened; complaints and requests are kept on the page."""
    opened = browser.new_page(color_scheme=request.param)
    opened.complaints, opened.requests = [], []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("requestfailed", lambda asked: opened.complaints.append(asked.url[:80]))
    opened.on("request", lambda asked: opened.requests.append(asked.url))
    opened.scheme = request.param
    opened.goto(report.as_uri())
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    # What is wider than its column scrolls within it.
    outside = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, p, figure, .scroll, pre, dl, ul")]
            .filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert outside == []


def test_the_browser_has_nothing_to_complain_of_and_asks_for_nothing(page, report):
    page.wait_for_load_state("networkidle")
    assert page.complaints == []
    asked = [url for url in page.requests if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("width", [400, 1400])
def test_text_is_large_and_dark_enough_to_read(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("svg text")]
            .filter(t => t.getBoundingClientRect().width > 0)
            .map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"""
    )
    assert smallest >= 8.5
    for part in ("body", "figcaption", "caption", ".tick", ".warnings h2, h2", "svg text.name"):
        assert _contrast(page, part) >= 4.5, part


def test_a_reader_of_the_accessibility_tree_finds_models_and_plots(page):
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("rowheader", name="svm", exact=True).count() >= 3
    drawn = page.get_by_role("img").evaluate_all("all => all.map(e => e.ariaLabel || e.alt)")
    assert all(drawn)
    assert any(text.startswith("Error against median latency: svm") for text in drawn)


def test_it_prints_in_light_colours_on_few_pages(page):
    page.emulate_media(media="print", color_scheme=page.scheme)
    data = page.pdf(format="A4", print_background=True)
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") <= 25
    assert _contrast(page, "body") >= 4.5


def _contrast(page, selector):
    """Ratio of luminances of text and page (WCAG 2.2, contrast ratio)."""
    colours = page.evaluate(
        """selector => {
            const style = getComputedStyle(document.querySelector(selector));
            const svg = document.querySelector(selector) instanceof SVGElement;
            return [svg ? style.fill : style.color, getComputedStyle(document.body).backgroundColor]
        }""",
        selector,
    )
    light, dark = sorted(map(_luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [float(part) / 255 for part in colour[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
