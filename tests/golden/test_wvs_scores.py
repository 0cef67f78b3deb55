"""Published scores on WVS-7 and the answers of Llama-3-8B-Instruct released with CultureSPA, at full precision.

Source of every number: the specification of WVS-7 and CultureSPA, sections 1.6, 2.1, 4, 5, 6.4 and 7, where they were
recomputed from the released files with the published formula; the similarities are the released file itself.
"""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pluralign.core.survey import Survey
from pluralign.metrics.baselines import BaselineTable, baseline_alignment, middle_position, others_mean, shares_of
from pluralign.metrics.cultural_alignment import alignment_terms, cultural_alignment, similarities
from pluralign.metrics.distances import Array, js_distances, total_variations, wassersteins
from pluralign.prompts.answers import read_published, read_strict
from pluralign.prompts.examples import choose_neighbours, held_out


def answers(shared_data: Path, condition: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads((shared_data / "wvs7" / f"answers_llama3_{condition}.json").read_text())
    return texts


# --- section 5: the five scores -------------------------------------------------------------------------------------

SCORES = [
    ("USA", "unaware", 0.6834018936951607, 252, 5, 2),
    ("CHN", "unaware", 0.621851234974844, 218, 5, 36),
    ("USA", "aware_USA", 0.7112480594614056, 254, 3, 2),
    ("CHN", "aware_CHN", 0.6654272746485781, 221, 1, 37),
    ("USA", "aware_self_alignment_USA", 0.6699352476787999, 240, 17, 2),
]


@pytest.mark.parametrize(("country", "condition", "score", "used", "invalid", "no_reference"), SCORES)
def test_published_scores(
    shared_data: Path,
    survey: Survey,
    country: str,
    condition: str,
    score: float,
    used: int,
    invalid: int,
    no_reference: int,
) -> None:
    codes = {key: read_published(text) for key, text in answers(shared_data, condition).items()}
    found = cultural_alignment(survey.questions, codes, survey.references[country], published=True)
    assert found.score == pytest.approx(score, abs=1e-12)
    assert (found.used, found.invalid, found.no_reference, found.unasked) == (used, invalid, no_reference, 0)
    assert found.lowest is not None
    assert found.highest is not None
    assert found.lowest < score < found.highest


@pytest.mark.parametrize(("country", "condition"), [row[:2] for row in SCORES])
def test_default_scores_bound_what_could_not_be_read(
    shared_data: Path, survey: Survey, country: str, condition: str
) -> None:
    codes = {}
    for question in survey.questions:
        option = read_strict(answers(shared_data, condition)[question.id], question).option
        codes[question.id] = None if option is None else question.options[option].id
    found = cultural_alignment(survey.questions, codes, survey.references[country])
    assert found.used + found.invalid + found.no_reference == 259
    assert found.lowest is not None
    assert found.score is not None
    assert found.highest is not None
    assert found.lowest < found.score < found.highest


# --- section 4: denominators ----------------------------------------------------------------------------------------


def test_denominators_and_the_weight_of_long_scales(survey: Survey) -> None:
    spans = {question.id: len(question.options) - 1 for question in survey.questions}
    total = sum(span**2 for span in spans.values())
    assert total == 5900
    assert sum(span**2 for span in spans.values() if span >= 9) / total == pytest.approx(0.7291525423728814, abs=1e-12)
    full = dict.fromkeys(("CAN", "BRA", "NLD", "UKR", "IND", "KEN", "NGA", "ETH", "ZWE"), 76.811457)
    gaps = dict.fromkeys(("BOL", "DEU", "RUS", "THA"), 76.707236)
    rest = {"USA": 76.681158, "GBR": 76.046039, "CHN": 73.824115, "AUS": 76.648549, "NZL": 76.694198}
    for country, denominator in {**full, **gaps, **rest}.items():
        found = math.sqrt(sum(spans[key] ** 2 for key in survey.references[country]))
        assert found == pytest.approx(denominator, abs=5e-7)


# --- section 1.6 and 2.1: similarity and neighbours -----------------------------------------------------------------


def test_similarities_reproduce_all_published_cells(shared_data: Path, survey: Survey) -> None:
    published = json.loads((shared_data / "wvs7" / "country_similarity.json").read_text())
    found = similarities(survey, published=True)
    cells = [(one, two) for one in published for two in published[one]]
    assert len(cells) == 306
    assert all(round(100 * found[one][two], 1) == published[one][two] for one, two in cells)
    assert all(found[one][two] == found[two][one] for one, two in cells)


def test_neighbours(shared_data: Path, survey: Survey) -> None:
    found = similarities(survey, published=True)
    assert choose_neighbours(found["USA"]) == (("CAN", "GBR", "NZL"), ("ZWE", "NGA", "IND"))
    assert choose_neighbours(found["CHN"]) == (("RUS", "UKR", "ETH"), ("BRA", "NZL", "GBR"))
    assert choose_neighbours(found["BOL"]) == (("ZWE", "IND", "UKR"), ("NZL", "AUS", "GBR"))
    published = json.loads((shared_data / "wvs7" / "country_similarity.json").read_text())
    for country in published:
        order = [other.id for other in survey.collectives if other.id != country]
        assert choose_neighbours(found[country]) == choose_neighbours(
            {other: published[country][other] for other in order}
        )


def test_default_similarities_know_nothing_of_the_measured_topic(survey: Survey) -> None:
    """Turn one country's answers to the topic round: the neighbours a question of it is asked with must not move."""
    hidden = held_out(survey, "Q46")
    assert len(hidden) == 11
    changed = survey.model_copy(
        update={
            "references": {
                country: {
                    key: one.model_copy(update={"probabilities": one.probabilities[::-1], "first_mode": None})
                    if country == "USA" and key in hidden
                    else one
                    for key, one in people.items()
                }
                for country, people in survey.references.items()
            }
        }
    )
    assert similarities(changed, without=hidden) == similarities(survey, without=hidden)
    assert similarities(changed) != similarities(survey)


# --- section 7.1: floors of the published score ---------------------------------------------------------------------


def mean_score(survey: Survey, choose: dict[str, int]) -> float:
    """Mean published score over the 18 countries of the same option positions everywhere."""
    codes = {question.id: question.options[choose[question.id]].id for question in survey.questions}
    scores = [
        cultural_alignment(survey.questions, codes, people, published=True).score
        for people in survey.references.values()
    ]
    return float(np.mean([score for score in scores if score is not None]))


PLACES: dict[str, Callable[[int], int]] = {
    "first": lambda _: 0,
    "last": lambda options: options - 1,
    "lower middle": middle_position,
    "upper middle": lambda options: middle_position(options, upper=True),
    "second": lambda _: 1,
}


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("first", 0.3936462404092646),
        ("last", 0.30344365353929692),
        ("lower middle", 0.5809161054835585),
        ("upper middle", 0.5601134792107602),
        ("second", 0.49167077964888406),
    ],
)
def test_floors_of_always_the_same_place(survey: Survey, name: str, score: float) -> None:
    chosen = {question.id: PLACES[name](len(question.options)) for question in survey.questions}
    assert mean_score(survey, chosen) == pytest.approx(score, abs=1e-12)


