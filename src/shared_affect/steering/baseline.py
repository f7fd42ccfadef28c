"""What texts show before anything is steered: prompts that already call up an emotion leave little to bring.

The rates of unsteered texts stand in the scores as the arm ``none``, on the scored half. Here they are told of all
prompts, with how many prompts they come from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.steering.intervals import Rate
from shared_affect.steering.plan import NO_EMOTION
from shared_affect.steering.scores import LEXICONS, Scored

ANY = "any"
"""Stands for the emotion where a text counts that shows some emotion."""

HIGH = 0.25
"""Rate of unsteered texts from which a baseline is high: a quarter of what steering could bring is there before it.

Declared on 2026-11-28, before any rate of these prompts was measured. It is asked of each emotion under every judge; of
`ANY` only under word lists, because a judge that must name an emotion names one in every text.
"""


def prompt_baseline(scored: Scored, prompts: str) -> pd.DataFrame:
    """How often unsteered texts of a set of prompts show an emotion, by judge.

    Parameters
    ----------
    scored : Scored
    prompts : str
        Name of the set.

    Returns
    -------
    DataFrame
        ``prompts judge emotion rate ci_low ci_high prompts_showing high n_prompts n_texts``. `rate` is that of the
        texts, its interval one over prompts; `prompts_showing` the share of prompts with a text that shows the emotion;
        `high` by the rule of `HIGH`. Emotions that a judge has no label for have no rate.

    Raises
    ------
    ValueError
        If there is no unsteered text, or fewer than two prompts.
    """
    texts = scored.texts
    here = ((texts["arm"] == "none") & (texts["emotion"] == NO_EMOTION)).to_numpy()
    if not here.any():
        raise ValueError("no text of arm none; needed: the unsteered texts of all prompts")
    names, at = np.unique(texts.loc[here, "prompt"].to_numpy(str), return_inverse=True)
    emotions, blocks = [*scored.emotions, ANY], []
    for judge, hits in scored.hits.items():
        own = hits[here].astype(float)
        some = np.where(np.isfinite(own).any(1), np.nanmax(np.where(np.isfinite(own), own, 0), 1), np.nan)
        own = np.column_stack([own, some])
        known = np.isfinite(own)
        sums, counts = np.zeros((2, len(emotions), len(names)))
        np.add.at(sums.T, at, np.where(known, own, 0))
        np.add.at(counts.T, at, known)
        found = Rate.of(sums, counts)
        low, high = (x[:-1] for x in found.interval())
        rate, judged = found.rate[:-1], counts.any(1)
        asked = np.array([e != ANY or judge in LEXICONS for e in emotions])
        blocks.append(
            pd.DataFrame(
                {
                    "prompts": prompts,
                    "judge": judge,
                    "emotion": emotions,
                    "rate": rate,
                    "ci_low": low,
                    "ci_high": high,
                    "prompts_showing": np.where(judged, (sums > 0).mean(1), np.nan),
                    "high": asked & judged & (np.nan_to_num(rate) >= HIGH),
                    "n_prompts": len(names),
                    "n_texts": int(here.sum()),
                }
            )
        )
    frame = pd.concat(blocks, ignore_index=True)
    for r in frame[frame["high"]].to_dict("records"):
        said = f"unsteered texts of the prompts {prompts!r} show {r['emotion']} in {r['rate']:.0%} (judge {r['judge']})"
        LOG.warning("%s: a high baseline (docs/steering.md)", said)
    return frame
