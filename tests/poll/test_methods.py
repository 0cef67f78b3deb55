"""Every way of getting answers, with engines whose answers are known; stopped and gone on with; held together."""

import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pluralign.core.distribution import Obtained
from pluralign.core.errors import DataError, ModelError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import ChatRequest, Completion, OptionScores, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.poll import records, run
from pluralign.poll.scores import Scores
from pluralign.poll.study import Method, Study
from tests.poll.conftest import carry_out, oracle
from tests.poll.test_run import study

ALL = list(Method)


def listed(request: ChatRequest) -> dict[str, str]:
    """Label -> wording, as they stand on the page."""
    user = request.messages[-1].content
    asked = user[user.rindex("Answers:") :]
    on_one_line = re.match(r"Answers:((?: \d+)+)", asked)
    if on_one_line:
        return {number: number for number in on_one_line[1].split()}
    return dict(re.findall(r"^(\w+)\. (.+)$", asked, re.MULTILINE))


def shares_of(survey: Survey, request: ChatRequest) -> dict[str, float]:
    """Label -> the people's share of what stands behind it."""
    text = "\n".join(message.content for message in request.messages)
    people = "south" if "Southern" in text else "north"
    question = next(one for one in survey.questions if f"Question: {one.text}\n" in text)
    reference = survey.reference(people, question.id)
    shares = [1 / len(question.options)] * len(question.options) if reference is None else reference.probabilities
    by_wording = dict(zip((option.text for option in question.options), shares, strict=True))
    return {label: by_wording[wording] for label, wording in listed(request).items()}


def speaker(survey: Survey) -> ScriptedEngine:
    """Chooses, states and tells what the people would; one reply in ten declines, and one in ten is no answer."""
    scorer = oracle(survey)._scorer

    def speak(request: ChatRequest) -> str:
        user = request.messages[-1].content
        chance = random.Random(request.seed)
        if "JSON" in user:
            return json.dumps(shares_of(survey, request))
        if "Answers:" not in user:
            return "I cannot say." if chance.random() < 0.1 else chance.choice(["Well, never.", "Hm."])
        luck = chance.random()
        if luck < 0.2:
            return "I cannot answer that." if luck < 0.1 else "Let me think about tea."
        shares = shares_of(survey, request)
        return chance.choices(list(shares), list(shares.values()))[0]

    return ScriptedEngine(scorer, speak, name="speaker")


def reader() -> ScriptedEngine:
    """Takes "never" for Never at 0.8, and everything else for none of these."""

    def score(request: ScoreRequest) -> Sequence[float]:
        user = request.messages[-1].content
        letters = dict(re.findall(r"^([A-Z])\. (.+)$", user, re.MULTILINE))
        found = [math.log(0.01)] * len(request.options)
        said = re.search(r'"(.*)"', user)
        assert said is not None
        wanted = [letters[forms[0]] for forms in request.options]
        best = wanted.index("Never") if "never" in said[1] and "Never" in wanted else len(wanted) - 1
        found[best] = math.log(0.8)
        return found

    return ScriptedEngine(score, name="reader")