def test_floor_of_always_the_number_two(survey: Survey) -> None:
    codes = dict.fromkeys((question.id for question in survey.questions), 2)
    scores = [
        cultural_alignment(survey.questions, codes, people, published=True).score
        for people in survey.references.values()
    ]
    assert np.mean([score for score in scores if score is not None]) == pytest.approx(0.5023756130118602, abs=1e-12)


def test_floor_of_the_other_countries(tables: dict[str, BaselineTable]) -> None:
    scores = [baseline_alignment(table, table["others"], seed=0).published for table in tables.values()]
    assert np.mean([score for score in scores if score is not None]) == pytest.approx(0.6441255070270694, abs=1e-12)


def test_floor_of_uniform_answers_as_the_original_draws_them(survey: Survey) -> None:
    random.seed(42)
    scores = []
    for _ in range(3):
        drawn = {
            question.id: random.choice([option.id for option in question.options]) for question in survey.questions
        }
        chosen = {
            question.id: at
            for question in survey.questions
            if (at := question.position(drawn[question.id])) is not None
        }
        scores.append(mean_score(survey, chosen))
    assert scores[0] == pytest.approx(0.4457220325987645, abs=1e-12)
    assert np.mean(scores) == pytest.approx(0.4581840983637394, abs=1e-12)


def test_floor_of_uniform_answers_in_expectation(tables: dict[str, BaselineTable]) -> None:
    scores = [baseline_alignment(table, table["uniform"], seed=0).published for table in tables.values()]
    assert np.mean([score for score in scores if score is not None]) == pytest.approx(0.464, abs=0.002)


# --- section 7.2: distributional reference values -------------------------------------------------------------------


def all_three(p: Array, table: BaselineTable) -> Array:
    """Wasserstein (of every question, as the specification computes it), JS and TV, shape (3, questions)."""
    return np.stack(
        [
            wassersteins(p, table.people, table.scales.options),
            js_distances(p, table.people),
            total_variations(p, table.people),
        ]
    )


