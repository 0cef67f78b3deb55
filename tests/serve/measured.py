"""A small poll of scripted voices on the bundled survey, and topics found by words in common."""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pluralign.engines.base import Engine
from pluralign.engines.open import open_engine
from pluralign.poll import compare, records, run
from pluralign.poll.study import Study
from pluralign.surveys.similar import Embedding, Vectors

PEOPLES = ("KEN", "USA", "BRA", "NGA")


def measured(folder: Path, engine: Engine | None = None, **study: Any) -> Path:
    """The folder of a finished poll of the persona voices of four peoples, who answer arbitrarily.

    ``engine``: who answers instead. ``study``: what else the study says, or other than that.
    """
    engine = engine or open_engine("scripted:hash")
    told = {"model": engine.name, "survey": "world-mini", "as": PEOPLES, "voices": ("persona",), "resamples": 100}
    prepared = run.prepare(Study.model_validate({**told, **study}))
    spec = records.specify(prepared, engine)
    records.open_run(folder, spec, ())
    scores = compare.compare(prepared, run.poll(prepared, engine, folder, lambda _: None), spec)
    (folder / "scores.json").write_text(scores.model_dump_json(), encoding="utf-8")
    return folder


def by_words() -> Embedding:
    """Texts are alike that have words in common; a stand-in for an embedding of their meaning."""

    def embed(texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), 4096), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"[a-z]{5,}", text.lower()):
                row[zlib.crc32(word.encode()) % 4096] += 1
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return rows

    return Embedding(embed, embed)
