"""Does the predicted valence of translation pairs differ between languages where the raters' does?"""

import pandas as pd

from shared_affect.lemmas import read_translations
from shared_affect.naming import by_name
from shared_affect.prediction import culture_differences
from shared_affect.runtime import rng, start_log
from shared_affect.tables import write_tsv

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    predictions = {k: pd.read_csv(f, sep="\t", keep_default_na=False) for k, f in by_name(p.languages, i.predictions).items()}
    values = {k: pd.read_csv(f, sep="\t", keep_default_na=False) for k, f in p.values.items()}
    frame = culture_differences(predictions, values, read_translations(i.translations, p.languages), n_bootstrap=p.n_bootstrap,
                                rng=rng(p.root_seed, "compare_cultures", *snakemake.wildcards))
    log.info("\n%s", frame.to_string())
    write_tsv(snakemake.output[0], frame)
