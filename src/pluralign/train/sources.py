"""Records to learn from: read, mixed, and refused where they do not fit. Knows files and data sets, no tokenizer."""

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pluralign.core.chat import Message
from pluralign.core.errors import DataError, MissingExtraError, UnknownNameError, UsageError
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.core.training import RecordsCard
from pluralign.store.records import read_records
from pluralign.train.config import Method, Source, TrainConfig

_KIND_OF: dict[Method, str] = {"sft": "sft", "dpo": "preference"}
_WORDS = {"sft": "a conversation to learn", "preference": "a preference between two replies"}


class Located(NamedTuple):
    """A record, and where it stands."""

    record: Record
    source: str
    number: int
    """Counted from 1 within its source."""

    @property
    def place(self) -> str:
        """For messages: ``records.jsonl, record 17``."""
        return f"{self.source}, record {self.number}"


class Loaded(NamedTuple):
    """Records of several sources."""

    records: tuple[Located, ...]
    cards: tuple[RecordsCard, ...]


def load(config: TrainConfig, method: Method, sources: Sequence[Source] | None = None) -> Loaded:
    """The records of a configuration, mixed as it says, or those of other ``sources`` in full.

    Raises :class:`DataError` or :class:`UsageError` for a source that is empty or holds records of another kind, and
    for collectives that none of the records speak for.
    """
    records: list[Located] = []
    cards = []
    for source in config.records if sources is None else sources:
        found, card = _read(source, _KIND_OF[method], config)
        records += found
        cards.append(card)
    known = {located.record.collective for located in records}
    for collective in config.collectives:
        if collective not in known:
            raise UsageError(f"there is no record of the collective {collective!r}: {_names(known)}")
    if config.collectives:
        records = [located for located in records if located.record.collective in config.collectives]
    if config.one_each and sources is None and "" in known:
        nobody = next(located for located in records if not located.record.collective)
        raise UsageError(
            f"one_each makes an adapter per collective, but a record speaks for nobody ({nobody.place}): name a "
            "collective in every record, or choose some with collectives"
        )
    return Loaded(tuple(records), tuple(cards))


def refuse_leaks(train: Sequence[Located], held_out: Sequence[Located]) -> None:
    """Raise :class:`UsageError` where a record to be measured on is also learned from."""
    learned = {located.record.id: located for located in train}
    for located in held_out:
        if (twin := learned.get(located.record.id)) is not None:
            raise UsageError(
                f"a held-out record is also learned from ({located.place}, and {twin.place}): the loss on it would "
                "say nothing; take it out of one of them"
            )


def _names(known: set[str]) -> str:
    named = sorted(name for name in known if name)
    return "the records speak for " + ", ".join(named[:12]) if named else "no record names one"


def _read(source: Source, kind: str, config: TrainConfig) -> tuple[list[Located], RecordsCard]:
    if source.dataset:
        return _rows(source, kind, config)
    path = Path(source.file).expanduser()
    found = []
    for number, record in enumerate(read_records(path), start=1):
        if record.kind != kind:
            other = next(method for method, its in _KIND_OF.items() if its == record.kind)
            raise DataError(
                f"record {number} is {_WORDS[record.kind]}, not {_WORDS[kind]}: it is for `pluralign train {other}`; "
                "keep the two kinds in files of their own",
                file=source.file,
            )
        found.append(Located(record, source.file, number))
    if not found:
        raise DataError("holds no records", file=source.file)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    taken = [found[at] for at in _taken(len(found), source, config)]
    return taken, RecordsCard(source=path.name, sha256=digest, records=len(found), taken=len(taken))


def _taken(rows: int, source: Source, config: TrainConfig) -> Sequence[int]:
    """Positions of the rows to take, in order."""
    count = int(source.fraction * rows)
    if count == 0:
        raise UsageError(f"{source.fraction:g} of the {rows} records of {source.name!r} is none: raise the fraction")
    if count == rows or config.mixing == "published":
        return range(count)
    return sorted(random.Random(f"{config.seed} {source.name}").sample(range(rows), count))


def _rows(source: Source, kind: str, config: TrainConfig) -> tuple[list[Located], RecordsCard]:
    """Rows of a data set as records; rows that cannot be one are counted."""
    make: Callable[[dict[str, Any], Source], Record] = _sft_row if kind == "sft" else _preference_row
    data = _load_dataset(source, kind)
    taken = _taken(len(data), source, config) if len(data) else ()
    found: list[Located] = []
    digest = hashlib.sha256()
    for position, row in zip(taken, data.select(taken), strict=True):
        try:
            record = make(row, source)
        except (ValidationError, KeyError, TypeError, IndexError):
            continue
        digest.update(record.model_dump_json().encode())
        found.append(Located(record, source.name, position + 1))
    if not found:
        raise DataError(f"none of its {len(data)} rows is {_WORDS[kind]}", file=source.name)
    card = RecordsCard(
        source=source.name,
        sha256=digest.hexdigest(),
        records=len(data),
        taken=len(found),
        skipped=len(taken) - len(found),
    )
    return found, card


def _load_dataset(source: Source, kind: str) -> Any:
    try:
        import datasets
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading the data set {source.dataset!r}", "train") from None
    path = Path(source.dataset).expanduser()
    datasets.disable_progress_bars()
    try:
        if path.is_file():
            form = "parquet" if path.suffix == ".parquet" else "json"
            data = datasets.load_dataset(form, data_files={source.split: str(path)}, split=source.split)
        elif (path / "dataset_dict.json").is_file():
            splits = datasets.load_from_disk(str(path))
            if source.split not in splits:
                raise UnknownNameError(f"split of {source.dataset!r}", source.split, splits)
            data = splits[source.split]
        else:
            data = datasets.load_dataset(source.dataset, split=source.split)
    except (OSError, ValueError, datasets.exceptions.DatasetNotFoundError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UsageError(f"the data set {source.name!r} cannot be read: {reason}") from None
    needed = {"messages"} if kind == "sft" else {"chosen", "rejected"}
    if missing := needed - set(data.column_names):
        raise DataError(
            f"has no column {sorted(missing)[0]!r}: it has {', '.join(data.column_names)}", file=source.name
        )
    return data.select_columns(sorted(needed))


def _common(source: Source) -> dict[str, Any]:
    return {
        "source": source.dataset,
        "licence": source.licence,
        "provenance": Provenance(recipe="dataset", details={"dataset": source.dataset, "split": source.split}),
    }


def _messages(turns: Sequence[dict[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in turns)  # type: ignore[arg-type]


def _sft_row(row: dict[str, Any], source: Source) -> SftRecord:
    return SftRecord(messages=_messages(row["messages"]), **_common(source))


def _preference_row(row: dict[str, Any], source: Source) -> PreferenceRecord:
    """As alignment-handbook reads them: the last turns are the replies, the turns before them the prompt."""
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    return PreferenceRecord(
        prompt=chosen[:-1], chosen=chosen[-1].content, rejected=rejected[-1].content, **_common(source)
    )
