"""Bradley-Terry strengths with ties, per context, each drawn to the value's strength over all contexts.

The strength of value v in context c is m[v] + d[v, c]; a comparison of i with j ends with i preferred in proportion
exp(s_i), j in proportion exp(s_j), neither in proportion nu * exp((s_i + s_j) / 2). m and d are normal around 0, with
variances learned from the data, so a context of few answers borrows from the others and a value nobody compared
stays at 0. Knows counts, not participants. Sources: R. A. Bradley and M. E. Terry, Biometrika 39 (1952);
R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties", JASA 65 (1970); for learning variances by
alternating with a normal approximation of the posterior, D. J. C. MacKay, Neural Computation 4 (1992).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg, splu

from pluralign.graph.aggregate import PairTable
from pluralign.graph.judgements import Codes, pack

Floats = NDArray[np.float64]
# A variance cannot be learned from nothing, nor be nothing; log-strengths beyond +-6 are certainties.
_VARIANCES = (0.01, 9.0)
# Above this many parameters the posterior covariance is not formed: variances stay as given, errors are NaN.
_DENSE = 3000


class Contests(NamedTuple):
    """Comparisons of unordered pairs, one row per pair and context."""

    one: Codes
    other: Codes
    context: Codes
    """All alike where contexts are pooled."""
    wins_one: Floats
    wins_other: Floats
    ties: Floats


def contests(pairs: PairTable) -> Contests:
    """Wins and ties of counted pairs. "Wiser" is a win, "not wiser" and "different" ties; "unsure" says nothing.

    "Not wiser" does not say that the source is the wiser one, so it is no win for it.
    """
    # The two directions of a pair hold the same wins seen from both ends, and each its own ties.
    low, high = np.minimum(pairs.source, pairs.candidate), np.maximum(pairs.source, pairs.candidate)
    _, first, group = np.unique(pairs.group, return_index=True, return_inverse=True)
    reverse = pairs.reverse[first]
    return Contests(
        one=low[first],
        other=high[first],
        context=pairs.context[first],
        wins_one=np.where(reverse, pairs.wiser[first], pairs.less_wise[first]).astype(np.float64),
        wins_other=np.where(reverse, pairs.less_wise[first], pairs.wiser[first]).astype(np.float64),
        ties=np.bincount(group, weights=pairs.not_wiser, minlength=len(first)).astype(np.float64),
    )


class Strengths(NamedTuple):
    """A row per value and context in which it was compared."""

    value: Codes
    context: Codes
    strength: Floats
    """Log-strength; the mean over the values of a context is 0."""
    error: Floats
    """Standard deviation of `strength` in the posterior; NaN where there were too many values to compute it."""
    tie: float
    """nu: 0 if nobody ever ties; 1 if two equal values tie once in three comparisons."""
    value_sd: float
    """Learned spread of values over all contexts."""
    context_sd: float
    """Learned spread of one value between contexts; 0 with one context."""


def bradley_terry(played: Contests, *, value_sd: float = 1.0, context_sd: float = 0.5, learn: bool = True) -> Strengths:
    """Most probable strengths with their errors. ``value_sd`` and ``context_sd`` are where learning starts.

    Contests without a win or a tie, where all were unsure, tell nothing and place no value.
    """
    told = played.wins_one + played.wins_other + played.ties > 0
    played = Contests(
        played.one[told],
        played.other[told],
        played.context[told],
        played.wins_one[told],
        played.wins_other[told],
        played.ties[told],
    )
    if not len(played.one):
        nothing, none = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Strengths(none, none, nothing, nothing, 0.0, value_sd, context_sd)
    design = _design(played)
    several = len(np.unique(played.context)) > 1
    precision = _precision(design, value_sd, context_sd, several)
    point = np.zeros(design.columns.shape[1] + 1)
    covariance: Floats | None = None
    for _ in range(20):
        point = _most_probable(design, played, precision, point)
        if point.size > _DENSE:
            break
        curvature = _curvature(design, played, precision, point)
        covariance = np.asarray(splu(curvature).solve(np.eye(point.size)))
        if not learn:
            break
        before = value_sd, context_sd
        spread = np.diag(covariance)
        value_sd = _learned_sd(point[: design.values], spread[: design.values], value_sd)
        if several:
            context_sd = _learned_sd(point[design.values : -1], spread[design.values : -1], context_sd)
        # A standard deviation is not known to a hundredth of itself.
        settled = all(abs(now / was - 1) < 0.01 for now, was in zip((value_sd, context_sd), before, strict=True))
        if settled:
            break
        precision = _precision(design, value_sd, context_sd, several)
    strength, error = _read_out(design, point, covariance)
    return Strengths(
        design.cell_value,
        design.cell_context,
        strength,
        error,
        float(np.exp(point[-1])) if played.ties.any() else 0.0,
        value_sd,
        context_sd if several else 0.0,
    )


def _learned_sd(estimates: Floats, variances: Floats, sd: float) -> float:
    """MacKay's step: spread of the estimates over how many of them the data, not the prior, determine."""
    determined = float((1 - variances / sd**2).sum())
    return float(np.sqrt(np.clip((estimates**2).sum() / max(determined, 1e-9), *_VARIANCES)))


class _Design(NamedTuple):
    columns: sparse.csr_array
    """Contests by parameters: which strengths a contest's difference adds and takes away."""
    values: int
    """The first parameters are m, one per value; then d, one per cell."""
    cell_value: Codes
    cell_context: Codes
    cell_parameter: Codes
    """Position of m for each cell (a value in a context)."""


