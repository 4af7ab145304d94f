"""The README: short, and its links and those of other pages lead somewhere."""

import re

import pytest

from tests.docs.written import PAGES, ROOT

MOST_LINES = 160


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_links_to_files_lead_somewhere(path):
    """In the repository as it is read there; the site's own links are checked by its build."""
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", path.read_text("utf-8")):
        file, _, fragment = target.partition("#")
        page = (path.parent / file) if file else path
        assert page.exists(), target
        if fragment and page.suffix == ".md":
            assert fragment in anchors(page.read_text("utf-8")), target


def anchors(text):
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_shipped_tasks_are_in_the_table_of_the_readme():
    table = (ROOT / "README.md").read_text("utf-8")
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"`{config.name}`" in table, config.name


# Scores and times as trainings print them.
FIGURE = re.compile(r"\bL1 0?\.\d|\bPSNR \d|\bSSIM 0?\.\d|\b\d+ minutes")


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name)
def test_measured_figures_of_trainings_stand_in_the_readme_alone(path):
    """One command's figures in two places come to disagree."""
    assert not FIGURE.search(path.read_text("utf-8"))
