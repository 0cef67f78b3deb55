"""Direct preference optimisation with soft labels: ``pluralign train dpo CONFIG``.

With p the probability that the label is right (a record's ``preference``) and d the reward margin of chosen over
rejected, the loss is -p log sigmoid(d) - (1 - p) log sigmoid(-d): DPO (Rafailov et al. 2023) at p = 1, conservative
DPO (Mitchell 2023) with a smoothing of 1 - p per record below it. It is smallest where sigmoid(d) = p, so that a
question on which people are divided is not pushed to one side. A pair of weight w pulls w times as hard.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from datasets import Dataset
from torch.nn import functional
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from pluralign.train.identity import Rows
from pluralign.train.likelihood import can_fuse, likelihood


def preference_loss(margin: torch.Tensor, preference: torch.Tensor) -> torch.Tensor:
    """Loss per pair. ``margin``: rewards of chosen less rejected; ``preference``: probability that the label is right.

    >>> preference_loss(torch.tensor([0.0]), torch.tensor([1.0]))  # ln 2
    tensor([0.6931])
    """
    return -preference * functional.logsigmoid(margin) - (1 - preference) * functional.logsigmoid(-margin)


class SoftCollator(DataCollatorForPreference):
    """Pads a batch of pairs and carries their soft labels and weights along."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """The batch: chosen first, then rejected; and ``preference`` and ``weight`` per pair."""
        batch: dict[str, Any] = super().torch_call(examples)
        for name in ("preference", "weight"):
            batch[name] = torch.tensor([example[name] for example in examples])
        return batch


class PreferenceTrainer(DPOTrainer):
    """TRL's trainer on pairs that are in tokens already."""

    rows: Rows = Rows()

    def create_optimizer(self, *given: Any) -> torch.optim.Optimizer:
        """The optimiser, in which the rows of identity tokens have a rate of their own."""
        optimiser: torch.optim.Optimizer = super().create_optimizer(*given)
        return self.rows.apart(optimiser, self.model)

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: ours is written at the end."""

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["prompt_ids", "chosen_ids", "rejected_ids", "preference", "weight"]

    def _reply_logprobs(self, model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        fused = not self.rows.ids and can_fuse(self.model, labels.device)
        found = likelihood(model, inputs, labels, fused=fused, unsaid=self.rows.ids)
        chosen, rejected = found.logprobs.sum(dim=1).chunk(2)
        return chosen, rejected

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        if return_outputs:
            raise NotImplementedError("only losses are computed, never whole logits")
        chosen, rejected = self._reply_logprobs(model, inputs)
        # Without the adapter, a model is the one it was before training.
        reference: AbstractContextManager[Any] = nullcontext()
        if self.ref_model is None:
            reference = self.accelerator.unwrap_model(self.model).disable_adapter()
        with torch.no_grad(), reference:
            before = self._reply_logprobs(self.ref_model or model, inputs)
        rewards = self.beta * (chosen - before[0]), self.beta * (rejected - before[1])
        margin = rewards[0] - rewards[1]
        metrics = self._metrics["train" if self.model.training else "eval"]
        everyone = self.accelerator.gather(margin.detach())
        metrics["rewards/accuracy"].append((everyone > 0).float().mean().item())
        metrics["rewards/margin"].append(everyone.mean().item())
        losses = preference_loss(margin, inputs["preference"].to(margin.dtype))
        return (losses * inputs["weight"].to(margin.dtype)).mean()


def trainer(
    model: Any,
    arguments: dict[str, Any],
    tokenizer: Any,
    rows: tuple[dict[str, Any], ...],
    held_out: tuple[dict[str, Any], ...],
    *,
    adapter: Any,
    reference: Any,
    beta: float,
    rows_of_tokens: Rows,
    callbacks: list[Any],
) -> PreferenceTrainer:
    """A trainer on these pairs. ``reference`` is the model before training, where it is not found by taking the
    adapter off."""
    settings = DPOConfig(**arguments, beta=beta, max_length=None)
    made = PreferenceTrainer(
        model=model,
        ref_model=reference,
        args=settings,
        data_collator=SoftCollator(pad_token_id=tokenizer.pad_token_id, max_length=None),
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(held_out)) if held_out else None,
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=callbacks,
    )
    made.rows = rows_of_tokens
    return made
