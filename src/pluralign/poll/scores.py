"""What came of a run, as numbers: the content of ``scores.json`` and all that a report is made from.

Knows no page and computes nothing. Every number that does not exist is ``None``, with a reason where one is due.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pluralign.core.collective import Collective

DistanceName = Literal["wasserstein", "total_variation", "js_distance"]
LEVEL = 0.05
"""A difference is called one where its p-value, corrected if it is one of many, is at most this."""
DISTANCES: tuple[DistanceName, ...] = ("wasserstein", "js_distance", "total_variation")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Part):
    """A number with its 95 % bootstrap interval over questions."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Difference(_Part):
    """Before less after, with its 95 % interval; the same resampled questions stand on both sides.

    The interval is a percentile interval, widened for few questions (Hesterberg 2015).
    """

    value: float | None
    low: float | None = None
    """``None`` where there are too few questions (or topics) to tell."""
    high: float | None = None
    p: float | None = None
    """Two-sided bootstrap p-value of "no difference"."""
    p_adjusted: float | None = None
    """The same corrected for the number of differences that are looked through with it (Benjamini and Hochberg);
    ``None`` for what stands alone."""

    @property
    def telling(self) -> float | None:
        """The p-value that counts: the corrected one where there is one."""
        return self.p if self.p_adjusted is None else self.p_adjusted

    @property
    def decided(self) -> bool:
        """Whether it can be told from no difference: by the p-value that counts, and never against the interval."""
        p = self.telling
        if p is None or self.low is None or self.high is None:
            return False
        return p <= LEVEL and (self.low > 0 or self.high < 0)


class Mark(_Part):
    """A floor or ceiling to hold a distance against. Smaller distances are better."""

    name: str
    """``uniform``, ``middle``, ``others``, ``marginal``, ``noise`` …"""
    label: str
    """Two or three words for a legend."""
    sentence: str
    """What it is, in one plain sentence."""
    kind: Literal["floor", "ceiling"]
    """Floor: what an answerer who knows nothing of this people reaches. Ceiling: what the people themselves reach."""
    distances: dict[DistanceName, float | None]


class Cell(_Part):
    """One voice measured against one people."""

    voice: str
    """Name of the answerer: the way of speaking, with the method where it is not the study's first."""
    collective: str
    method: str = "exact"
    """How its answers were obtained: ``exact``, ``samples``, ``verbalised``, ``free-text`` or ``calibrated``."""
    headline: DistanceName
    """The distance that skill and "worth n people" are about: Wasserstein wherever a question has an order."""
    distances: dict[DistanceName, Measure]
    """Means over questions, each in [0, 1]. Wasserstein over ordered scales only; the others over all."""
    shuffled: dict[DistanceName, float | None]
    """Expected distance of the voice's own probabilities dealt to random options: closeness that is only shape."""
    entropy: Measure
    """Mean entropy of the voice's answers, in nats."""
    people_entropy: float | None
    entropy_ratio: Measure
    """Voice over people. Below 1 the voice is more of one mind than the people are."""
    agreement: Measure
    """Share of questions on which the likeliest option is the same."""
    alignment_published: float | None
    """Cultural Alignment Score as published (modes, raw scales, pooled), at most 1."""
    alignment: Measure
    """The same idea per question, normalised, nominal questions by match."""
    skill: Measure
    """(marginal - voice) / (marginal - noise) on the headline distance: 0 knows no more than the whole sample,
    1 is a fresh sample of the people."""
    skill_over_uniform: Measure
    """The same against the uniform floor: the bar for an answerer who was told nothing."""
    skill_note: str = ""
    """Why skill is undefined, if it is."""
    worth_people: float | None
    """How many random members of this people would come as close, on the headline distance."""
    worth_text: str
    """The same in words: "2.3", "fewer than 1", "more than 1,000"."""
    marks: tuple[Mark, ...]
    questions: int
    """Questions compared."""
    ordered: int
    nominal: int
    without_reference: int
    """Asked, but this people was not: left out of every number above."""
    unanswerable: int
    """Asked, and the voice gave no option any probability: left out and counted here."""
    captured: float
    """Mean probability that the reply begins with one of the options, or share of replies that could be read as one."""
    refused: float = 0.0
    """Mean share of replies that declined."""
    replies: float | None = None
    """Mean number of readable replies to a question; ``None`` where answers are not replies drawn at random."""
    lowest_captured: float
    """The same on the worst question."""
    people_missing: float
    """Mean share of the people who gave no valid answer; left out before comparing."""
    order_effect: float | None
    """Mean total variation between answers to different option orders; ``None`` with a single order."""
    over_average: Difference | None = None
    """Headline distance of everyone's average (the whole-sample marginal) less the voice's: above 0, the voice is
    closer. Corrected for all voices and peoples of the page; ``None`` where there is no skill."""
    people_n: float | None = None
    """Mean number of people behind an answer, effective where they are weighted; ``None`` where it is not known."""
    respondents: float | None = None
    """Mean number of people who were counted, whatever their weights; ``None`` where it is not known."""
    design_effect: float | None = None
    """Respondents over effective number (Kish), mean over questions: 1 without weights; what weighting costs."""


