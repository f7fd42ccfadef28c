"""Representational similarity of every representation to profiles of words: beside the claims, never among them."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import Seeds
from shared_affect.human.files import AFFECT, PROFILES
from shared_affect.spaces.files import RSA_PROFILES
from shared_affect.spaces.profiles import compare_profiles
from shared_affect.spaces.space_files import load_spaces

SHOWN = ["wording", "representation", "pairs", "statistic", "rho", "p", "p_codes", "group_agreement", "n_emotions"]


def compare_with_profiles(space, profiles, affect, out, *, settings, human_language, root_seed, names):
    """Correlate the RDM of every representation with distances between profiles, on every set of pairs.

    Parameters
    ----------
    space : path
        RDMs of all representations, draws and permuted spaces (npz).
    profiles : path
        Profiles of the emotions, each group's (tsv).
    affect : path
        Valence and arousal of the emotions (tsv).
    out : path
        Correlations of each representation (tsv).
    settings : dict
        Of config.yaml, key rsa: `pairs`, `n_permutations`, `n_bootstrap`.
    human_language : str
        Language of the raters.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language, dataset: the random numbers hang on them.
    """
    found = compare_profiles(
        load_spaces(space),
        PROFILES.read(profiles),
        AFFECT.read(affect),
        pairs=settings["pairs"],
        n_permutations=settings["n_permutations"],
        n_bootstrap=settings["n_bootstrap"],
        human_language=human_language,
        seeds=Seeds(root_seed, ("compare_with_profiles", *names)),
    )
    LOG.info("\n%s", found[SHOWN].to_string())
    RSA_PROFILES.write(out, found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, names = snakemake.input, snakemake.params, tuple(snakemake.wildcards)
    how = dict(settings=p.settings, human_language=p.human_language, root_seed=p.root_seed)
    compare_with_profiles(i.space[0], i.profiles[0], i.affect[0], snakemake.output[0], **how, names=names)
