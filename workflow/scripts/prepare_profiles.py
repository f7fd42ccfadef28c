"""Profiles of the words for each emotion, and the affect of the emotions, in standard form; shuffled in the control."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.downloads import check_files
from shared_affect.human.files import AFFECT, PROFILES
from shared_affect.human.loaders import load
from shared_affect.human.profiles import profiles_of_emotions, read_words, words_of_emotions
from shared_affect.human.shuffles import shuffle_names
from shared_affect.human.standard import read_affect


def prepare_profiles(files, centres, words, out_profiles, out_affect, *, row, digests, labels, how):
    """Profiles of the emotions that have rated words, and valence and arousal of the same emotions.

    Parameters
    ----------
    files : list of path
        Published ratings of words.
    centres : path
        Affect of the emotions, or word ratings to look them up in (tsv).
    words : dict
        `names` and `concepts`: words that stand for emotions (tsv).
    out_profiles, out_affect : path
        Both in standard form (tsv).
    row : dict
        Of config/human.tsv: `loader`, `valence_split`.
    digests : list of str or None
        Published sha256 of each file, where it is known.
    labels : dict of emotion -> word, or None
        Words to look up among the ratings of valence.
    how : dict
        `emotions`; `shuffle` ("norms" permutes the labels of the emotions), `root_seed` and `language`.
    """
    ratings = load("profiles", row["loader"], files)
    check_files(files, digests)
    wordings = words_of_emotions(read_words(words["names"]), read_words(words["concepts"]))
    profiles = profiles_of_emotions(ratings, wordings, how["emotions"])
    affect = read_affect(centres, how["emotions"], row["valence_split"], labels)
    if how["shuffle"] == "norms":
        streams = rng(how["root_seed"], "shuffle_profiles", how["language"])
        profiles, affect = shuffle_names(profiles, affect, streams)
        LOG.info("control: emotion labels permuted")
    PROFILES.write(out_profiles, profiles)
    AFFECT.write(out_affect, affect)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    how = {k: p[k] for k in ("emotions", "shuffle", "root_seed")} | {"language": snakemake.wildcards.language}
    files = (i.profiles, i.centres, {"names": i.names, "concepts": i.concepts}, o.profiles, o.affect)
    prepare_profiles(*files, row=p.row, digests=p.digests, labels=p.labels, how=how)
