"""Made-up files in the form of AIPsy's vignettes and of Song's ratings, and nothing of theirs."""

import json

from shared_affect.human.profiles import SONG_GROUPS, SONG_SCALES

PLACES = ("kitchen", "station", "garden", "office", "harbour", "school", "bakery", "museum")


def write_aipsy(folder, categories, scenarios=2, versions=2, change=lambda entries: entries):
    """Vignettes of some categories with their neutral texts, and two neutral texts of no vignette."""
    entries = []
    for c in categories:
        for d in range(1, scenarios + 1):
            for v in range(1, versions + 1):
                own, other = f"B-{c}-d{d}-v{v}", f"N-{c}-d{d}-c{v}"
                for name, partner, told, emotion in ((own, other, "shook", c), (other, own, "waited", "neutral")):
                    entries.append(
                        {
                            "id": name,
                            "text": f"At the {PLACES[d]} {c} {v} she {told} and put the paper down.",
                            "emotion": emotion,
                            "domain": d,
                            "stimulus_set": "B_clinical" if emotion == c else "neutral",
                            "matched_control_id": partner,
                        }
                    )
    named = {"id": "A-1", "text": "I felt it.", "emotion": categories[0], "domain": None}
    entries.append(named | {"stimulus_set": "A_standard", "matched_control_id": None})
    free = [{"id": f"c-{k}", "text": f"The press ran {k} hours.", "stimulus_set": "C_complex_neutral"} for k in (1, 2)]
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "stimuli.jsonl", folder / "set_c_complex_neutral.jsonl"
    for path, own in zip(files, (change(entries), free), strict=True):
        path.write_text("".join(json.dumps(e) + "\n" for e in own), encoding="utf-8")
    return files


def write_song(path, rows):
    """A table in the form of Song's: word -> a rating for each scale and group, "" where it is lacking."""
    columns = [f"CHINESE_{s.upper()}_MEAN_{g}" for s in SONG_SCALES for g in SONG_GROUPS]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(["CONCEPTICON_ID", "CONCEPTICON_GLOSS", "CHINESE", *columns, "LINE_IN_SOURCE"])]
    lines += ["\t".join(["7", "X", word, *map(str, own), "3"]) for word, own in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
