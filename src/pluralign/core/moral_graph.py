"""The moral graph: which values people found wiser than which, where, how many said so, and how sure that is.

Nouns only. How they are computed from judgements is the business of `pluralign.graph`; this module knows no file.
Likelihood and entropy are stored, not derived, because the published graph derives entropy in a way of its own.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from pluralign.core.value_card import ValueCard

Count = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Noun(BaseModel):
    """What all nouns here share: they cannot be changed, and refuse a field they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Relationship(StrEnum):
    """What a person answered when shown a story of someone who moved from one value to another."""

    WISER = "wiser"
    """The person in the story became wiser: the candidate includes what mattered in the source, and more."""
    NOT_WISER = "not_wiser"
    """No, without saying in what way not."""
    LESS_WISE = "less_wise"
    """No, the source is the wiser of the two: the same as `WISER` on the reverse pair."""
    DIFFERENT = "different"
    """Neither is wiser; they are about different things."""
    UNSURE = "unsure"


class Judgement(Noun):
    """One person's answer about one ordered pair of values in one context."""

    participant: str
    source: str
    """Id of the value the person in the story started from."""
    candidate: str
    """Id of the value they came to; `WISER` says that it is the wiser one."""
    relationship: Relationship
    context: str
    judged_at: AwareDatetime

    @model_validator(mode="after")
    def _two_values(self) -> Self:
        if self.source == self.candidate:
            raise ValueError(f"value {self.source!r} cannot be judged against itself")
        return self


class EdgeCounts(Noun):
    """How people answered about the pair (source, candidate). All are numbers of judgements."""

    wiser: Count
    """W: the candidate is wiser."""
    not_wiser: Count
    """N: it is not, or the two are just different."""
    less_wise: Count
    """L: the source is; said here, or as "wiser" on the reverse pair."""
    unsure: Count
    """U: not sure."""
    impressions: Count
    """I: all judgements on the pair in either direction, whatever the answer."""

    @property
    def total(self) -> int:
        """T = W + N + U + L, the denominator of likelihood and support."""
        return self.wiser + self.not_wiser + self.less_wise + self.unsure


class Interval(Noun):
    """A range, both ends included, that holds the true number with the stated probability."""

    low: float
    high: float
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


class GroupSupport(Noun):
    """How one group of participants answered: about an edge, or about all edges that lead to a value."""

    attribute: str
    """Such as "party"."""
    group: str
    """Such as "independent"."""
    wiser: Count
    total: Count
    participants: Count

    @property
    def support(self) -> float:
        """(W + 1) / (T + 2), in (0, 1): the share of "wiser", drawn to one half while few have answered (Polis)."""
        return (self.wiser + 1) / (self.total + 2)


class Bridging(Noun):
    """How far support reaches across all groups of one attribute that answered. Each is in (0, 1)."""

    attribute: str
    groups: Annotated[int, Field(ge=2)]
    minimum: Probability
    """Support of the group that supports it least."""
    product: Probability
    """Group-aware consensus as in Polis: the product of the groups' supports."""
    consensus: Probability
    """The product's geometric mean over the groups, which does not shrink as groups are added."""


class Edge(Noun):
    """People judged `wiser` to be wiser than `source`. In default mode one edge speaks for one context."""

    source: str
    wiser: str
    contexts: tuple[str, ...]
    counts: EdgeCounts
    participants: Count | None = None
    """Distinct people behind the counts; None where only counts were published."""
    likelihood: Annotated[float, Field(ge=-1, le=1)]
    """(W - L) / T."""
    entropy: Annotated[float, Field(ge=0)]
    """Bits: over (W, N, L, U), at most 2; in published mode over (W, N, L, U, I)."""
    support: Probability
    """W / T."""
    support_interval: Interval | None = None
    """Wilson's interval of `support`."""
    posterior_mean: Probability | None = None
    """Mean of the Beta-binomial posterior of `support`, whose prior is learned from all edges."""
    posterior_interval: Interval | None = None
    survival: Probability | None = None
    """Share of bootstrap resamples of the participants in which the edge passes the thresholds."""
    failed: tuple[str, ...] = ()
    """Names of the thresholds that it does not pass; empty for an edge of the graph."""
    groups: tuple[GroupSupport, ...] = ()
    bridging: tuple[Bridging, ...] = ()

    @model_validator(mode="after")
    def _two_values(self) -> Self:
        if self.source == self.wiser:
            raise ValueError(f"an edge cannot lead from value {self.source!r} to itself")
        return self

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What tells edges of one graph apart."""
        return (self.source, self.wiser, self.contexts)


class Standing(Noun):
    """Where one value stands among the values of one context (or of all, where contexts were pooled)."""

    value: str
    context: str | None
    """None: all contexts of the graph together."""
    rank: Annotated[int, Field(ge=1)]
    """1 is the winner. By wisdom; ties by strength, then page rank, then id."""
    wisdom: float
    """Sum of the likelihoods of the edges that lead here."""
    wisdom_interval: Interval | None = None
    """Bootstrap percentile interval."""
    page_rank: Probability | None = None
    """None for a value that no kept edge of this context touches."""
    strength: float | None = None
    """Bradley-Terry log-strength with ties; 0 is the mean of the values compared in this context."""
    strength_interval: Interval | None = None
    win_probability: Probability | None = None
    """Share of bootstrap resamples in which this value has the highest wisdom; ties share. Resamples in which no
    edge is left have no winner."""
    page_rank_win_probability: Probability | None = None
    """The same for the highest page rank."""
    supporters: Count | None = None
    """Distinct people who judged it wiser than another value, over the kept edges that lead here."""
    judges: Count | None = None
    """Distinct people who answered about one of those edges."""
    groups: tuple[GroupSupport, ...] = ()
    bridging: tuple[Bridging, ...] = ()


class Thresholds(Noun):
    """What a pair must show to be an edge of the graph. A threshold of None is not applied."""

    min_wiser: Count = 2
    """W at least."""
    min_total: Count = 0
    """T at least."""
    min_likelihood: float | None = 0.33
    max_entropy: float | None = None
    """Bits, of the entropy that the mode uses."""
    min_support_low: Probability | None = None
    """Lower end of Wilson's interval of W / T, above this."""


