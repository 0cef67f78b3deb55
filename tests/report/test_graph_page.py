"""The page of a moral graph as text: whole, safe, the same for the same graph, and complete without a script."""

import base64
import hashlib
import html
import json
import math
import re
from importlib import resources

import pytest

from pluralign.core.moral_graph import EdgeCounts
from pluralign.report.graph_page import LIBRARIES, embedded_json, graph_page, page_data, vote_entropy
from tests.report.graph_example import HOME, WICKED, empty, example


@pytest.fixture(scope="module")
def page() -> str:
    return graph_page(example(), title="Ours & <theirs>", source="graph.json")


def test_the_same_graph_gives_the_same_page(page: str) -> None:
    assert graph_page(example(), title="Ours & <theirs>", source="graph.json") == page


def test_nothing_is_fetched(page: str) -> None:
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)""", markup)) == {"data:,", "#tables"}
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "default-src &#39;none&#39;" in page


def test_only_the_pages_own_scripts_may_run(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    allowed = set(re.findall(r"sha256-([^']+)'", html.unescape(policy[1])))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts} == allowed
    assert len(scripts) == 3


def test_text_from_people_cannot_become_markup(page: str) -> None:
    assert WICKED not in page
    assert "alert(" not in re.sub(r"&#39;|\\u003c", "", page.split("<tbody>")[0])
    assert "Ours &amp; &lt;theirs&gt;" in page
    data = re.search(r'<script type="application/json" id="graph-data">(.*?)</script>', page, re.DOTALL)
    assert data
    assert WICKED in [value["title"] for value in json.loads(data[1])["values"]]


def test_embedded_json_survives_and_closes_nothing() -> None:
    wicked = {"text": "</script><!-- \u2028 & ]]>"}
    text = embedded_json(wicked)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == wicked
    with pytest.raises(ValueError, match="JSON compliant"):
        embedded_json({"number": math.nan})


def test_the_tables_hold_every_link_and_value_without_a_script(page: str) -> None:
    body = page.split("<main>")[1].split("<footer>")[0]
    rows = [
        [
            html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr data-link=.*?</tr>", body, re.DOTALL)
    ]
    # Most judgements first: value, wiser, context, W, N, L, U, total, share and interval, entropy, groups, kept.
    assert [row[7] for row in rows] == [["40"], ["30"], ["9"], ["7"], ["3"]]
    assert rows[0][:7] == [["Listening"], ["Patience"], HOME.split(), ["30"], ["5"], ["0"], ["5"]]
    assert rows[0][8][:2] == ["75", "%"]
    assert rows[0][10] == ["north", "2", "of", "8"]
    assert rows[3][11] == ["no:", "min_wiser"]
    values = re.findall(r'<tr data-value="(\d)"', body)
    assert sorted(values) == ["1", "2", "3", "4"], "a value that takes part in no pair is not there"
    assert "PAUSES before an answer" in body


def test_what_is_drawn_is_worked_out_from_the_votes() -> None:
    assert vote_entropy(EdgeCounts(wiser=5, not_wiser=0, less_wise=0, unsure=0, impressions=5)) == 0
    assert vote_entropy(EdgeCounts(wiser=2, not_wiser=2, less_wise=2, unsure=2, impressions=8)) == 2
    # 80/15/0/17 of 112, the first edge of the published table: 1.1480 bits without impressions (1 + H/2 = 1.5740).
    stated = vote_entropy(EdgeCounts(wiser=80, not_wiser=15, less_wise=0, unsure=17, impressions=112))
    assert 1 + stated / 2 == pytest.approx(1.5740146269824962)


def test_the_data_name_winners_groups_and_cases() -> None:
    data = page_data(example())
    assert data["winners"] == {"When at home": "3", "When at work": "3"}
    assert data["groups"] == [{"attribute": "area", "group": "north"}]
    assert [case["name"] for case in data["cases"]] == ["family", "labour"]
    link = data["links"][0]
    # Wilson's interval of 30 of 40.
    assert (link["low"], link["high"]) == pytest.approx((0.5981, 0.8581), abs=1e-4)


def test_a_graph_without_links_says_so() -> None:
    page = graph_page(empty())
    assert "no link yet" in page
    assert "<script" not in page
    assert "0 values" in page


def test_the_libraries_come_with_their_licences() -> None:
    vendor = resources.files("pluralign.report") / "vendor"
    for name in LIBRARIES:
        text = (vendor / name).read_text(encoding="utf-8")
        assert "</script" not in text.lower()
        assert "<!--" not in text
    for name in ("cytoscape", "cytoscape-dagre", "dagre"):
        assert "Permission is hereby granted" in (vendor / f"{name}.LICENSE").read_text(encoding="utf-8")
