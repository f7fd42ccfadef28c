"""Emotion features of one model, SAE and language, and how reproducible their selection is."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_emotions
from shared_affect.features.codes import load_codes
from shared_affect.features.files import FEATURE_USE, REPRODUCIBILITY, SELECTED
from shared_affect.features.reproducibility import Repeats, split_half_reproducibility
from shared_affect.features.select import feature_use, rule_of, select
from shared_affect.features.stimuli import group_controls
from shared_affect.words.files import MATCHES


def select_features(
    codes, emotions, controls, out_features, out_use, out_reproducibility, *, settings, root_seed, names
):
    """Select the features of each emotion, and test on halves of the words whether the same ones come again.

    Parameters
    ----------
    codes, emotions, controls : path
        Codes of the words (npz); table of the emotions, and matched control words (tsv).
    out_features : list of path
        Selected features of each emotion of the codes, its name in the path (tsv).
    out_use, out_reproducibility : path
        How many emotions a feature serves; agreement of halves (tsv).
    settings : dict
        config.yaml, key features.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language: the random numbers hang on them.
    """
    words, table = load_codes(codes), read_emotions(emotions)
    contrast, matched = set(table["emotion"][table["contrast"]]), group_controls(MATCHES.read(controls))
    frame = select(words, contrast, settings, controls=matched)
    for emotion, path in by_name(words.emotions, out_features).items():
        SELECTED.write(path, frame[frame["emotion"] == emotion])
    FEATURE_USE.write(out_use, feature_use(frame))
    live = words.concepts.live()
    reproducibility = split_half_reproducibility(
        words.concepts.only(live),
        words.membership,
        words.emotions,
        words.density[live],
        rule_of(settings),
        repeats=Repeats(settings["split_half"], settings["shuffles"]),
        rng=rng(root_seed, "select_features", *names),
    )
    REPRODUCIBILITY.write(out_reproducibility, reproducibility)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    files = (i.codes, i.emotions, i.controls[0], o.features, o.use, o.reproducibility)
    select_features(*files, settings=p.settings, root_seed=p.root_seed, names=tuple(snakemake.wildcards))