def uniform_rows(table: BaselineTable) -> Array:
    within = np.arange(table.scales.width) < table.scales.options[:, None]
    return np.asarray(within / table.scales.options[:, None])


def others_rows(survey: Survey, table: BaselineTable, country: str) -> Array:
    questions = [survey.question(key) for key in table.question_ids]
    others = [answers for other, answers in survey.references.items() if other != country]
    return others_mean(np.stack([shares_of(questions, one, table.scales.width) for one in others]))


def test_distances_of_model_free_answers(survey: Survey, tables: dict[str, BaselineTable]) -> None:
    uniform = {country: all_three(uniform_rows(table), table) for country, table in tables.items()}
    others = {country: all_three(others_rows(survey, table, country), table) for country, table in tables.items()}
    cells = np.concatenate(list(uniform.values()), axis=1)
    assert cells.shape[1] == 4602
    np.testing.assert_allclose(cells.mean(axis=1), np.array([0.21251811, 0.31706744, 0.31845569]), atol=1e-8)
    found = np.concatenate(list(others.values()), axis=1).mean(axis=1)
    np.testing.assert_allclose(found, np.array([0.11475462, 0.18385176, 0.17810583]), atol=1e-8)
    expected = {
        ("uniform", "USA"): [0.1952323921477084, 0.30299358991816966, 0.30088152952636277],
        ("uniform", "CHN"): [0.2547950891209514, 0.37804391208945626, 0.379282872684865],
        ("others", "USA"): [0.08702914724598955, 0.14954691761686528, 0.1430155166562458],
        ("others", "CHN"): [0.14665715499226215, 0.228417588566438, 0.21967905002960728],
    }
    for (name, country), values in expected.items():
        cell = (uniform if name == "uniform" else others)[country]
        np.testing.assert_allclose(cell.mean(axis=1), np.array(values), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("country", "condition", "expected"),
    [
        ("USA", "unaware", [0.3061915344337314, 0.6476886463364557, 0.6190803993766832]),
        ("CHN", "unaware", [0.3561480672732595, 0.6951042887893384, 0.6719267999174622]),
        ("USA", "aware_USA", [0.29574131755585625, 0.640842032838005, 0.6112401859750983]),
        ("CHN", "aware_CHN", [0.34773107178024143, 0.6936840195404986, 0.6714582937641753]),
    ],
)
def test_distances_of_one_answer_per_question(
    shared_data: Path,
    survey: Survey,
    tables: dict[str, BaselineTable],
    country: str,
    condition: str,
    expected: list[float],
) -> None:
    """A single answer as a distribution: farther than uniform on every measure."""
    table, texts = tables[country], answers(shared_data, condition)
    found = one_hot(survey, table, texts).mean(axis=1)
    np.testing.assert_allclose(found, np.array(expected), rtol=0, atol=1e-12)
    assert (found > all_three(uniform_rows(table), table).mean(axis=1)).all()


def test_distances_of_one_unaware_answer_over_all_countries(
    shared_data: Path, survey: Survey, tables: dict[str, BaselineTable]
) -> None:
    texts = answers(shared_data, "unaware")
    cells = np.concatenate([one_hot(survey, table, texts) for table in tables.values()], axis=1)
    assert cells.shape[1] == 4514
    np.testing.assert_allclose(cells.mean(axis=1), np.array([0.34037995, 0.67731312, 0.65655843]), atol=1e-8)


def one_hot(survey: Survey, table: BaselineTable, texts: dict[str, str]) -> Array:
    codes = [read_published(texts[key]) for key in table.question_ids]
    rows = np.flatnonzero([code is not None for code in codes])
    part = table.take(rows)
    voice = np.zeros(part.people.shape)
    for at, row in enumerate(rows):
        code = codes[row]
        assert code is not None
        position = survey.question(table.question_ids[row]).position(code)
        assert position is not None
        voice[at, position] = 1
    return all_three(voice, part)


def test_terms_of_the_unaware_answers_agree_with_the_score(
    shared_data: Path, survey: Survey, tables: dict[str, BaselineTable]
) -> None:
    """The vectorised form, which the profile uses, and the answer-by-answer form are the same score."""
    codes = {key: read_published(text) for key, text in answers(shared_data, "unaware").items()}
    table = tables["USA"]
    positions = [
        -1 if (code := codes[key]) is None else survey.question(key).position(code) for key in table.question_ids
    ]
    terms = alignment_terms(table.scales, np.array(positions, dtype=np.int64), table.modes, published=True)
    assert terms.score() == pytest.approx(0.6834018936951607, abs=1e-12)
