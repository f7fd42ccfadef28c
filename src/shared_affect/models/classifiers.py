"""Sequence classifiers of the Hugging Face form: a text in, a probability for each of its labels out."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_affect.base import card_locks
from shared_affect.base.log import LOG
from shared_affect.models.cards import first_line, is_out_of_memory, named, resolve_device
from shared_affect.models.choices import batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

MOST_TOKENS = 512
"""Of a text that a classifier reads, where its own limit is not lower."""

SEVERAL = "multi_label_classification"
"""What ``config.json`` calls a classifier that gives a text several labels, each with a probability of its own."""


def read_config(folder: str | Path, where: str) -> dict[str, Any]:
    """``config.json`` of a classifier.

    Raises
    ------
    ValueError
        If the folder, the file or a tokenizer is not there, the file is no JSON object, or the model is none that
        classifies texts.
    """
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ValueError(f"{path} does not exist; needed: a classifier in Hugging Face format ({where})")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON in UTF-8 ({error}); copy or fetch it again ({where})") from None
    names = config.get("architectures") if isinstance(config, dict) else None
    if not names or not all(str(n).endswith("ForSequenceClassification") for n in names):
        raise ValueError(
            f"{folder} is {', '.join(map(str, names or ['no model']))}; needed: a class that ends in"
            f" ForSequenceClassification ({where})"
        )
    for file, what in (("tokenizer.json", "a fast tokenizer"), ("*.safetensors", "weights without pickles")):
        if not list(Path(folder).glob(file)):
            raise ValueError(f"{folder} holds no {file}; needed: {what} ({where})")
    return config


def labels_of(folder: str | Path, where: str) -> tuple[str, ...]:
    """Labels of a classifier in their order, from ``config.json`` alone.

    Raises
    ------
    ValueError
        As `read_config`; if labels are missing, doubled or not numbered from 0.
    """
    found = read_config(folder, where).get("id2label") or {}
    try:
        numbered = {int(k): str(v) for k, v in found.items()}
    except (AttributeError, ValueError):
        numbered = {}
    labels = tuple(numbered[k] for k in sorted(numbered))
    if sorted(numbered) != list(range(len(labels))) or len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(
            f"{folder}/config.json: id2label is {found!r:.200}; needed: two labels or more, each once, numbered from 0"
            f" ({where})"
        )
    return labels


@dataclass
class Classifier:
    """A classifier in memory (`load_classifier`).

    Texts of one length make a batch, so that nothing is padded: what pads a text, and on which side, is a matter on
    which a tokenizer and a model's configuration may differ, and one that reads the last token of a row would then read
    another with each batch.

    Attributes
    ----------
    labels : tuple of str
        Its own.
    several : bool
        Whether each label has a probability of its own; else they add up to 1.
    most : int
        Tokens of a text, at most; what is longer is cut at its end.
    rows : int
        Texts a pass.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    labels: tuple[str, ...]
    several: bool
    most: int
    rows: int

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of every own label, ``[n_texts, n_labels]``, float32; all alike of a text without a token."""
        import torch

        found = np.full((len(texts), len(self.labels)), 1 / len(self.labels), np.float32)
        if not len(texts):
            return found
        read = self.tokenizer(list(texts), truncation=True, max_length=self.most, padding=False)
        ids, device = read["input_ids"], next(self.model.parameters()).device
        # a tokenizer of no declared class gives what BERT reads to all models
        given = [k for k in read if k in inspect.signature(self.model.forward).parameters]
        for at in batches(ids, self.rows):
            if not ids[at[0]]:
                continue
            tensors = {k: torch.tensor([read[k][i] for i in at], device=device) for k in given}
            with torch.inference_mode():
                logits = self.model(**tensors).logits.float()
            found[at] = (logits.sigmoid() if self.several else logits.softmax(-1)).cpu().numpy()
        if n_cut := sum(len(x) >= self.most for x in ids):
            LOG.info("%d of %d texts have %d tokens or more and were cut there", n_cut, len(texts), self.most)
        if not np.isfinite(found).all():
            raise ValueError(f"a classifier with labels {', '.join(self.labels[:8])} gives NaN; fetch it again")
        return found


def load_classifier(folder: str | Path, *, device: str = "cpu", rows: int = 32, where: str = "") -> Classifier:
    """Load a classifier, every weight of it from its folder, in float32; no code of others is run.

    Raises
    ------
    ValueError
        As `labels_of`; if transformers cannot make it, or a weight is missing, left over, of another shape or not
        finite: transformers would fill the gap with random numbers; if it cannot read `TRIAL`.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    labels, config = labels_of(folder, where), read_config(folder, where)
    card_locks.take(device, str(folder), where)
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what its warnings tell is looked at below
    with named(folder, "cannot be loaded as a classifier", where):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        model, found = loaded
    wrong = {k: sorted(map(str, found[k])) for k in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    # numbers of positions were once kept among the weights, and are none
    wrong["unexpected_keys"] = [k for k in wrong["unexpected_keys"] if not k.endswith("position_ids")]
    if any(wrong.values()):
        told = "; ".join(f"{k.replace('_', ' ')}: {', '.join(v[:4])}" for k, v in wrong.items() if v)
        raise ValueError(
            f"{folder}: the weights are not those of its config.json ({where}). {told}. transformers would go on with"
            " random numbers there; fetch or save the classifier again"
        )
    bad = [n for n, p in model.named_parameters() if not torch.stack(p.aminmax()).isfinite().all()]
    if bad:
        raise ValueError(f"{folder}: NaN or infinite weights: {', '.join(bad[:4])}; fetch it again ({where})")
    own = [n for n in (config.get("max_position_embeddings"), tokenizer.model_max_length) if isinstance(n, int)]
    # RoBERTa counts positions from its padding on, so that two of them hold nothing
    most = min([MOST_TOKENS, *(n - 2 for n in own)])
    several = config.get("problem_type") == SEVERAL
    _set_padding(model, tokenizer)
    made = Classifier(model.to(resolve_device(device, where)).eval(), tokenizer, labels, several, most, rows)
    _try(made, folder, where)
    return made


TRIAL = ["a b", "b a", "a somewhat longer text, with 2 numbers: 17."]
"""What a classifier is given when it is loaded: a model that cannot read it would fail when all texts are written."""

NO_PADDING = -1
"""No token has this number."""


def _set_padding(model: Any, tokenizer: Any) -> None:
    """Tell a model that reads the last token of a row which tokens are padding: what its tokenizer says.

    Where neither names one, transformers refuses batches, although rows of one length have no padding.
    """
    config = model.config.get_text_config()
    own = config.pad_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    for one in (model.config, config):
        one.pad_token_id = NO_PADDING if own is None else own


def _try(made: Classifier, folder: str | Path, where: str) -> None:
    """Let it read `TRIAL`."""
    try:
        made.probabilities(TRIAL)
    except Exception as error:  # whatever a model raises for what its tokenizer gives it
        if is_out_of_memory(error):
            raise
        raise ValueError(
            f"{folder}: the classifier cannot read texts ({where}): {type(error).__name__}: {first_line(error)}. Are"
            " tokenizer and weights of one model? Fetch or save it again"
        ) from error