def _design(played: Contests) -> _Design:
    ends = np.concatenate([played.one, played.other])
    where = np.concatenate([played.context, played.context]) - played.context.min()
    _, first, cell = np.unique(pack(where, ends), return_index=True, return_inverse=True)
    cell_value = ends[first]
    known, value = np.unique(cell_value, return_inverse=True)
    contests_, values, cells = len(played.one), len(known), len(first)
    one, other = cell[:contests_], cell[contests_:]
    row = np.tile(np.arange(contests_), 4)
    column = np.concatenate([value[one], value[other], values + one, values + other])
    sign = np.repeat([1.0, -1.0, 1.0, -1.0], contests_)
    columns = sparse.csr_array((sign, (row, column)), shape=(contests_, values + cells))
    return _Design(columns, values, cell_value, where[first] + played.context.min(), value)


def _precision(design: _Design, value_sd: float, context_sd: float, several: bool) -> Floats:
    """Prior precision of every parameter; the last is log nu, around 0 with standard deviation 2."""
    cells = len(design.cell_value)
    # With one context, m and d are the same thing twice: d is held at 0.
    between = 1 / context_sd**2 if several else 1e8
    return np.concatenate([np.full(design.values, 1 / value_sd**2), np.full(cells, between), [0.25]])


class _Terms(NamedTuple):
    loss: Floats
    by_difference: Floats
    by_tie: Floats
    twice_difference: Floats
    twice_tie: Floats
    mixed: Floats


def _terms(difference: Floats, log_tie: float, played: Contests) -> _Terms:
    """Negative log-likelihood of each contest and its first and second derivatives."""
    games = played.wins_one + played.wins_other + played.ties
    half = np.clip(difference / 2, -300, 300)
    tie = np.exp(log_tie)
    cosh, sinh = np.cosh(half), np.sinh(half)
    whole = 2 * cosh + tie
    lead = (played.wins_one - played.wins_other) / 2
    return _Terms(
        loss=games * np.log(whole) - lead * difference - played.ties * log_tie,
        by_difference=games * sinh / whole - lead,
        by_tie=games * tie / whole - played.ties,
        # (cosh / 2 * whole - sinh^2) / whole^2, written so that large numbers do not cancel.
        twice_difference=games * (1 + cosh * tie / 2) / whole**2,
        twice_tie=games * tie * 2 * cosh / whole**2,
        mixed=-games * tie * sinh / whole**2,
    )


def _most_probable(design: _Design, played: Contests, precision: Floats, start: Floats) -> Floats:
    def loss(point: Floats) -> tuple[float, Floats]:
        terms = _terms(design.columns @ point[:-1], float(point[-1]), played)
        slope = np.append(design.columns.T @ terms.by_difference, terms.by_tie.sum()) + precision * point
        return float(terms.loss.sum() + (precision * point**2).sum() / 2), slope

    point = start
    value, slope = loss(point)
    for _ in range(100):  # Newton: the loss is convex, so halving the step until it falls is enough
        step = _newton_step(_curvature(design, played, precision, point), slope)
        size = 1.0
        while size > 1e-6:
            next_value, next_slope = loss(point - size * step)
            if next_value <= value:
                break
            size /= 2
        point, slope, fell, value = point - size * step, next_slope, value - next_value, next_value
        if fell < 1e-10:
            break
    return point


def _curvature(design: _Design, played: Contests, precision: Floats, point: Floats) -> sparse.csc_array:
    """Second derivatives. Sparse: each value meets few others, and dense solves in threads wait for each other."""
    terms = _terms(design.columns @ point[:-1], float(point[-1]), played)
    inner = design.columns.T @ sparse.diags_array(terms.twice_difference) @ design.columns
    edge = sparse.csc_array((design.columns.T @ terms.mixed)[:, None])
    corner = sparse.csc_array([[terms.twice_tie.sum()]])
    return (sparse.block_array([[inner, edge], [edge.T, corner]]) + sparse.diags_array(precision)).tocsc()


def _newton_step(curvature: sparse.csc_array, slope: Floats) -> Floats:
    if len(slope) <= _DENSE:
        return np.asarray(splu(curvature).solve(slope))
    # Factors of a large graph would fill up; the prior keeps the curvature well enough conditioned to iterate.
    inverse_diagonal = sparse.diags_array(1 / curvature.diagonal())
    return np.asarray(cg(curvature, slope, rtol=1e-8, maxiter=1000, M=inverse_diagonal)[0])


class _Readout(NamedTuple):
    strength: Floats
    error: Floats


def _read_out(design: _Design, point: Floats, covariance: Floats | None) -> _Readout:
    cells = len(design.cell_value)
    here = np.arange(cells)
    raw = point[design.cell_parameter] + point[design.values + here]
    strength, error = np.empty(cells), np.full(cells, np.nan)
    for context in np.unique(design.cell_context):
        inside = np.flatnonzero(design.cell_context == context)
        strength[inside] = raw[inside] - raw[inside].mean()
        if covariance is None:
            continue
        shared, own = design.cell_parameter[inside], design.values + inside
        among = covariance[np.ix_(shared, shared)] + covariance[np.ix_(own, own)]
        mixed = covariance[np.ix_(shared, own)]
        among += mixed + mixed.T
        # The variance of a strength less the mean of all strengths of the context.
        error[inside] = np.sqrt(np.diag(among) - 2 * among.mean(axis=1) + among.mean())
    return _Readout(strength, error)
