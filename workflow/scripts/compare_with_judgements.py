"""Representational similarity of every representation to the raters."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import Seeds
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.spaces.ladder import compare_all
from shared_affect.spaces.space_files import load_spaces

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    rsa, differences = compare_all(
        load_spaces(i.space[0]),
        read_tsv(i.judgements[0]),
        read_tsv(i.affect[0]),
        pairs=p.settings["pairs"],
        n_permutations=p.settings["n_permutations"],
        n_bootstrap=p.settings["n_bootstrap"],
        seeds=Seeds(p.root_seed, ("compare_with_judgements", *snakemake.wildcards)),
    )
    log.info(
        "\n%s",
        rsa[
            ["representation", "pairs", "statistic", "rho", "ci_low", "ci_high", "p", "p_codes", "rho_group"]
        ].to_string(),
    )
    write_tsv(o.rsa, rsa)
    write_tsv(o.differences, differences)