def test_samples_are_read_and_what_is_no_option_is_counted(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    one = study(survey_file, method="samples", samples=600, orders="all")
    _, answers, scores = carry_out(one, speaker(survey), tmp_path / "run")
    for people in ("north", "south"):
        said = answers.heard[f"persona@{people}"]["milk"].distribution()
        truth = survey.reference(people, "milk")
        assert said is not None
        assert truth is not None
        assert said.obtained is Obtained.SAMPLED
        # 480 readable replies: a share is off by 0.02 on average; all of this is drawn from fixed seeds
        assert said.probabilities == pytest.approx(truth.probabilities, abs=0.06)
        assert said.refused == pytest.approx(0.1, abs=0.04)
        assert said.unreadable == pytest.approx(0.1, abs=0.04)
        assert said.n == pytest.approx(600 * said.captured)
    cell = scores.cells[0]
    assert (cell.voice, cell.method) == ("persona", "samples")
    assert cell.refused == pytest.approx(0.1, abs=0.03)
    assert cell.captured == pytest.approx(0.8, abs=0.04)
    assert cell.replies == pytest.approx(480, abs=20)
    assert any("rest on as few as" in caveat for caveat in scores.caveats)
    assert "600 replies drawn at temperature 1" in scores.asked.method
    rows = pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()
    mine = [row for row in rows if (row["collective"], row["question"]) == ("north", "milk")]
    assert [row["sample"] for row in mine] == list(range(600))
    assert {row["reading"] for row in mine} == {"answer", "refused", "unreadable"}
    for row in mine:
        assert (row["probabilities"] is None) == (row["reading"] != "answer") == (row["captured"] == 0)
        assert row["refused"] == (row["reading"] == "refused")
        assert row["method"] == "samples"
        assert row["logprobs"] is None
    # all six orders, a hundred times each
    orders = [tuple(row["order"]) for row in mine]
    assert {orders.count(order) for order in set(orders)} == {100}
    assert len(set(orders)) == 6


def test_each_sample_has_a_seed_of_its_own_and_questions_do_not_share_their_luck(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    engine = speaker(survey)
    carry_out(study(survey_file, method="samples", samples=8), engine, tmp_path / "run")
    requests = [request for call in engine.said for request in call]
    assert len({(request.messages, request.seed) for request in requests}) == len(requests) == 2 * 3 * 8
    assert len({request.seed for request in requests}) == len(requests)
    assert {(request.temperature, request.max_tokens) for request in requests} == {(1.0, 32)}


@pytest.mark.parametrize("labels", ["number", "letter", "none"])
@pytest.mark.parametrize("permuted", [False, True])
def test_what_is_stated_is_mapped_back(survey_file: Path, tmp_path: Path, labels: str, permuted: bool) -> None:
    if labels == "none" and permuted:
        return

    def speak(request: ChatRequest) -> str:
        if labels == "none":
            user = request.messages[-1].content
            wordings = re.findall(r"^- (.+)$", user, re.MULTILINE)
            return json.dumps({one: 50 if one == "Often" else 25 for one in wordings})
        return json.dumps({label: 50 if wording == "Often" else 25 for label, wording in listed(request).items()})

    one = study(
        survey_file,
        method="verbalised",
        labels=labels,
        permute_labels=permuted,
        orders=4,
        questions={"ids": ["tea"]},
    )
    _, answers, scores = carry_out(one, ScriptedEngine(speaker=speak), tmp_path / "run")
    said = answers.heard["persona@north"]["tea"].distribution()
    assert said is not None
    assert said.obtained is Obtained.VERBALISED
    assert said.probabilities == pytest.approx((0.25, 0.25, 0.5))
    assert said.n is None
    assert scores.cells[0].order_effect == pytest.approx(0)
    assert scores.cells[0].replies is None


def test_statements_that_cannot_be_read_are_counted_and_not_mended(survey_file: Path, tmp_path: Path) -> None:
    replies = {"How often": '{"1": 20, "2": 20, "3": 20}', "milk": "I cannot say.", "talk": "{}"}
    engine = ScriptedEngine.from_table(replies=replies)
    _, answers, scores = carry_out(study(survey_file, method="verbalised"), engine, tmp_path / "run")
    heard = answers.heard["persona@north"]
    assert [heard[key].distribution() for key in ("tea", "milk", "talk")] == [None] * 3
    assert [heard[key].mean_refused for key in ("tea", "milk", "talk")] == [0, 1, 0]
    assert scores.cells[0].unanswerable == 3
    assert scores.cells[0].refused == pytest.approx(1 / 3)
    assert any("could not be read" in caveat for caveat in scores.caveats)


def test_free_texts_are_read_by_a_second_model_and_none_of_these_is_left_out(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    one = study(survey_file, method="free-text", samples=200, reader="reader", questions={"ids": ["tea"]})
    _, answers, scores = carry_out(one, speaker(survey), tmp_path / "run", reader())
    rows = pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()
    mine = [row for row in rows if row["collective"] == "north"]
    never = [row for row in mine if row["reply"] == "Well, never."]
    # 0.8 for Never and 0.01 each for two others and for none of these: 0.82 of 0.83 are options
    assert {round(row["captured"], 12) for row in never} == {round(0.82 / 0.83, 12)}
    assert never[0]["probabilities"] == pytest.approx([0.8 / 0.82, 0.01 / 0.82, 0.01 / 0.82])
    hm = [row for row in mine if row["reply"] == "Hm."]
    assert {round(row["captured"], 12) for row in hm} == {round(0.03 / 0.83, 12)}
    refused = [row for row in mine if row["reading"] == "refused"]
    assert {row["reply"] for row in refused} == {"I cannot say."}
    assert len(never) + len(hm) + len(refused) == 200
    said = answers.heard["persona@north"]["tea"].distribution()
    assert said is not None
    assert said.obtained is Obtained.FREE_TEXT
    n = (len(never) * 0.82 + len(hm) * 0.03) / 0.83
    assert said.n == pytest.approx(n)
    # each text counts by what the options hold of it
    assert said.probabilities[0] == pytest.approx((len(never) * 0.80 + len(hm) * 0.01) / 0.83 / n)
    assert said.refused == pytest.approx(len(refused) / 200)
    assert said.captured == pytest.approx(n / 200)
    assert "reader then scores" in scores.asked.method
    assert set(records.specify(run.prepare(one), speaker(survey), reader()).templates) >= {
        "system_reader.v1",
        "user_reader.v1",
        "user_plain_words.v1",
    }


def test_all_methods_side_by_side_and_how_far_they_agree(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    one = study(survey_file, method=ALL, samples=300, orders="all", reader="reader", questions={"ids": ["tea", "milk"]})
    _, _, scores = carry_out(one, speaker(survey), tmp_path / "run", reader())
    assert scores.methods == ("exact", "samples", "verbalised", "free-text")
    assert [(one.voice, one.label, one.method) for one in scores.summaries] == [
        ("persona", "persona (exact)", "exact"),
        ("persona (samples)", "persona (samples)", "samples"),
        ("persona (verbalised)", "persona (verbalised)", "verbalised"),
        ("persona (free-text)", "persona (free-text)", "free-text"),
    ]
    assert {one.way for one in scores.summaries} == {"persona"}
    assert set(scores.questions[0].voices) == {one.voice for one in scores.summaries}
    pairs = {(one.first, one.second): one for one in scores.agreements}
    assert len(pairs) == 6
    stated = pairs["exact", "verbalised"]
    assert stated.total_variation.value == pytest.approx(0, abs=1e-9)
    assert stated.wasserstein.value == pytest.approx(0, abs=1e-9)
    assert stated.rank_correlation.value == pytest.approx(1)
    assert stated.by_sampling is None
    assert (stated.questions, stated.pairs) == (2, 4)
    drawn = pairs["exact", "samples"]
    assert drawn.by_sampling is not None
    assert drawn.shuffled is not None
    assert drawn.total_variation.value is not None
    # the samples are of the exact shares: they are off by what their number lets expect, give or take
    assert 0.3 * drawn.by_sampling < drawn.total_variation.value < 3 * drawn.by_sampling < drawn.shuffled
    told = pairs["exact", "free-text"]
    assert told.total_variation.value is not None
    assert told.total_variation.value > 0.3, "a model that always says never means something else than it chooses"
    methods = {example.method for example in scores.asked.examples}
    assert methods == {"exact, samples", "verbalised", "free-text"}


class Dies(ScriptedEngine):
    """Gives out after some batches of any kind, as a process that is killed does."""

    def __init__(self, survey: Survey, batches: int):
        whole = speaker(survey)
        super().__init__(whole._scorer, whole._speaker, name="speaker")
        self.left = batches

    def _tick(self) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        self._tick()
        return super().score(requests)

    def chat(self, requests: Sequence[ChatRequest]) -> list[Completion]:
        self._tick()
        return super().chat(requests)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_whatever_the_method_a_stopped_run_goes_on_without_asking_anything_twice(
    survey: Survey, survey_file: Path, tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SHARD", 10)
    one = study(survey_file, method=ALL, samples=5, reader="reader", calibrate={"questions": 1})
    whole = speaker(survey)
    _, undisturbed, expected = carry_out(one, whole, tmp_path / "undisturbed", reader())
    dying, first_reader = Dies(survey, int(share * (len(whole.scored) + len(whole.said)))), reader()
    with pytest.raises(KeyboardInterrupt):
        carry_out(one, dying, tmp_path / "stopped", first_reader)
    second, second_reader = speaker(survey), reader()
    _, answers, scores = carry_out(one, second, tmp_path / "stopped", second_reader)
    everyone: list[ScriptedEngine] = [dying, second, first_reader, second_reader]
    asked = [request for engine in everyone for call in (*engine.scored, *engine.said) for request in call]
    assert len(asked) == len(set(asked)) == undisturbed.counts["computed"]
    assert answers.counts["resumed"] >= undisturbed.counts["resumed"]
    assert scores.model_dump(exclude={"created"}) == expected.model_dump(exclude={"created"})
    for name in ("answers.parquet", "prompts.parquet"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


# --- what engines must be able to do ----------------------------------------------------------------------------------


def test_an_engine_without_scores_is_asked_for_samples_only_by_name(survey_file: Path, tmp_path: Path) -> None:
    engine = scripted("hash")
    engine.can = replace(engine.can, option_scores="none")
    with pytest.raises(ModelError, match="--method samples"):
        carry_out(study(survey_file), engine, tmp_path / "refused")
    _, answers, _ = carry_out(study(survey_file, method="samples", samples=4), engine, tmp_path / "run")
    assert answers.heard["persona@north"]["tea"].n == 4


def test_an_engine_that_cannot_chat_or_a_reader_that_cannot_score_is_refused(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="writes no replies, which --method samples needs"):
        carry_out(study(survey_file, method="samples"), oracle(survey), tmp_path / "run")
    silent = scripted("hash")
    silent.can = replace(silent.can, option_scores="none")
    with pytest.raises(ModelError, match="the reader 'scripted:hash' does not tell"):
        carry_out(study(survey_file, method="free-text", reader="r"), scripted("hash"), tmp_path / "other", silent)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"method": "sampled"}, "method"),
        ({"method": []}, "at least one method"),
        ({"method": ["exact", "exact"]}, "named once"),
        ({"method": "free-text"}, "go together"),
        ({"reader": "smollm2"}, "go together"),
        ({"method": "samples", "calibrate": {"questions": 2}}, "add 'exact'"),
        ({"calibrate": {"questions": 1.5}}, "less than 1"),
        ({"permute_labels": True, "labels": "none"}, "none to permute"),
    ],
)
def test_methods_that_make_no_study_are_refused(survey_file: Path, keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        study(survey_file, **keys)


def test_methods_may_be_written_in_one_line(survey_file: Path) -> None:
    assert study(survey_file, method="exact, samples").methods == (Method.EXACT, Method.SAMPLES)


# --- order effects ----------------------------------------------------------------------------------------------------


def liking(survey: Survey, *, first: float = 0.0, label: tuple[str, float] = ("", 0.0)) -> ScriptedEngine:
    """Gives so much of all it has to the first place, so much to a label, and the rest as the people answer."""

    def score(request: ScoreRequest) -> Sequence[float]:
        user = request.messages[-1].content
        asked = user[user.rindex("Question: ") :]
        question = next(one for one in survey.questions if f"Question: {one.text}\n" in asked)
        reference = survey.reference("north", question.id)
        assert reference is not None
        own = np.array(reference.probabilities)
        page = re.findall(r"^(\w+)\. .+$", asked, re.MULTILINE)
        shares = (1 - first - label[1]) * own
        labels = [forms[0] for forms in request.options]
        shares[labels.index(page[0])] += first
        if label[0] in labels:
            shares[labels.index(label[0])] += label[1]
        return [math.log(share) for share in shares]

    return ScriptedEngine(score, name=f"liking {first} {label}")


def biases(survey_file: Path, folder: Path, engine: ScriptedEngine, **keys: object) -> Scores:
    one = study(survey_file, questions={"ids": ["tea", "milk"]}, **{"as": ["north"]}, **keys)
    return carry_out(one, engine, folder)[2]


def test_a_known_liking_for_the_first_place_is_found(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    [found] = biases(survey_file, tmp_path, liking(survey, first=0.3), orders=6).order_biases
    # 0.3 to the first of three places: 0.2 more than a place's due there, 0.1 less elsewhere
    assert found.first.value == pytest.approx(0.2)
    assert found.last.value == pytest.approx(-0.1)
    assert found.moved == pytest.approx(0.2)
    assert (found.apart, found.labels, found.questions) == (False, (), 2)


def test_a_liking_for_a_place_and_one_for_a_label_are_told_apart(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    engine = liking(survey, first=0.3, label=("2", 0.15))
    [found] = biases(survey_file, tmp_path, engine, orders=6, permute_labels=True).order_biases
    assert found.apart
    assert found.first.value == pytest.approx(0.2)
    assert {one.label: one.effect.value for one in found.labels} == {
        "1": pytest.approx(-0.05),
        "2": pytest.approx(0.10),
        "3": pytest.approx(-0.05),
    }


def test_a_voice_without_a_liking_has_none_and_one_order_tells_nothing(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    [found] = biases(survey_file, tmp_path / "many", liking(survey), orders=6).order_biases
    assert found.first.value == pytest.approx(0, abs=1e-12)
    assert found.moved == pytest.approx(0, abs=1e-12)
    assert biases(survey_file, tmp_path / "one", liking(survey), orders=1).order_biases == ()


# --- calibration ------------------------------------------------------------------------------------------------------


def many(path: Path, questions: int = 12) -> Survey:
    """A survey of two peoples, seeded."""
    draw = np.random.default_rng(1)
    rows = ["question_id,question,topic,scale,group,option,share,n"]
    for at in range(questions):
        for people in ("north", "south"):
            for option, share in zip(("Never", "Sometimes", "Often"), draw.dirichlet([3, 3, 3]), strict=True):
                rows.append(f"q{at},How often number {at}?,Topic {at % 3},ordinal,{people},{option},{share},500")
    path.write_text("\n".join(rows) + "\n")
    return run.prepare(Study(model="x", survey=str(path))).survey


def sharpened(survey: Survey, power: float) -> ScriptedEngine:
    """Answers as the people it names do, too sure of itself by so much."""

    def score(request: ScoreRequest) -> Sequence[float]:
        system, user = (message.content for message in request.messages)
        people = "south" if "south" in system else "north"
        question = next(one for one in survey.questions if f"Question: {one.text}\n" in user)
        reference = survey.reference(people, question.id)
        assert reference is not None
        shares = np.array(reference.probabilities) ** power
        by_wording = dict(zip((option.text for option in question.options), shares / shares.sum(), strict=True))
        page = dict(re.findall(r"^(\w+)\. (.+)$", user, re.MULTILINE))
        return [math.log(by_wording[page[forms[0]]]) for forms in request.options]

    return ScriptedEngine(score, name="sharpened", version=str(power))


@pytest.mark.parametrize("power", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered_on_questions_that_are_not_measured(tmp_path: Path, power: float) -> None:
    survey = many(tmp_path / "many.csv")
    one = study(tmp_path / "many.csv", calibrate={"questions": 4})
    prepared, _, scores = carry_out(one, sharpened(survey, power), tmp_path / "run")
    [fitted] = scores.calibrations
    assert fitted.temperature.value == pytest.approx(power, rel=1e-3)
    assert fitted.divergence_after == pytest.approx(0, abs=1e-6)
    assert fitted.answers == 8
    assert len(fitted.questions) == 4
    measured = {question.id for question in scores.questions}
    assert measured.isdisjoint(fitted.questions)
    assert len(measured) == 8 == scores.cells[0].questions
    assert {question.id for question in prepared.survey.questions} == measured | set(fitted.questions)
    before, after = scores.summaries
    assert (before.method, after.method) == ("exact", "calibrated")
    assert after.voice == "persona (calibrated)"
    assert after.distance.value == pytest.approx(0, abs=1e-4)
    if power != 1:
        assert before.distance.value is not None
        assert before.distance.value > 0.02
    else:
        assert before.distance.value == pytest.approx(after.distance.value, abs=1e-4)
    assert scores.agreements == (), "a calibrated answer is no second measurement"
    assert any("4 questions were held out" in caveat for caveat in scores.caveats)


def test_a_share_of_the_questions_may_be_held_out_and_never_all(tmp_path: Path) -> None:
    many(tmp_path / "many.csv")
    prepared = run.prepare(study(tmp_path / "many.csv", calibrate={"questions": 0.25}))
    assert prepared.held_out == ("q2", "q6", "q10")
    with pytest.raises(UsageError, match="cannot be held out of 12"):
        run.prepare(study(tmp_path / "many.csv", calibrate={"questions": 12}))


def test_only_exact_answers_are_asked_of_questions_that_are_held_out(tmp_path: Path) -> None:
    many(tmp_path / "many.csv")
    one = study(tmp_path / "many.csv", calibrate={"questions": 4}, method=["exact", "samples"], samples=2)
    _, _, scores = carry_out(one, scripted("hash"), tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / "answers.parquet", columns=["method", "question"]).to_pylist()
    assert len({row["question"] for row in rows if row["method"] == "exact"}) == 12
    assert len({row["question"] for row in rows if row["method"] == "samples"}) == 8
    assert [one.method for one in scores.summaries] == ["exact", "calibrated", "samples"]


def test_study_files_name_the_line_of_a_wrong_method(tmp_path: Path) -> None:
    from pluralign.poll.study import study_from

    (tmp_path / "study.yaml").write_text("model: scripted:hash\nsurvey: world-mini\nmethod: [exact, guessing]\n")
    with pytest.raises(DataError, match=r"study.yaml:3: "):
        study_from(tmp_path / "study.yaml", {}, {})
