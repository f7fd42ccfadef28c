"""Representational similarity of every representation to the raters."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import Seeds
from shared_affect.human.files import AFFECT, JUDGEMENTS
from shared_affect.spaces.files import RSA, RSA_DIFFERENCES
from shared_affect.spaces.ladder import compare_all
from shared_affect.spaces.space_files import load_spaces

SHOWN = ["representation", "pairs", "statistic", "rho", "ci_low", "ci_high", "p", "p_codes", "rho_group"]


def compare_with_judgements(space, judgements, affect, out_rsa, out_differences, *, settings, root_seed, names):
    """Correlate the RDM of every representation with those of the raters, on every set of pairs.

    Parameters
    ----------
    space : path
        RDMs of all representations, draws and permuted spaces (npz).
    judgements : path
        Dissimilarity of pairs of emotions, each rater's (tsv).
    affect : path
        Valence and arousal of the emotions (tsv).
    out_rsa, out_differences : path
        Correlations of each representation, and differences between two (tsv).
    settings : dict
        Of config.yaml, key rsa: `pairs`, `nuisances`, `n_permutations`, `n_bootstrap`.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language, dataset: the random numbers hang on them.
    """
    rsa, differences = compare_all(
        load_spaces(space),
        JUDGEMENTS.read(judgements),
        AFFECT.read(affect),
        pairs=settings["pairs"],
        nuisances=settings["nuisances"],
        n_permutations=settings["n_permutations"],
        n_bootstrap=settings["n_bootstrap"],
        seeds=Seeds(root_seed, ("compare_with_judgements", *names)),
    )
    LOG.info("\n%s", rsa[SHOWN].to_string())
    RSA.write(out_rsa, rsa)
    RSA_DIFFERENCES.write(out_differences, differences)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p, names = snakemake.input, snakemake.output, snakemake.params, tuple(snakemake.wildcards)
    files = (i.space[0], i.judgements[0], i.affect[0], o.rsa, o.differences)
    compare_with_judgements(*files, settings=p.settings, root_seed=p.root_seed, names=names)
