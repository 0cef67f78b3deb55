"""Answers as Parquet: what pandas, polars, DuckDB and R open. Knows no survey: rows in, a file out.

Columns of ``answers.parquet``, one row per answer:

=============  ===============  =========================================================================
column         type             content
=============  ===============  =========================================================================
voice          string           how the model was asked, such as ``persona``
collective     string           whom it spoke for; empty for a voice that speaks for nobody in particular
question       string           id of the question
topic          string           heading of the question
method         string           how the answer was obtained: ``exact``, ``top_k``, ``samples``, ``verbalised`` or
                                ``free-text``
sample         int32            which reply to this question it is, from 0; null where an answer is not a reply
order          list<int16>      place on the page -> 0-based position of the option in the survey
labels         list<int16>      place on the page -> which of the labels stands there, from 0
options        list<int32>      the survey's codes of the options, in the survey's order
logprobs       list<double>     natural log of each option's probability, before renormalisation; null for replies
high           list<double>     where only the likeliest tokens are known, the most that each log can be; else null
probabilities  list<double>     the same renormalised over the options; null where all of them are zero. Of a reply
                                what was read: 1 at the chosen option, the shares stated, or the reader's; null where
                                nothing could be read
captured       double           probability that the reply begins with one of the options; of a reply 1 or 0, or what
                                the reader did not give to "none of these"
refused        double           1 where a reply declined, else 0
reply          string           what the model wrote; null where it was not asked to write
reading        string           what it was read as: ``answer``, ``refused`` or ``unreadable``
prompt_tokens  int32            length of the prompt
prompt         string           hash of the prompt; the text stands in ``prompts.parquet``
key            string           hash of the model and of the very tokens it read
=============  ===============  =========================================================================
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pluralign.core.errors import InterruptedRunError
from pluralign.store.files import part_of

ANSWERS = pa.schema(
    [
        ("voice", pa.string()),
        ("collective", pa.string()),
        ("question", pa.string()),
        ("topic", pa.string()),
        ("method", pa.string()),
        ("sample", pa.int32()),
        ("order", pa.list_(pa.int16())),
        ("labels", pa.list_(pa.int16())),
        ("options", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float64())),
        ("high", pa.list_(pa.float64())),
        ("probabilities", pa.list_(pa.float64())),
        ("captured", pa.float64()),
        ("refused", pa.float64()),
        ("reply", pa.string()),
        ("reading", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("prompt", pa.string()),
        ("key", pa.string()),
    ]
)
PROMPTS = pa.schema(
    [("prompt", pa.string()), ("system", pa.string()), ("user", pa.string()), ("reply_start", pa.string())]
)


class TableWriter:
    """Writes rows group by group beside the final path and puts the file in place when all are written."""

    def __init__(self, path: Path, schema: pa.Schema):
        self.path, self.schema = path, schema
        self._beside = part_of(path)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(self._beside, self.schema, compression="zstd")
        return self

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows as one group. Raises :class:`InterruptedRunError` where the disk does not take them."""
        if not rows or self._writer is None:
            return
        try:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self.schema))
        except OSError as error:
            raise InterruptedRunError(f"{self.path} could not be written ({error}); the answers are kept") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is None:
            self._beside.replace(self.path)
        else:
            self._beside.unlink(missing_ok=True)