GapKind = Literal["telling", "voices", "models"]


class Gap(_Part):
    """One answerer against another, on the same peoples and questions: headline distance of the first less that of the
    second. Above 0, the second is closer."""

    kind: GapKind
    """``telling``: the first names nobody, the second is told whom to speak for (the steerability gap). ``voices``: two
    ways of speaking of one model. ``models``: the same way of speaking, two models."""
    first: str
    second: str
    peoples: int
    questions: int
    before: Measure
    """The first's distance."""
    after: Measure
    difference: Difference
    """Questions resampled; corrected for the number of gaps."""
    by_topic: Difference
    """Whole topics resampled, as questions of a topic go up and down together."""


class Telling(_Part):
    """How a voice tells peoples apart: does it draw stereotypes?"""

    voice: str
    label: str
    peoples: int
    questions: int
    people: float | None
    """Mean headline distance between two peoples on a question."""
    spread: Measure
    """Mean distance between the voice's answers for two peoples, over that between the peoples. Above 1 it
    exaggerates, below 1 it makes them alike."""
    direction: Measure
    """Correlation of how far each people lies from the peoples' mean, in the voice and in truth; in [-1, 1]."""


class Summary(_Part):
    """One voice over all its peoples, each people counting alike."""

    voice: str
    label: str
    sentence: str
    """What the model is told, in plain words."""
    way: str = ""
    """The way of speaking, whatever the method; empty in scores of earlier versions."""
    method: str = "exact"
    """How its answers were obtained: ``exact``, ``samples``, ``verbalised``, ``free-text`` or ``calibrated``."""
    distance: Measure
    """The headline distance."""
    js_distance: Measure
    entropy_ratio: Measure
    agreement: Measure
    skill: Measure
    skill_over_uniform: Measure
    worth_people: float | None
    worth_text: str
    captured: float
    refused: float = 0.0
    replies: float | None = None
    marks: tuple[Mark, ...]
    """Means of the peoples' floors and ceilings."""
    worst: str | None
    """Id of the people it is farthest from, in skill."""
    best: str | None
    distance_by_topic: Measure | None = None
    """The headline distance, its interval over whole topics."""
    skill_by_topic: Measure | None = None
    model: str = ""
    """Whose voice it is, on a page about several models; empty on a page about one."""
    own_closest: int | None
    """For how many peoples the voice that claims to speak for them is closest to just them; ``None`` if unsteered."""
    peoples: int


class MethodAgreement(_Part):
    """Whether two methods hear the same from one way of speaking: convergent validity.

    Means over questions, each question the mean over peoples; only answers that both methods have.
    """

    voice: str
    """The way of speaking."""
    label: str
    first: str
    """A method."""
    second: str
    questions: int
    pairs: int
    """Answers compared: questions times peoples."""
    total_variation: Measure
    """How far apart the two methods' shares are; 0 is the same."""
    wasserstein: Measure
    """The same along ordered scales."""
    rank_correlation: Measure
    """Spearman's, of the shares of a question's options; 1: both put the options in the same order."""
    by_sampling: float | None
    """Total variation to be expected from the number of replies alone; ``None`` unless one of the two draws replies."""
    shuffled: float | None
    """Total variation to be expected if one method's shares stood at random options: no agreement but in shape."""


class LabelEffect(_Part):
    """What one label adds to an option's share."""

    label: str
    effect: Measure
    questions: int


