"""Every emotion space against every other, and against people."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import Seeds
from shared_affect.human.files import AFFECT, JUDGEMENTS, PROFILES
from shared_affect.spaces import pairwise
from shared_affect.spaces.files import SPACE_PAIRS
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.spaces.space_files import load_spaces


def compare_pairwise(spaces, people, affect, out, *, human, settings, root_seed):
    """Correlate the RDMs of every two spaces or sets of people.

    Parameters
    ----------
    spaces : dict of (model, SAE, language) -> path
        RDMs of all representations (npz); only the emotion space is read.
    people : dict
        `judgements` (raters' language -> tsv), `profiles` ((dataset, raters' language) -> tsv).
    affect : list of path
        Valence and arousal of the emotions, of each language (tsv).
    out : path
        A row a pair of views and set of pairs (tsv).
    human : str
        Dataset of the judgements.
    settings : dict
        Of config.yaml, key rsa: `pairs`, `n_permutations`, `n_bootstrap`.
    root_seed : int
    """
    views = {pairwise.View("space", *who): load_spaces(f).rdms[PRIMARY] for who, f in spaces.items()}
    judged = {k: JUDGEMENTS.read(f) for k, f in people["judgements"].items()}
    views |= pairwise.views_of_people(human, judged, {k: PROFILES.read(f) for k, f in people["profiles"].items()})
    how = {k: settings[k] for k in ("pairs", "n_permutations", "n_bootstrap")}
    seeds = Seeds(root_seed, ("compare_pairwise", human))
    classes = pairwise.common_classes([AFFECT.read(f) for f in affect])
    found = pairwise.compare_pairwise(views, classes, **how, seeds=seeds)
    LOG.info("\n%s", found.to_string())
    SPACE_PAIRS.write(out, found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, human = snakemake.input, snakemake.params, snakemake.wildcards.human
    spaces = by_name([tuple(v.values()) for v in p.views], i.spaces)
    of_words, of_profiles = by_name(p.judged.values(), i.judgements), by_name(p.profiled, i.profiles)
    people = dict(judgements={k: of_words[word] for k, word in p.judged.items()})
    people |= dict(profiles={tuple(v.values()): of_profiles[k] for k, v in p.profiled.items()})
    how = dict(human=human, settings=p.settings, root_seed=p.root_seed)
    compare_pairwise(spaces, people, i.affect, snakemake.output[0], **how)
