"""Which of a million things were met already, in eight bytes each. Knows nothing of what they are."""

from collections.abc import Sequence

import numpy as np


class Seen:
    """Hashes that came before; a set of them would take over a hundred bytes each."""

    def __init__(self) -> None:
        self._numbers = np.zeros(0, dtype=np.uint64)

    def new(self, hashes: Sequence[str]) -> list[str]:
        """Those that come for the first time. ``hashes`` differ, and their first 16 hex digits count."""
        numbers = np.array([int(one[:16], 16) for one in hashes], dtype=np.uint64)
        fresh = ~np.isin(numbers, self._numbers)
        self._numbers = np.concatenate([self._numbers, numbers[fresh]])
        return [one for one, is_fresh in zip(hashes, fresh, strict=True) if is_fresh]
