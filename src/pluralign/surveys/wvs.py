"""The World Values Survey, wave 7, in the JSON files of CultureSPA (Xu et al., NAACL 2025, arXiv 2410.12971).

Reads two files from a folder: ``wvs_questions.json`` and ``proportions_group_by_country.json``. Ships none of
their content: WVS data may be used for non-commercial purposes with citation and may not be passed on. Knows nothing
of weights: the file holds unweighted shares of all respondents, those without a valid answer included.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError, UnknownNameError
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.surveys import countries
from pluralign.surveys.files import read_json

QUESTIONS_FILE = "wvs_questions.json"
PROPORTIONS_FILE = "proportions_group_by_country.json"

CITATION = (
    "Haerpfer, C., Inglehart, R., Moreno, A., Welzel, C., Kizilova, K., Diez-Medrano, J., Lagos, M., Norris, P., "
    "Ponarin, E. & Puranen, B. (eds.) (2022). World Values Survey: Round Seven – Country-Pooled Datafile. "
    "Madrid, Spain & Vienna, Austria: JD Systems Institute & WVSA Secretariat. doi:10.14281/18241.20"
)
LICENCE = "World Values Survey: non-commercial use with citation; the data files may not be passed on."


class Country(NamedTuple):
    """A country of the file, and how prompts name it."""

    collective: Collective
    respondents: int
    """Everyone who was interviewed, with or without a valid answer: the denominator of the file's shares."""


# The order decides ties between similar cultures, as it does in the published code.
_RESPONDENTS = {
    "USA": 2596, "CAN": 4018, "BOL": 2067, "BRA": 1762, "GBR": 2609, "NLD": 2145, "DEU": 1528, "UKR": 1289,
    "CHN": 3036, "RUS": 1810, "IND": 1692, "THA": 1500, "KEN": 1266, "NGA": 1237, "ETH": 1230, "ZWE": 1215,
    "AUS": 1813, "NZL": 1057, "MEX": 1741,
}  # fmt: skip


def _collective(code: str) -> Collective:
    country = countries.COUNTRIES[code]
    # The published work shows Russia under Asia, so that its four continents have four countries each.
    return country.model_copy(update={"region": "Asia"}) if code == "RUS" else country


COUNTRIES: dict[str, Country] = {code: Country(_collective(code), n) for code, n in _RESPONDENTS.items()}
"""Every country of the file, in the published order."""

PUBLISHED_COUNTRIES: tuple[str, ...] = tuple(code for code in COUNTRIES if code != "MEX")
"""The 18 countries of the published work. Mexico is in the file and takes no part in it; ask for it by name."""


def _ids(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"Q{number}" for number in range(first, last + 1))


EXCLUDED = frozenset({"Q223", *_ids(260, 290)})
"""In the question file and never asked: the vote for a party, which differs by country, and demographics."""

ZERO_BASED = frozenset({*_ids(94, 105), "Q119", *_ids(122, 129), *_ids(241, 249)})
"""Questions whose first option has the code 0; everywhere else it is 1. The file stores no codes."""

NOMINAL = frozenset(
    {
        "Q42",  # revolution, reform or defence of society
        "Q56",  # better, worse, the same: in this order
        *_ids(91, 93),  # knowledge items with one right answer
        "Q111",  # the third option is "other"
        "Q119",  # "hard to say" stands before an agreement scale
        *_ids(149, 150),  # one of two goods
        *_ids(152, 157),  # one of four aims
        *_ids(174, 175),  # one of two meanings of religion
        *_ids(221, 222),  # the fourth option is "not allowed to vote"
        "Q254",  # the fifth option is "not of this nationality"
    }
)
"""Questions whose options are no scale. The published score treats them, and all others, as numbers on a line."""

_TOPICS = (
    ("Social Values, Attitudes & Stereotypes", 45),
    ("Happiness and Well-being", 56),
    ("Social Capital, Trust & Organizational Membership", 105),
    ("Economic Values", 111),
    ("Corruption", 120),
    ("Migration", 130),
    ("Security", 151),
    ("Postmaterialist Index", 157),
    ("Science & Technology", 163),
    ("Religious Values", 175),
    ("Ethical Values and Norms", 198),
    ("Political Interest & Political Participation", 234),
    ("Political Culture & Political Regimes", 259),
)
TOPICS: tuple[str, ...] = tuple(name for name, _ in _TOPICS)
"""The 13 headings of the wave 7 questionnaire, in its order."""


class _Item(NamedTuple):
    id: str
    text: str
    options: tuple[str, ...]


def load_wvs(directory: Path | str, *, only: Sequence[str] | None = None) -> Survey:
    """The 259 used questions of the folder's files and the answers of 18 countries, or of those in ``only``.

    ``only``: codes such as ``USA``; they may include ``MEX``. Shares are renormalised over valid
    answers; the rest of the respondents is ``refused``; ``n`` is the number of valid answers. A question that was not
    asked in a country has no reference there. Equal shares keep the file's order through ``first_mode``.

    Raises :class:`DataError` for absent or malformed files, naming file and key, and :class:`UnknownNameError` for a
    country the table does not have.
    """
    directory = Path(directory)
    wanted = PUBLISHED_COUNTRIES if only is None else tuple(only)
    for code in wanted:
        if code not in COUNTRIES:
            raise UnknownNameError("country", code, COUNTRIES)
    questions = load_questions(directory)
    file = directory / PROPORTIONS_FILE
    shares = read_json(file)
    if not isinstance(shares, dict):
        raise DataError("expected an object of countries", file=str(file))
    return Survey(
        name="wvs7",
        title="World Values Survey, wave 7",
        questions=questions,
        collectives=tuple(COUNTRIES[code].collective for code in wanted),
        references={code: _references(code, shares, questions, file) for code in wanted},
        citation=CITATION,
        licence=LICENCE,
        notes=(
            "Unweighted shares of wave 7 (2017–2022) as published with CultureSPA. On Q241–Q249 the lowest number, 0, "
            "means 'against democracy' and is treated as one more step of the scale."
        ),
    )


