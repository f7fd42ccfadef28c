"""Whatever stands in the configuration and the tables: taken because it is in range, or refused in one screen."""

import os

import pytest
import yaml
from fuzzing import (
    BYTES,
    TABLES,
    TEXTS,
    TIMES,
    VALUES,
    Place,
    broken,
    config_paths,
    edges,
    examples,
    judge,
    leaves,
    odd,
    put,
    text,
    value_of,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from snakemake.cli import parse_config
from snakemake.utils import update_config

from shared_affect.study import checks

READ = {
    "planted": {},
    "associations": {"overlay": "laptop", "specs": ["usf-concepts"], "associations": {"en": "usf"}},
    "lexicon": {"overlay": "laptop", "concepts": "wordnet-affect", "emotions": ["joy", "fear", "anger", "sadness"]},
    "families": {"overlay": "families", "dictionaries": {"zh": "cedict"}},
}
"""Studies that read every committed table between them."""

FILES = {
    **dict.fromkeys(TABLES, "families"),
    **{
        f"resources/planted/{t}.tsv": "planted"
        for t in ("emotions", "ordinary", "body", "names", "sentences", "neutral")
    },
    **dict.fromkeys(
        ["resources/templates/en.tsv", "resources/concepts/en.tsv", "resources/prompts/planted/zh.tsv"], "planted"
    ),
    "resources/concepts/zh.tsv": "families",
    "resources/cues/en.tsv": "associations",
    "resources/categories/wordnet-affect.tsv": "lexicon",
    "resources/judges/goemotions.tsv": "families",
    "resources/translations.tsv": "families",
    "resources/texts/fidelity_en.txt": "families",
    "resources/texts/neutral_zh.txt": "families",
}


FILES_IN_ORDER = list(FILES)
STEP = 4 if TIMES == 1 else 1
"""Of the breakages of a whole table each in every fourth table, in `make fuzz` in all."""


@pytest.fixture(scope="module")
def place(root, tmp_path_factory):
    """A copy of the committed inputs, which is also the present folder. Schemas are read once."""
    made, here = Place(root, tmp_path_factory.mktemp("fuzz")), os.getcwd()
    os.chdir(made.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "read_schema", lambda path: made.checkout.schema)
        yield made
    os.chdir(here)


def judged(place, config):
    return judge(place, lambda: place.plan(config))


@pytest.fixture(scope="module")
def schema(place):
    return place.checkout.schema


@pytest.mark.parametrize("name", READ)
def test_the_studies_that_are_broken_here_are_taken_whole(place, name):
    assert judge(place, lambda: place.plan(place.config(**READ[name])))


ODD = [*TEXTS, *VALUES]


def test_every_odd_value_is_judged_in_every_key(place, schema):
    """In `make test` each value in every sixth key, in `make fuzz` in all."""
    step = 6 if TIMES == 1 else 1
    for k, path in enumerate(config_paths(schema)):
        for value in ODD[k % step :: step]:
            judged(place, put(place.default, path, value))


def test_every_bound_holds_to_the_step(place, schema):
    for path, own in leaves(schema):
        for value in edges(own):
            judged(place, put(place.default, path, value))
    assert not judged(place, put(place.default, ("rsa", "n_permutations"), 10**12))


@given(data=st.data())
@examples(250)
def test_a_configuration_is_taken_in_range_or_refused_in_one_screen(place, schema, data):
    config = place.config(**READ[data.draw(st.sampled_from(sorted(READ)), "study")])
    keys = dict(leaves(schema))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(config_paths(schema)), "key")
        what = data.draw(st.integers(0, 5))
        if what == 0:
            config = {k: v for k, v in config.items() if k != path[0]}
        elif what == 1:
            config = put(config, (*path[:-1], data.draw(text, "name")), data.draw(odd))
        else:
            config = put(config, path, data.draw(value_of(keys[path]) if path in keys and what < 5 else odd, "value"))
    judged(place, config)


def says_nothing(entry):
    """Whether YAML finds nothing in it, as in a comment: Snakemake's own assertion fails for that."""
    try:
        return yaml.load(entry, Loader=yaml.loader.BaseLoader) is None
    except Exception:
        return False


@given(data=st.data())
@examples(120)
def test_the_command_line_is_taken_in_range_or_refused_in_one_screen(place, schema, data):
    path, own = data.draw(st.sampled_from(sorted(leaves(schema), key=str)))
    of_kind = [value_of(own)] if {"enum", "minimum", "exclusiveMinimum"} & set(own) else []
    value = data.draw(st.one_of(text, st.integers(), st.floats(), st.booleans(), *of_kind))
    given_ = str(value) if len(path) == 1 else f"{{{path[1]}: {value}}}"
    assume(not says_nothing(given_))
    config = place.config()
    update_config(config, parse_config([f"{path[0]}={given_}"]))
    judged(place, config)


