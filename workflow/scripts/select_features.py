"""Emotion features of one model, SAE and language, and how reproducible their selection is."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_emotions, read_tsv, write_tsv
from shared_affect.features.codes import load_codes
from shared_affect.features.reproducibility import Repeats, split_half_reproducibility
from shared_affect.features.select import feature_use, rule_of, select
from shared_affect.features.stimuli import group_controls

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, w, o = snakemake.params, snakemake.wildcards, snakemake.output
    codes = load_codes(snakemake.input.codes)
    table = read_emotions(snakemake.input.emotions)
    frame = select(
        codes,
        set(table["emotion"][table["contrast"]]),
        p.settings,
        controls=group_controls(read_tsv(snakemake.input.controls[0])),
    )
    for emotion, path in by_name(codes.emotions, o.features).items():
        write_tsv(path, frame[frame["emotion"] == emotion])
    write_tsv(o.use, feature_use(frame))
    live = codes.concepts.live()
    reproducibility = split_half_reproducibility(
        codes.concepts.columns(live),
        codes.membership,
        codes.emotions,
        codes.density[live],
        rule_of(p.settings),
        repeats=Repeats(p.settings["split_half"], p.settings["shuffles"]),
        rng=rng(p.root_seed, "select_features", *w),
    )
    write_tsv(o.reproducibility, reproducibility)