def load_questions(directory: Path | str) -> tuple[Question, ...]:
    """The 259 used questions alone, without answers. Raises :class:`DataError` like :func:`load_wvs`."""
    directory = Path(directory)
    questions = tuple(_question(item, directory) for item in _items(directory) if item.id not in EXCLUDED)
    if not questions:
        raise DataError("no question is left after the excluded ones", file=str(directory / QUESTIONS_FILE))
    return questions


def ranking_texts(directory: Path | str) -> dict[str, str]:
    """The wording of every question of the file by id, in file order: all 291, also those that are never asked.

    The published ranking of similar questions has a row for each of them; only ids not in :data:`EXCLUDED` are
    candidates. Raises :class:`DataError` like :func:`load_wvs`.
    """
    return {item.id: item.text for item in _items(Path(directory))}


def scale_of(question_id: str, options: Sequence[str]) -> Scale:
    """The scale of a WVS question: listed as nominal, interval if its options are 10 or more numbers, else ordinal."""
    if question_id in NOMINAL:
        return Scale.NOMINAL
    if len(options) >= 10 and all(option.isdigit() for option in options):
        return Scale.INTERVAL
    return Scale.ORDINAL


def topic_of(question_id: str) -> str:
    """The heading of a WVS question by its number; empty for demographics and for ids of another form."""
    digits = question_id.removeprefix("Q").rstrip("AB")
    if not digits.isdigit():
        return ""
    return next((topic for topic, last in _TOPICS if int(digits) <= last), "")


def _items(directory: Path) -> list[_Item]:
    file = directory / QUESTIONS_FILE
    records = read_json(file)
    if not isinstance(records, list) or not records:
        raise DataError("expected a list of questions", file=str(file))
    items = []
    for position, record in enumerate(records):
        where = f"[{position}]"
        if not isinstance(record, dict):
            raise DataError("expected an object", file=str(file), field=where)
        for key, kind in (("Q_id", str), ("question", str), ("option_lst", list)):
            if not isinstance(record.get(key), kind):
                problem = "the key is missing" if key not in record else f"expected a {_KINDS[kind]}"
                raise DataError(problem, file=str(file), field=f"{where}.{key}")
        options = record["option_lst"]
        if not all(isinstance(option, str) for option in options):
            raise DataError("every option must be text", file=str(file), field=f"{where}.option_lst")
        items.append(_Item(record["Q_id"], record["question"], tuple(options)))
    ids = [item.id for item in items]
    if len(set(ids)) < len(ids):
        twice = next(question_id for question_id in ids if ids.count(question_id) > 1)
        raise DataError(f"the question id {twice!r} is used twice", file=str(file))
    return items


_KINDS = {str: "text", list: "list"}


def _question(item: _Item, directory: Path) -> Question:
    first = 0 if item.id in ZERO_BASED else 1
    try:
        return Question(
            id=item.id,
            text=item.text,
            options=tuple(Option(id=first + at, text=text) for at, text in enumerate(item.options)),
            scale=scale_of(item.id, item.options),
            topic=topic_of(item.id),
        )
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DataError(problem, file=str(directory / QUESTIONS_FILE), field=item.id) from None


def _references(
    code: str, shares: dict[str, Any], questions: Iterable[Question], file: Path
) -> dict[str, Distribution]:
    answers = shares.get(code)
    if not isinstance(answers, dict):
        problem = "the country is missing" if code not in shares else "expected an object of questions"
        raise DataError(problem, file=str(file), field=code)
    references = {}
    for question in questions:
        where = f"{code}.{question.id}"
        row = answers.get(question.id)
        if not isinstance(row, dict):
            problem = "the question is missing" if question.id not in answers else "expected an object of shares"
            raise DataError(problem, file=str(file), field=where)
        if row:  # an empty object: no valid answer in this country, the question was not asked
            references[question.id] = _distribution(row, question, COUNTRIES[code].respondents, file, where)
    return references


def _distribution(row: dict[str, Any], question: Question, respondents: int, file: Path, where: str) -> Distribution:
    weights = [0.0] * len(question.options)
    positions = []
    for key, share in row.items():
        position = question.position(int(key)) if key.isdigit() else None
        if position is None:
            known = f"{question.options[0].id} to {question.options[-1].id}"
            raise DataError(f"{key!r} is no option of this question ({known})", file=str(file), field=where)
        if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 <= share <= 1:
            raise DataError(f"a share must be a number from 0 to 1, got {share!r}", file=str(file), field=where)
        weights[position] = share
        positions.append(position)
    valid = math.fsum(weights)
    if not 0 < valid <= 1 + 1e-6:
        raise DataError(
            f"the shares sum to {valid:.6g}; expected more than 0 and at most 1", file=str(file), field=where
        )
    counts = [round(weight * respondents) for weight in weights]
    whole = all(abs(weight * respondents - count) < 1e-3 for weight, count in zip(weights, counts, strict=True))
    top = max(weights)
    tied = [position for position in positions if weights[position] >= top - 1e-12]
    return Distribution.from_weights(
        # Whole numbers of people where the shares are such, so that rounding in the file leaves no trace.
        counts if whole else weights,
        Obtained.PEOPLE,
        n=sum(counts) if whole else None,
        refused=1 - sum(counts) / respondents if whole else max(0.0, 1 - valid),
        first_mode=tied[0] if len(tied) > 1 else None,
    )
