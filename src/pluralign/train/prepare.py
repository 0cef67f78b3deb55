"""From a configuration to the trainings it asks for: one, or one per collective and fold. Loads no weights."""

from pathlib import Path
from typing import NamedTuple

from pluralign.core.adapter import Groups
from pluralign.core.errors import UsageError
from pluralign.train.config import Method, TrainConfig
from pluralign.train.examples import Examples, ReplyStart, examples, nothing
from pluralign.train.folds import fold_numbers
from pluralign.train.models import Base, check_mode, find_base
from pluralign.train.sources import Loaded, Located, load, refuse_leaks
from pluralign.train.spoken_for import beginnings, tokens_for


class Job(NamedTuple):
    """One training: its records and those kept from it."""

    collective: str
    """The only one it is for, in a training of one adapter each; else empty."""
    fold: int | None
    """The fold held out, in a cross-validation."""
    train: tuple[Located, ...]
    held_out: tuple[Located, ...]

    @property
    def folder(self) -> Path:
        """Where it goes within the run's folder."""
        parts = [self.collective] if self.collective else []
        return Path(*parts, *([] if self.fold is None else [f"fold-{self.fold}"]))

    @property
    def label(self) -> str:
        """For people: ``KEN, fold 2``; empty for a training by itself."""
        parts = [self.collective] if self.collective else []
        return ", ".join([*parts, *([] if self.fold is None else [f"fold {self.fold}"])])


class Prepared(NamedTuple):
    """All that is needed to begin."""

    config: TrainConfig
    method: Method
    base: Base
    loaded: Loaded
    jobs: tuple[Job, ...]
    limit: int
    """Longest example in tokens."""
    reply_start: ReplyStart
    groups: Groups | None = None
    """Whom identity tokens stand for, in a training with such."""

    def examples(self, records: tuple[Located, ...]) -> Examples:
        """Records as examples in tokens."""
        return examples(records, self.base.renderer, self.config, self.limit, self.reply_start)


def prepare(
    config: TrainConfig,
    method: Method,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    reply_start: ReplyStart = nothing,
    plan_only: bool = False,
) -> Prepared:
    """Look everything up, read all records and lay out the trainings. ``plan_only``: on whatever machine, without
    weights.

    Raises :class:`pluralign.core.errors.UsageError` for whatever is missing or does not fit.
    """
    if not plan_only:
        check_mode(config)
    loaded = load(config, method)
    aside = load(config, method, config.held_out.records).records if config.held_out else ()
    base = find_base(config, cache_dir=cache_dir, offline=offline, weights=not plan_only)
    if config.max_length is not None and config.max_length > base.limit:
        raise UsageError(f"max_length is {config.max_length}, but {config.model!r} reads at most {base.limit} tokens")
    groups: Groups | None = None
    if config.identity is not None:
        groups, renderer = tokens_for((*loaded.records, *aside), base.renderer, config.identity)
        base = base._replace(renderer=renderer)
        reply_start = beginnings(groups, config.identity, config.seed)
    return Prepared(
        config=config,
        method=method,
        base=base,
        loaded=loaded,
        jobs=tuple(_jobs(config, loaded.records, aside)),
        limit=config.max_length or base.limit,
        reply_start=reply_start,
        groups=groups,
    )


def _jobs(config: TrainConfig, records: tuple[Located, ...], aside: tuple[Located, ...]) -> list[Job]:
    if not config.one_each:
        return _folded(config, "", records, aside)
    collectives = sorted({located.record.collective for located in records})
    return [
        job
        for collective in collectives
        for job in _folded(config, collective, _of(collective, records), _of(collective, aside))
    ]


def _of(collective: str, records: tuple[Located, ...]) -> tuple[Located, ...]:
    return tuple(located for located in records if located.record.collective == collective)


def _folded(
    config: TrainConfig, collective: str, records: tuple[Located, ...], aside: tuple[Located, ...]
) -> list[Job]:
    refuse_leaks(records, aside)
    if config.folds is not None:
        numbers = fold_numbers(records, config.folds, config.seed)
        return [Job(collective, fold, *_parted(records, numbers, fold)) for fold in sorted(set(numbers))]
    if config.held_out is not None and config.held_out.fraction is not None:
        parts = max(2, round(1 / config.held_out.fraction))
        return [Job(collective, None, *_parted(records, fold_numbers(records, parts, config.seed), 0))]
    return [Job(collective, None, records, aside)]


def _parted(
    records: tuple[Located, ...], numbers: list[int], fold: int
) -> tuple[tuple[Located, ...], tuple[Located, ...]]:
    train = tuple(located for located, number in zip(records, numbers, strict=True) if number != fold)
    held_out = tuple(located for located, number in zip(records, numbers, strict=True) if number == fold)
    return train, held_out