class OrderBias(_Part):
    """What an answerer gives to options for where they stand, mean over questions. Shares, so 0.1 is ten points."""

    voice: str
    label: str
    method: str
    questions: int
    apart: bool
    """Whether labels came apart from places. If not, the effects are of place and label together."""
    first: Measure
    """What the first place adds to an option's share."""
    last: Measure
    moved: float | None
    """Half the sum of all places' effects without their signs: the share that is given to places. ``None`` for
    samples, where it would mostly be luck."""
    labels: tuple[LabelEffect, ...]
    """What labels add, where they came apart from places."""


class Calibrated(_Part):
    """A temperature, fitted on held-out questions to one way of speaking."""

    voice: str
    label: str
    questions: tuple[str, ...]
    """Held out: asked, fitted on, and in no other number."""
    answers: int
    """Answers fitted to: questions times peoples."""
    temperature: Measure
    """Above 1: the voice is too sure of its answers. Interval over held-out questions."""
    at_bound: bool
    """Whether the best temperature may lie beyond what was looked through."""
    divergence_before: float
    """Mean Kullback-Leibler divergence from the people on the held-out questions, in nats."""
    divergence_after: float


class QuestionAnswers(_Part):
    """One question: how peoples answered it and how voices did."""

    id: str
    text: str
    topic: str
    scale: str
    options: tuple[str, ...]
    people: dict[str, tuple[float, ...]]
    """Collective id -> shares."""
    voices: dict[str, dict[str, tuple[float, ...]]]
    """Voice -> collective id ("" where the voice names nobody) -> probabilities."""


class TraitScore(_Part):
    """One trait of a personality inventory, of a voice or of a people."""

    trait: str
    voice: str
    """Empty: the people's own."""
    collective: str
    """Spoken for, or whose it is; empty for a voice that speaks for nobody."""
    score: Measure
    """Mean rating over the trait's statements, from 1 to ``top``; more is more of the trait."""
    spread: float | None
    """Standard deviation over statements."""
    items: int
    """Statements answered."""
    top: int
    """The highest score there is: the number of options."""
    difference: Measure | None
    """Voice less people, statement by statement; ``None`` where there are no people to hold it against."""


class ExamplePrompt(_Part):
    """A prompt as it was sent, so that a reader sees how it was asked."""

    voice: str
    collective: str
    method: str = ""
    """By which methods it is asked so; empty where there is one only."""
    system: str
    user: str
    reply_start: str = ""
    """What the reply was made to begin with, such as an identity token."""


class Asked(_Part):
    """How it was asked."""

    model: str
    engine: dict[str, object]
    method: str
    """How answers were obtained, in one sentence."""
    orders: str
    labels: str
    published_leak: bool
    prompts: int
    prompt_tokens: int
    computed_tokens: int
    examples: tuple[ExamplePrompt, ...]


class RunOfPage(_Part):
    """One of several runs on one page."""

    name: str
    """Short, of its model; stands before its voices."""
    run: str
    folder: str
    asked: Asked
    created: str


class Scores(_Part):
    """Everything a run found out."""

    schema_version: Literal[1] = 1
    run: str
    """Id of the run's specification."""
    study: str
    created: str
    """UTC, ISO 8601."""
    version: str
    """Of pluralign."""
    survey: str
    survey_title: str
    citation: str
    licence: str
    survey_notes: str
    topics: tuple[str, ...]
    collectives: tuple[Collective, ...]
    """Spoken for, or compared with."""
    unscored: tuple[str, ...]
    """Collectives a voice spoke for that this survey has no answers of."""
    asked: Asked
    headline: DistanceName
    summaries: tuple[Summary, ...]
    cells: tuple[Cell, ...]
    closest: dict[str, dict[str, dict[str, float]]]
    """Voice -> collective spoken for -> collective compared with -> mean headline distance."""
    questions: tuple[QuestionAnswers, ...]
    methods: tuple[str, ...] = ("exact",)
    """How answers were obtained; the headline is about the first."""
    agreements: tuple[MethodAgreement, ...] = ()
    order_biases: tuple[OrderBias, ...] = ()
    calibrations: tuple[Calibrated, ...] = ()
    gaps: tuple[Gap, ...] = ()
    tellings: tuple[Telling, ...] = ()
    traits: tuple[TraitScore, ...] = ()
    """Of a personality inventory: the people's profiles, then the voices', trait by trait."""
    runs: tuple[RunOfPage, ...] = ()
    """Whose voices these are, where they come from several runs; empty for one."""
    caveats: tuple[str, ...]
    """What a reader must know before believing any of it, in plain sentences."""
