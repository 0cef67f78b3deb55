"""Opinion groups of a Polis conversation: who votes alike. Knows votes, not what the statements say.

Steps, as in Polis: missing votes take the statement's mean; two principal components; people with few votes are moved
out from the centre by sqrt(statements / votes); those with at least 7 votes are put into up to 100 base clusters by
k-means, these into 2 to 5 groups by weighted k-means; the mean silhouette chooses how many.

Source: Small et al. 2021, "Polis: Scaling deliberation by mapping high dimensional opinion spaces", Recerca 26(2); and
the constants of github.com/compdemocracy/polis (math). Polis updates groups as votes arrive, from the groups it had
before, so its exported groups depend on a history that no export holds: expect close agreement, not equality.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.errors import DataError
from pluralign.graph.polis import Conversation

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

MIN_VOTES = 7
MIN_PARTICIPANTS = 15
BASE_CLUSTERS = 100
MOST_GROUPS = 5
_RESTARTS = 20
_ITERATIONS = 100


class Projection(NamedTuple):
    """Participants and statements in the plane of the two directions in which votes differ most."""

    centre: Numbers
    """Mean vote per statement, agree 1 and disagree -1; shape (statements,)."""
    components: Numbers
    """Unit vectors; shape (2, statements). Their signs have no meaning; the largest loading is made positive."""
    positions: Numbers
    """Shape (participants, 2)."""


class Group(NamedTuple):
    """People who vote alike."""

    id: str
    """A for the largest, then B, …"""
    members: tuple[str, ...]
    rows: Positions
    """Their rows in the conversation's arrays."""
    centre: tuple[float, float]


class OpinionGroups(NamedTuple):
    """The groups of one conversation, and how clear-cut they are."""

    groups: tuple[Group, ...]
    silhouettes: dict[int, float]
    """Number of groups tried -> mean silhouette of the base clusters, -1 to 1; empty where too few took part."""
    projection: Projection
    included: tuple[str, ...]
    """Participants who take part in the groups."""
    excluded: tuple[str, ...]
    """Participants with too few votes."""

    def group_of(self, participant: str) -> str | None:
        """The id of the participant's group; None for those with too few votes."""
        return next((group.id for group in self.groups if participant in group.members), None)


def find_groups(
    conversation: Conversation, *, published: bool = False, groups: int | None = None, seed: int = 0
) -> OpinionGroups:
    """Find who votes alike.

    ``groups`` fixes their number instead of the silhouette. K-means keeps the best of 20 seeded starts; ``published``
    starts it as Polis does, once, from the first positions in the file. The same seed gives the same groups.

    Raises :class:`DataError` where nobody voted, or where there are fewer distinct voters than groups asked for.
    """
    included = who_takes_part(conversation)
    if not included.size:
        raise DataError("nobody voted on any statement that counts", file=conversation.topic or None)
    projection = project(conversation)
    points = projection.positions[included]
    base = _base_clusters(points, published, seed)
    centres = np.stack([points[base == label].mean(axis=0) for label in range(base.max() + 1)])
    weights = np.bincount(base).astype(np.float64)
    labels, silhouettes = _group_clusters(centres, weights, groups, published, seed)
    return OpinionGroups(
        groups=_largest_first(conversation, included, labels[base], points),
        silhouettes=silhouettes,
        projection=projection,
        included=tuple(conversation.participants[row] for row in included),
        excluded=tuple(
            conversation.participants[row] for row in np.setdiff1d(np.arange(len(conversation.participants)), included)
        ),
    )


def groups_as_exported(conversation: Conversation) -> OpinionGroups:
    """The groups that Polis itself wrote into ``participants-votes.csv``, instead of computed ones.

    Raises :class:`DataError` where the export names none, as ``votes.csv`` does.
    """
    rows = {participant: row for row, participant in enumerate(conversation.participants)}
    grouped = [(rows[who], group) for who, group in conversation.exported_groups.items()]
    if not grouped:
        raise DataError("the export names no groups; let them be computed", file=conversation.topic or None)
    included = np.array([row for row, _ in grouped], dtype=np.intp)
    _, labels = np.unique([group for _, group in grouped], return_inverse=True)
    projection = project(conversation)
    return OpinionGroups(
        groups=_largest_first(conversation, included, np.asarray(labels).reshape(-1), projection.positions[included]),
        silhouettes={},
        projection=projection,
        included=tuple(conversation.exported_groups),
        excluded=tuple(who for who in conversation.participants if who not in conversation.exported_groups),
    )


