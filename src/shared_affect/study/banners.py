"""What of a study is planted, said wherever its numbers are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

WHOLE = "Planted (simulated) world: says nothing about people or about any public language model."


def banner(
    human: Iterable[Mapping],
    models: Mapping[str, str],
    control_models: Mapping[str, str] | None = None,
    texts: Sequence[str] = (),
) -> str:
    """One sentence or two that name what is simulated; empty where nothing is.

    Parameters
    ----------
    human : iterable of mappings
        The study's rows of human.tsv: ``kind``, ``raters``, ``path``, ``valence_norm``. Planted is what nobody rated
        (raters ``planted``) or what stands in a study's planted world, whatever its dataset is called.
    models, control_models : mapping of model -> its `source`
        ``trained`` models have learned from the planted world.
    texts : sequence of str
        Planted texts the study reads beside these, in words ("running texts").

    Examples
    --------
    >>> banner([], {"small": "trained", "large": "hub"})
    'Planted (simulated): models small. What rests on them says nothing about any public language model.'
    """
    kinds: dict[str, list[bool]] = {}
    for r in human:
        parts = [str(r.get(k) or "") for k in ("path", "valence_norm")]
        kinds.setdefault(r["kind"], []).append(r["raters"] == "planted" or any("/world/human/" in p for p in parts))
    names = {"judgements": "judgements", "norms": "word ratings"}
    people = [names.get(k, k) for k, v in kinds.items() if any(v)]
    trained = [m for m, source in models.items() if source == "trained"]
    if kinds and all(all(v) for v in kinds.values()) and models and len(trained) == len(models):
        return WHOLE
    planted = list(people)
    if trained:
        planted.append("models " + ", ".join(trained) if len(trained) < len(models) else "all models that make claims")
    if controls := [m for m, source in (control_models or {}).items() if source == "trained"]:
        planted.append("control models " + ", ".join(controls))
    planted += texts
    if not planted:
        return ""
    nothing = [what for what, so in (("people", people), ("any public language model", trained)) if so]
    return f"Planted (simulated): {'; '.join(planted)}." + (
        f" What rests on them says nothing about {' or about '.join(nothing)}." if nothing else ""
    )
