"""Does the predicted valence of translation pairs differ between languages where the raters' does?"""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.human.standard import read_coordinates
from shared_affect.ratings.cultures import culture_differences
from shared_affect.words.lemma_families import read_pairs

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    predictions = {k: read_tsv(f) for k, f in by_name(p.languages, i.predictions).items()}
    values = {k: (read_coordinates if p.given[k] else read_tsv)(f) for k, f in p.values.items()}
    frame = culture_differences(
        predictions,
        values,
        read_pairs(i.translations),
        n_bootstrap=p.n_bootstrap,
        rng=rng(p.root_seed, "compare_cultures", *snakemake.wildcards),
    )
    log.info("\n%s", frame.to_string())
    write_tsv(snakemake.output[0], frame)
