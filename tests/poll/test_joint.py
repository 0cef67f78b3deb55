"""What runs have in common: what is left out is said, and what cannot be compared is refused in one sentence."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pluralign.core.errors import DataError, UsageError
from pluralign.engines.scripted import scripted
from pluralign.poll import provenance, records
from pluralign.poll.finished import ANSWERS_FILE, read_alike, read_finished
from pluralign.poll.joint import join
from pluralign.poll.paired import compare_runs
from pluralign.poll.study import Method, Study
from tests.poll.conftest import carry_out
from tests.poll.two_runs import Shares, finished, made_answers, made_survey

FEW = 200


def without(answers: Shares, voice: str, people: str) -> Shares:
    return {
        key: {one: row for one, row in by_people.items() if (key, one) != (voice, people)}
        for key, by_people in answers.items()
    }


# --- left out and said ----------------------------------------------------------------------------------------------


def test_questions_that_one_run_was_not_asked_are_left_out() -> None:
    survey = made_survey(12, 2)
    part = survey.select(question_ids=["Q001", "Q002", "Q003", "Q005", "Q006"])
    joint = join([finished(survey, made_answers(survey, seed=1)), finished(part, made_answers(part, seed=2))])
    assert [question.id for question in joint.survey.questions] == ["Q001", "Q002", "Q003", "Q005", "Q006"]
    assert joint.left_out == ("Not asked in every run: 7 questions (Q004, Q007, Q008 and 4 more).",)


def test_a_question_worded_otherwise_is_another_question() -> None:
    survey = made_survey(4, 2)
    first = survey.questions[0].model_copy(update={"text": "Something else?"})
    other = survey.model_copy(update={"questions": (first, *survey.questions[1:])})
    joint = join([finished(survey, made_answers(survey, seed=1)), finished(other, made_answers(other, seed=2))])
    assert [question.id for question in joint.survey.questions] == ["Q002", "Q003", "Q004"]
    assert joint.left_out == ("Worded otherwise or with other options in another run: 1 question (Q001).",)


def test_another_heading_is_the_same_question() -> None:
    survey = made_survey(4, 2)
    other = survey.model_copy(
        update={"questions": tuple(one.model_copy(update={"topic": "Else"}) for one in survey.questions)}
    )
    joint = join([finished(survey, made_answers(survey, seed=1)), finished(other, made_answers(other, seed=2))])
    assert len(joint.survey.questions) == 4
    assert joint.left_out == ()


def test_peoples_whose_answers_changed_are_left_out() -> None:
    survey = made_survey(4, 3)
    references = {**survey.references, "P2": made_survey(4, 3, seed=9).references["P2"]}
    other = survey.model_copy(update={"references": references})
    joint = join([finished(survey, made_answers(survey, seed=1)), finished(other, made_answers(other, seed=2))])
    assert [one.id for one in joint.survey.collectives] == ["P1", "P3"]
    assert (
        joint.left_out[0] == "The runs' surveys disagree on the answers of 1 people (P2) to some questions (4 in all)."
    )


def test_voices_and_peoples_that_only_one_run_has_are_left_out() -> None:
    survey = made_survey(4, 3)
    more = made_answers(survey, seed=1, voices=("plain", "persona", "cross-culture"))
    less = without(made_answers(survey, seed=2), "persona", "P3")
    joint = join([finished(survey, more), finished(survey, less)])
    assert joint.peoples == {"plain": ("P1", "P2", "P3"), "persona": ("P1", "P2")}
    assert joint.left_out == (
        "Not in every run: 1 voice (cross-culture).",
        "Not measured in every run: 1 people (People 3).",
    )


def test_a_wider_survey_is_cut_down_to_what_both_know() -> None:
    survey = made_survey(4, 3)
    narrow = survey.model_copy(
        update={
            "collectives": survey.collectives[:2],
            "references": {one: survey.references[one] for one in ("P1", "P2")},
        }
    )
    runs = [finished(survey, made_answers(survey, seed=1)), finished(narrow, made_answers(narrow, seed=2), "narrow")]
    joint = join(runs)
    assert [one.id for one in joint.survey.collectives] == ["P1", "P2"]
    assert (
        joint.left_out[0] == "Only some runs' surveys know the answers of 1 people (P3) to some questions (4 in all)."
    )
    # floors are the same whichever run comes first
    there, back = (compare_runs(order, resamples=FEW).pairs[0].voices[0] for order in (runs, runs[::-1]))
    assert there.marks == back.marks


# --- refused --------------------------------------------------------------------------------------------------------


def test_surveys_without_a_common_question() -> None:
    tea, coffee = made_survey(4, 2), made_survey(8, 2)
    coffee = coffee.select(question_ids=["Q005", "Q006"]).model_copy(update={"name": "coffee"})
    runs = [finished(tea, made_answers(tea, seed=1), "a"), finished(coffee, made_answers(coffee, seed=1), "b")]
    with pytest.raises(UsageError, match=r"run in 'a' was asked 'made' and the run in 'b' 'coffee', and they share no"):
        join(runs)


def test_surveys_with_the_same_ids_and_other_questions() -> None:
    survey = made_survey(2, 2)
    other = survey.model_copy(
        update={"questions": tuple(one.model_copy(update={"text": f"{one.text}!"}) for one in survey.questions)}
    )
    runs = [finished(survey, made_answers(survey, seed=1), "a"), finished(other, made_answers(other, seed=1), "b")]
    with pytest.raises(UsageError, match="word every question they share differently, such as 'Q001'"):
        join(runs)


def test_no_people_with_the_same_answers() -> None:
    survey = made_survey(4, 2)
    other = survey.model_copy(update={"references": made_survey(4, 2, seed=7).references})
    runs = [finished(survey, made_answers(survey, seed=1), "a"), finished(other, made_answers(other, seed=1), "b")]
    with pytest.raises(UsageError, match="no people has the same answers in the survey of the run in 'a'"):
        join(runs)


def test_no_voice_in_common() -> None:
    survey = made_survey(4, 2)
    answers = [made_answers(survey, seed=1, voices=[voice]) for voice in ("plain", "persona")]
    with pytest.raises(
        UsageError, match=r"voices of the run in 'a' are 'plain' and those of .* poll both with the same"
    ):
        join([finished(survey, answers[0], "a"), finished(survey, answers[1], "b")])


def test_no_people_in_common() -> None:
    survey = made_survey(4, 2)
    answers = made_answers(survey, seed=1, voices=["persona"])
    runs = [finished(survey, without(answers, "persona", people), people) for people in ("P1", "P2")]
    with pytest.raises(UsageError, match="speak for no people in common; poll both with the same --as"):
        join(runs)


def test_two_voices_that_never_answered_the_same_question() -> None:
    survey = made_survey(4, 2)
    answers = made_answers(survey, seed=1, voices=["persona"])

    def half(kept: slice) -> Shares:
        return {"persona": {people: dict(list(row.items())[kept]) for people, row in answers["persona"].items()}}

    runs = [finished(survey, half(slice(0, 2)), "a"), finished(survey, half(slice(2, 4)), "b")]
    with pytest.raises(UsageError, match="no question was answered by a voice in 'a'"):
        compare_runs(runs, resamples=FEW)


def test_one_run_is_not_enough() -> None:
    survey = made_survey(4, 2)
    with pytest.raises(UsageError, match="at least two runs"):
        compare_runs([finished(survey, made_answers(survey, seed=1))])


# --- notes and labels -----------------------------------------------------------------------------------------------


def notes(before: dict[str, object], after: dict[str, object], **more: str) -> tuple[str, ...]:
    survey = made_survey(4, 2)
    runs = [
        finished(survey, made_answers(survey, seed=1), "a", **before),  # type: ignore[arg-type]
        finished(survey, made_answers(survey, seed=2), "b", **more, **after),  # type: ignore[arg-type]
    ]
    return compare_runs(runs, resamples=FEW).pairs[0].notes


def test_what_else_differs_is_said() -> None:
    assert notes({}, {}) == ()
    assert notes({"orders": 2}, {"orders": 4}) == (
        "Beside the model, the runs differ in option orders (2, then 4): a difference may come from that.",
    )
    assert notes({"model": "m"}, {"model": "m", "labels": "letter"}) == (
        "The model is the same; the runs differ in option labels (number, then letter): "
        "a difference may come from that.",
    )
    assert "way of answering (exact, then sampled)" in notes({}, {}, method="sampled")[0]
    assert "drawn from the very answers being measured" in notes({"published": True}, {"published": True})[0]
    assert notes({"model": "m"}, {"model": "m", "seed": 1}) == ("Model and settings are the same in both runs.",)


@pytest.mark.parametrize(
    ("studies", "expected"),
    [
        (({"model": "m"}, {"model": "m", "adapter": "adapters/kenya/"}), ["m", "m + kenya"]),
        (({"model": "m", "name": "one"}, {"model": "m", "name": "two"}), ["one", "two"]),
        (({"model": "m"}, {"model": "m"}), ["a", "b"]),
    ],
)
def test_runs_are_called_by_what_tells_them_apart(studies: tuple[dict[str, object], ...], expected: list[str]) -> None:
    survey = made_survey(4, 2)
    runs = [
        finished(survey, made_answers(survey, seed=1), folder, **study)  # type: ignore[arg-type]
        for folder, study in zip("ab", studies, strict=True)
    ]
    assert [one.label for one in compare_runs(runs, resamples=FEW).runs] == expected
    same = compare_runs([runs[0], runs[0]], resamples=FEW)
    assert len({one.label for one in same.runs}) == 2


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(survey_file: Path, tmp_path: Path) -> Path:
    """A finished run on disk."""
    path = tmp_path / "run"
    carry_out(Study(model="x", survey=str(survey_file), resamples=100), scripted("hash"), path)
    record = records.read_run(path)
    records.write_run(path, record.model_copy(update={"finished": records.now()}))
    return path


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no run in .*nowhere'"):
        read_finished(tmp_path / "nowhere")


def test_a_run_that_is_not_finished(folder: Path) -> None:
    record = records.read_run(folder)
    records.write_run(folder, record.model_copy(update={"finished": None}))
    with pytest.raises(UsageError, match="is not finished: type its `pluralign poll` command again"):
        read_finished(folder)


def test_a_run_without_its_answers(folder: Path) -> None:
    (folder / ANSWERS_FILE).unlink()
    with pytest.raises(UsageError, match="is not finished"):
        read_finished(folder)


def test_a_survey_that_has_changed_since(folder: Path, survey_file: Path) -> None:
    survey_file.write_text(survey_file.read_text().replace("[0.7, 0.2, 0.1]", "[0.6, 0.3, 0.1]"))
    with pytest.raises(UsageError, match=r"the survey .*tea\.yaml' has changed since the run in .*run' was made"):
        read_finished(folder)


def test_a_survey_that_is_gone(folder: Path, survey_file: Path) -> None:
    survey_file.unlink()
    with pytest.raises(UsageError, match=r"tea\.yaml"):
        read_finished(folder)


@pytest.mark.parametrize("content", [b"", b"no table at all", None])
def test_answers_that_cannot_be_read(folder: Path, content: bytes | None) -> None:
    if content is None:
        pq.write_table(pa.table({"voice": ["x"]}), folder / ANSWERS_FILE)
    else:
        (folder / ANSWERS_FILE).write_bytes(content)
    with pytest.raises(DataError, match=r"answers\.parquet: cannot be read as the answers of a poll"):
        read_finished(folder)


def test_answers_of_another_survey(folder: Path) -> None:
    table = pq.read_table(folder / ANSWERS_FILE)
    names = ["coffee" if name == "tea" else name for name in table.column("question").to_pylist()]
    place = table.schema.get_field_index("question")
    pq.write_table(table.set_column(place, "question", pa.array(names)), folder / ANSWERS_FILE)
    with pytest.raises(DataError, match=r"does not hold the answers of this run \('coffee'\)"):
        read_finished(folder)


def test_runs_are_compared_by_a_method_that_all_of_them_have(survey_file: Path, tmp_path: Path) -> None:
    def made(name: str, *methods: Method) -> Path:
        one = Study.model_validate(
            {
                "model": "scripted:hash",
                "survey": str(survey_file),
                "method": list(methods),
                "samples": 3,
                "resamples": 100,
            }
        )
        _, answers, _ = carry_out(one, scripted("hash"), tmp_path / name)
        record = records.read_run(tmp_path / name)
        records.write_run(
            tmp_path / name, record.model_copy(update={"finished": records.now(), "counts": answers.counts})
        )
        return tmp_path / name

    both, other = made("both", Method.SAMPLES, Method.EXACT), made("other", Method.EXACT, Method.SAMPLES)
    stated, drawn = made("stated", Method.VERBALISED, Method.SAMPLES), made("drawn", Method.SAMPLES)
    exact = made("exact", Method.EXACT)
    assert [one.method for one in read_alike([both, other])] == ["exact", "exact"]
    assert [one.method for one in read_alike([both, stated])] == ["samples", "samples"]
    assert [one.method for one in read_alike([exact, drawn])] == ["exact", "samples"], (
        "nothing in common: told in notes"
    )
    before, after = read_alike([both, stated])
    assert after.said == read_finished(stated, Method.SAMPLES).said != read_finished(stated).said
    told = provenance.notes(before, after, silent=0)
    assert "Answers were obtained in several ways: those by 'samples' are compared." in told
    assert not any("several ways" in note for note in provenance.notes(*read_alike([exact, drawn]), silent=0))
    assert "way of answering (exact, then samples)" in provenance.notes(*read_alike([exact, drawn]), silent=0)[0]


def test_where_there_are_several_ways_of_answering_the_exact_one_counts(folder: Path) -> None:
    expected = read_finished(folder).said
    table = pq.read_table(folder / ANSWERS_FILE)
    place = table.schema.get_field_index("method")
    sampled = table.set_column(place, "method", pa.array(["samples"] * table.num_rows))
    uniform = [[1 / len(row)] * len(row) for row in table.column("probabilities").to_pylist()]
    place = table.schema.get_field_index("probabilities")
    sampled = sampled.set_column(place, "probabilities", pa.array(uniform))
    pq.write_table(pa.concat_tables([sampled, table]), folder / ANSWERS_FILE)
    both = read_finished(folder)
    assert both.method == "exact"
    assert both.said == expected