class SetAside(Noun):
    """Judgements that were read and not counted. Nothing is dropped without a line here."""

    reason: str
    count: Count
    example: str = ""
    """Where the first of them stands."""


class Filters(Noun):
    """Which judgements were asked for. None means all."""

    contexts: tuple[str, ...] | None = None
    case: str | None = None
    participants: Count | None = None
    """Size of the user set, which is not named here: a graph may be shared, a list of people may not."""
    since: AwareDatetime | None = None
    """First moment included."""
    until: AwareDatetime | None = None
    """First moment excluded."""
    groups: tuple[tuple[str, str], ...] = ()
    """Pairs (attribute, group); groups of one attribute are alternatives, attributes must all hold."""


class Construction(Noun):
    """All that is needed to build the graph again from the same judgements."""

    mode: Literal["published", "default", "imported"]
    pooled: bool
    """Whether contexts were put together."""
    thresholds: Thresholds = Thresholds()
    filters: Filters = Filters()
    judgements: Count | None = None
    """Number counted."""
    set_aside: tuple[SetAside, ...] = ()
    bootstrap: Count = 0
    """Resamples of the participants behind `survival`, `win_probability` and `wisdom_interval`."""
    seed: int | None = None
    prior: tuple[float, float] | None = None
    """The Beta prior (alpha, beta) of `posterior_mean`, learned from all judged pairs."""
    source_hash: str | None = None
    """SHA-256 (first 16 hex digits) of the judgement file."""


class MoralGraph(Noun):
    """Values, who was found wiser than whom, how sure that is, and how it was found."""

    format: Literal["pluralign.moral-graph/1"] = "pluralign.moral-graph/1"
    values: tuple[ValueCard, ...]
    """Every value that takes part in an edge or a candidate edge, in order of the cards."""
    edges: tuple[Edge, ...]
    """Pairs that pass the thresholds."""
    rejected: tuple[Edge, ...] = ()
    """Pairs that were judged and do not pass; `failed` says why."""
    standings: tuple[Standing, ...] = ()
    """By context, then rank."""
    contexts: tuple[str, ...]
    """All contexts in which a judgement was counted, in order of first appearance."""
    cases: tuple[tuple[str, str], ...] = ()
    """Pairs (context, case), where known."""
    participants: Count | None = None
    """Distinct people whose judgements were counted; None where only counts were published."""
    construction: Construction

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        known = {card.id for card in self.values}
        if len(known) != len(self.values):
            raise ValueError("two values have the same id")
        keys = [edge.key for edge in (*self.edges, *self.rejected)]
        if len(set(keys)) != len(keys):
            raise ValueError("the same edge stands there twice")
        for edge in (*self.edges, *self.rejected):
            for end in (edge.source, edge.wiser):
                if end not in known:
                    raise ValueError(f"edge {edge.source!r} to {edge.wiser!r} names value {end!r}, which is not there")
        for edge in self.edges:
            if edge.failed:
                raise ValueError(f"edge {edge.source!r} to {edge.wiser!r} failed {edge.failed} and cannot be kept")
        for standing in self.standings:
            if standing.value not in known:
                raise ValueError(f"a standing names value {standing.value!r}, which is not there")
        return self

    def card(self, value: str) -> ValueCard:
        """The value with this id. Raises KeyError for an id that is not in the graph."""
        for card in self.values:
            if card.id == value:
                return card
        raise KeyError(value)

    @property
    def linked_values(self) -> tuple[ValueCard, ...]:
        """The values at an end of a kept edge: the nodes of the published graph."""
        linked = {end for edge in self.edges for end in (edge.source, edge.wiser)}
        return tuple(card for card in self.values if card.id in linked)

    def standings_in(self, context: str | None) -> tuple[Standing, ...]:
        """The standings of one context, the winner first."""
        return tuple(standing for standing in self.standings if standing.context == context)

    def edges_in(self, contexts: Iterable[str]) -> tuple[Edge, ...]:
        """Kept edges that speak for at least one of the contexts."""
        wanted = set(contexts)
        return tuple(edge for edge in self.edges if wanted.intersection(edge.contexts))
