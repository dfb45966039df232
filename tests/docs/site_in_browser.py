"""The site in a real browser: `make site-check`. Skipped where there is no Chromium with its driver.

Not collected with the other tests: it needs the built site, and CI has no browser.
"""

from __future__ import annotations

import functools
import json
import shutil
import threading
import tomllib
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from doc_pages import ROOT, navigation

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with chromedriver on PATH")

PAGES = [page.removesuffix(".md") + ".html" for page in navigation()]
SECONDS = 20
# As in a closed network: nothing of the browser's own goes out, and no name but loopback is found.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
Browser = webdriver.Chrome


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the built site."""
    folder = ROOT / tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["site_dir"]
    assert (folder / "index.html").is_file(), "make site"
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in [*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    driver.get("about:blank")
    logged(driver, "performance")  # what the browser asked for its own first tab
    yield driver
    driver.quit()


def logged(browser: Browser, kind: str) -> list[dict[str, Any]]:
    """New entries of one of the browser's logs."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


@pytest.fixture(autouse=True)
def nothing_from_elsewhere(browser: Browser, site: str) -> Iterator[None]:
    """No page asks another host for anything, and none has an error on its console."""
    yield
    sent = [json.loads(entry["message"])["message"] for entry in logged(browser, "performance")]
    asked = [
        message["params"]["request"]["url"] for message in sent if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
    assert [entry["message"] for entry in logged(browser, "browser") if entry["level"] == "SEVERE"] == []


def at_width(browser: Browser, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("page", PAGES)
def test_the_navigation_leads_to_the_page(browser: Browser, site: str, page: str) -> None:
    at_width(browser, 1280)
    browser.get(urljoin(site, PAGES[1]))
    (link, *_) = [
        link
        for link in browser.find_elements(By.CSS_SELECTOR, ".md-nav--primary a[href]")
        if urldefrag(str(link.get_property("href")))[0] == urljoin(site, page)
    ]
    browser.execute_script("arguments[0].click()", link)
    WebDriverWait(browser, SECONDS).until(lambda driver: driver.current_url == urljoin(site, page))
    assert browser.find_element(By.TAG_NAME, "h1").text


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_telephone(browser: Browser, site: str, page: str) -> None:
    at_width(browser, 380)
    browser.get(urljoin(site, page))
    too_wide = browser.execute_script(
        """
        const scrolls = e => { for (e = e.parentElement; e && e !== document.body; e = e.parentElement)
            if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true; return false }
        return [...document.querySelectorAll(".md-content *")]
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
            .map(e => e.outerHTML.slice(0, 200))
        """
    )
    assert too_wide == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == 380


def test_no_link_is_broken(browser: Browser, site: str) -> None:
    found: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    for page in PAGES:
        browser.get(urljoin(site, page))
        names, targets = browser.execute_script(
            "return [[...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name),"
            " [...document.querySelectorAll('a[href], img[src]')].map(e => e.href || e.src)]"
        )
        found[urljoin(site, page)] = set(names)
        links += [(page, target) for target in targets if target.startswith(site)]
    files = {urldefrag(target)[0] for _, target in links} - set(found)
    lacking = {url for url in files if not exists(url.removeprefix(site))}
    assert [(page, target) for page, target in links if urldefrag(target)[0] in lacking] == []
    anchored = [(page, *urldefrag(target)) for page, target in links]
    assert [(page, url, name) for page, url, name in anchored if name and url in found and name not in found[url]] == []
    assert len(links) > 1000


def exists(path: str) -> bool:
    return (ROOT / "site" / (path or "index.html")).is_file()


@pytest.mark.parametrize(("words", "page"), [("IAMRoleSelector", "carm.html"), ("TrainingJob", "start.html")])
def test_search_finds(browser: Browser, site: str, words: str, page: str) -> None:
    at_width(browser, 1280)
    browser.get(site)
    browser.find_element(By.CSS_SELECTOR, ".md-search__button").click()
    results = "return [...document.activeElement.shadowRoot?.querySelectorAll('a') ?? []].map(a => a.href)"
    WebDriverWait(browser, SECONDS).until(
        lambda driver: driver.execute_script("return !!document.activeElement.shadowRoot")
    )
    ActionChains(browser).send_keys(words).perform()
    WebDriverWait(browser, SECONDS).until(lambda driver: any(page in url for url in driver.execute_script(results)))


def test_the_drawing_is_drawn(browser: Browser, site: str) -> None:
    at_width(browser, 1280)
    browser.get(urljoin(site, "architecture.html"))
    WebDriverWait(browser, SECONDS).until(
        lambda driver: driver.execute_script("return document.querySelector('div.mermaid')?.offsetHeight > 200")
    )


@pytest.mark.parametrize("page", ["start.html", "index.html"])
def test_pictures_are_there(browser: Browser, site: str, page: str) -> None:
    browser.get(urljoin(site, page))
    sizes = browser.execute_script("return [...document.querySelectorAll('.md-content img')].map(e => e.naturalWidth)")
    assert all(sizes)
    assert sizes or page != "start.html"
