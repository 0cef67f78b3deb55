"""A model that says whether one text follows from another (natural-language inference). Knows no voice and no view.

Any sequence classifier with a label for entailment will do, such as those trained on MNLI.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pluralign.core.errors import ModelError
from pluralign.engines.loading import choose_device
from pluralign.engines.quiet import quiet

BATCH = 16
"""Pairs that are read together."""


class EntailmentModel:
    """Says how probable it is that a premise entails a hypothesis."""

    def __init__(self, model: Any, tokenizer: Any, *, name: str, device: torch.device):
        """``model``: a sequence classifier. Raises :class:`ModelError` if none of its labels is entailment."""
        labels = {str(label).casefold(): int(at) for at, label in model.config.id2label.items()}
        at = next((place for label, place in labels.items() if label.startswith("entail")), None)
        if at is None:
            raise ModelError(
                f"{name!r} has no label for entailment (it has {', '.join(labels)}): name a model trained on NLI"
            )
        self.name = name
        self._entailment = at
        self._model, self._tokenizer, self._device = model.eval().to(device), tokenizer, device

    @torch.inference_mode()
    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Per (premise, hypothesis) the probability of entailment, in [0, 1]. Long premises are cut to what fits.

        Pairs are read in order of length, so that little is padded; the result is in the order given.
        """
        found = [0.0] * len(pairs)
        order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]) + len(pairs[at][1]))
        limit = min(self._tokenizer.model_max_length, getattr(self._model.config, "max_position_embeddings", 512))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            encoded = self._tokenizer(
                [pairs[at][0] for at in batch],
                [pairs[at][1] for at in batch],
                padding=True,
                truncation="only_first",
                max_length=limit,
                return_tensors="pt",
            ).to(self._device)
            shares = torch.softmax(self._model(**encoded).logits.float(), dim=-1)[:, self._entailment]
            for at, share in zip(batch, shares.tolist(), strict=True):
                found[at] = float(share)
        return found


def open_entailment(name: str, *, device: str = "auto", offline: bool = False) -> EntailmentModel:
    """The NLI model of that name on the hub, or in a folder. Never runs code that comes with a model.

    Raises :class:`ModelError` where it cannot be loaded.
    """
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=offline)
            model = AutoModelForSequenceClassification.from_pretrained(name, local_files_only=offline)
    except (OSError, ValueError, KeyError) as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"cannot load the NLI model {name!r}: {first}") from None
    return EntailmentModel(model, tokenizer, name=name, device=choose_device(device))