LINES = [
    "rsa: {n_permutations: 1_000}",
    "rsa: {n_permutations: 16:40}",
    "rsa: {n_permutations: 0o23420}",
    "rsa: {n_permutations: 023420}",
    "rsa: {n_permutations: 0x2710}",
    "9" * 5000,
    '{"root_seed": ' + "9" * 5000 + "}",
    "rsa: {n_permutations: 1e4}",
    "rsa: {n_permutations: 10000.0}",
    "force: yes",
    "force: off",
    "languages: [en, no]",
    "study: 2024-01-01",
    "study: on",
    "study: 1:30",
    "study: !!python/object:os.system {}",
    "study: !!python/name:os.system",
    "study: !!python/tuple [a]",
    "study: !own x",
    "study: !!binary aGVsbG8=",
    "emotions: !!set {joy, fear}",
    "associations: {en: usf, en: usf}",
    "? [a]\n: 1",
    "? {a: 1}\n: 1",
    "1: 2",
    "null: 2",
    "base: &b {a: 1}",
    "associations: &a {en: *a}",
    "rsa: &r {<<: *r}",
    "rsa: {<<: {n_draws: 20}}",
    "rsa: {<<: 1}",
    "<<: [1]",
    "a: *nowhere",
    "study: a\nstudy: b",
    "\tstudy: a",
    "study:\ta",
    "study: [",
    "- a",
    "study",
    "---\na: 1\n---\nb: 2",
    "...",
    'study: "a\\x00b"',
    'study: "\\ud800"',
    "%YAML 9.9\n---\na: 1",
    "study: |\n  planted\n",
    "study: >\n  a\n  b\n",
    "x: " + "[" * 300 + "]" * 300,
    "x: " + "[" * 20_000,
    "data_dir: ~",
    "rsa:",
    "steering: {strengths: [.inf]}",
    "steering: {strengths: [.nan]}",
    "steering: {temperature: 1e-400}",
    "root_seed: " + "9" * 5000,
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '*a'] * 9)}]" for i in range(9)),
    "x: " + "y" * 1_500_000,
]
"""What YAML 1.1 reads otherwise than a person, or reads at all."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:24].replace("\n", " "))
def test_every_odd_line_of_yaml_is_judged_by_itself_and_in_the_study(place, line):
    whole = (place.folder / "config.yaml").read_text(encoding="utf-8")
    own = place.folder / "config" / "own.yaml"
    key = line.split(":")[0]
    kept = "\n".join(part for part in whole.splitlines() if not part.startswith(f"{key}:"))
    try:
        for written in (line, f"{whole}\n{line}", f"{line}\n{whole}", f"{kept}\n{line}"):
            own.write_text(written, encoding="utf-8", errors="surrogatepass")
            judge(place, lambda: place.plan_from(own))
    finally:
        own.unlink()


@given(data=st.data())
@examples(150)
def test_a_file_of_the_configuration_is_taken_in_range_or_refused_in_one_screen(place, data):
    own = place.folder / "config" / "own.yaml"
    whole = (place.folder / "config.yaml").read_bytes()
    what = data.draw(st.integers(0, 3), "what")
    lines = whole.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1), "line")
    if what == 0:
        written = data.draw(st.sampled_from(BYTES), "bytes")(whole)
    elif what == 1:
        lines[at] = data.draw(st.sampled_from(LINES), "text").encode("utf-8", "surrogatepass")
        written = b"\n".join(lines)
    elif what == 2:
        config = put(
            place.default, (data.draw(st.sampled_from(sorted(place.default))),), data.draw(st.sampled_from(TEXTS))
        )
        written = yaml.safe_dump(config, allow_unicode=True).encode("utf-8", "surrogatepass")
    else:
        cut = data.draw(st.integers(0, len(lines[at])), "cut")
        lines[at] = lines[at][:cut] + data.draw(text).encode("utf-8", "surrogatepass") + lines[at][cut:]
        written = b"\n".join(lines)
    own.write_bytes(written)
    try:
        judge(place, lambda: place.plan_from(own))
    finally:
        own.unlink()


@pytest.mark.parametrize("path", FILES)
@given(data=st.data())
@examples(6)
def test_a_table_is_taken_in_range_or_refused_in_one_screen(place, path, data):
    file = place.folder / path
    whole = file.read_bytes()
    file.write_bytes(data.draw(broken(whole), "bytes"))
    try:
        judge(place, lambda: place.plan(place.config(**READ[FILES[path]]), place.tables_with(path)))
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize("path", FILES)
def test_every_breakage_of_a_whole_table_is_judged(place, path):
    file = place.folder / path
    whole = file.read_bytes()
    try:
        for change in BYTES[FILES_IN_ORDER.index(path) % STEP :: STEP]:
            file.write_bytes(change(whole))
            judge(place, lambda: place.plan(place.config(**READ[FILES[path]]), place.tables_with(path)))
    finally:
        file.write_bytes(whole)