def who_takes_part(conversation: Conversation) -> Positions:
    """Rows of those with 7 votes, or a vote on every statement where there are fewer than 7, in the file's order.

    If that leaves fewer than 15, those who voted most are added up to 15. Votes on statements that were later rejected
    count here, as in Polis.
    """
    votes = conversation.seen.sum(axis=1)
    enough = votes >= max(1, min(MIN_VOTES, len(conversation.statements)))
    lacking = MIN_PARTICIPANTS - int(enough.sum())
    if lacking > 0:
        # A stable sort: among equals, whoever stands first in the file.
        others = [row for row in np.argsort(-votes, kind="stable") if not enough[row] and votes[row]]
        enough[others[:lacking]] = True
    return np.flatnonzero(enough)


def project(conversation: Conversation) -> Projection:
    """Participants' positions on the first two principal components of the votes.

    Rejected and meta statements are, as in Polis, columns of zeros on which all have voted: they move nobody, and they
    soften the scale of sparse voters.
    """
    counted = conversation.counted
    seen = conversation.seen & counted
    votes = np.where(seen, conversation.agrees.astype(np.float64) - conversation.disagrees, 0.0)
    centre = votes.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    # An imputed vote is the mean and lies at 0 once centred, so missing votes drop out of the covariance by themselves.
    centred = np.where(seen, votes - centre, 0.0)
    components = _principal_components(centred)
    cast = (seen | ~counted).sum(axis=1)
    scale = np.sqrt(len(counted) / np.maximum(cast, 1))
    return Projection(centre, components, (centred @ components.T) * scale[:, None])


def _principal_components(centred: Numbers) -> Numbers:
    _, vectors = np.linalg.eigh(centred.T @ centred)
    components = vectors[:, ::-1][:, :2].T
    if components.shape[0] < 2:  # one statement only
        components = np.vstack([components, np.zeros((2 - components.shape[0], centred.shape[1]))])
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(2), largest])
    turned: Numbers = components * np.where(signs == 0, 1.0, signs)[:, None]
    return turned


def _base_clusters(points: Numbers, published: bool, seed: int) -> Positions:
    distinct, first, inverse = np.unique(points, axis=0, return_index=True, return_inverse=True)
    if len(distinct) <= BASE_CLUSTERS:
        return np.asarray(inverse).reshape(-1)
    start = points[np.sort(first)[:BASE_CLUSTERS]] if published else None
    return _k_means(points, np.ones(len(points)), BASE_CLUSTERS, start, seed)


def _group_clusters(
    centres: Numbers, weights: Numbers, wanted: int | None, published: bool, seed: int
) -> tuple[Positions, dict[int, float]]:
    from sklearn.metrics import silhouette_score

    if wanted is not None and not 1 <= wanted <= len(centres):
        raise DataError(f"cannot make {wanted} groups of people who vote in {len(centres)} distinct ways")
    most = min(MOST_GROUPS, 2 + len(centres) // 12, len(centres))
    best = np.zeros(len(centres), dtype=np.intp)
    silhouettes: dict[int, float] = {}
    for number in range(2, most + 1) if wanted is None else [wanted]:
        start = centres[:number] if published else None
        labels = _k_means(centres, weights, number, start, seed)
        found = len(np.unique(labels))
        # As in Polis, a group of one base cluster has silhouette 0; where all are such, nothing else is left.
        score = float(silhouette_score(centres, labels)) if 2 <= found < len(centres) else 0.0
        if wanted is not None or not silhouettes or score > max(silhouettes.values()):
            best = labels
        silhouettes[number] = score
    return best, silhouettes


def _k_means(points: Numbers, weights: Numbers, number: int, start: Numbers | None, seed: int) -> Positions:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    init, restarts = ("k-means++", _RESTARTS) if start is None else (start, 1)
    # Sums over threads depend on their order, and with them, rarely, a label.
    with threadpool_limits(1):
        fitted = KMeans(number, init=init, n_init=restarts, max_iter=_ITERATIONS, random_state=seed).fit(
            points, sample_weight=weights
        )
    _, labels = np.unique(fitted.labels_, return_inverse=True)
    return np.asarray(labels).reshape(-1)


def _largest_first(
    conversation: Conversation, included: Positions, labels: Positions, points: Numbers
) -> tuple[Group, ...]:
    sizes = np.bincount(labels)
    order = sorted(range(len(sizes)), key=lambda label: (-sizes[label], int(np.flatnonzero(labels == label)[0])))
    groups = []
    for place, label in enumerate(order):
        inside = labels == label
        x, y = points[inside].mean(axis=0)
        rows = included[inside]
        members = tuple(conversation.participants[row] for row in rows)
        groups.append(Group(chr(ord("A") + place), members, rows, (float(x), float(y))))
    return tuple(groups)
