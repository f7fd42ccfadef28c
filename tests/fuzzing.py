"""Odd and broken input, made from the schemas and from the real files, and what must come of it.

`Place` is a copy of the committed inputs in which anything may be broken. `Place.plan` does what the Snakefile does
before any job. `judge` says what must hold: a study that is refused is refused in one screen, one that is taken is in
range and writes below ``results/`` alone.
"""

import copy
import datetime
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared_affect.planning import looks
from shared_affect.planning.checkout import CONFIG_TABLES, Checkout
from shared_affect.planning.plan import read_study
from shared_affect.study.config import read_table
from shared_affect.study.overlays import check_file, check_merge

TIMES = int(os.environ.get("SHARED_AFFECT_FUZZ", "1"))
"""How many times the examples of `make test`: above 1 with random seeds (`make fuzz`)."""

LINES, CHARACTERS = 25, 2000
SAID = re.compile("allowed|needed|expected|indent with|add it|does not exist", re.IGNORECASE)
"""A refusal says what would be right."""
WHERE = re.compile(r"\.tsv|\.yaml|\.txt|\.json|--config")
"""A refusal says where to change it."""


def examples(n):
    """Settings of a test with `n` examples in `make test`."""
    return settings(
        max_examples=n * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


# --- odd values -------------------------------------------------------------------------------------------------------

TEXTS = [
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/../../b",
    "/etc/passwd",
    "/",
    "a/b",
    "a\\b",
    "-x",
    "--config",
    "~",
    "~nobody-here/x",
    "$NOT_SET_ANYWHERE",
    "$HOME",
    "{x}",
    "{}",
    "{0}",
    "{results}",
    "{results}/../../x",
    "{results.__class__}",
    "{results[0]}",
    "{results!r:>99999}",
    "{results:>9999999999}",
    "{{x}}",
    "{",
    "a\x00b",
    "a\nb",
    "planted\n",
    "a\tb",
    "a\rb",
    "\x1b[31mred",
    "\u202eabc",
    "\u0430ffect",
    "\uff41",
    "a\u200bb",
    "a\u00a0b",
    "\ufeffx",
    "\U0001f4a5",
    "e\u0301",
    "\ud800",
    "con",
    "nul.txt",
    "a.",
    "x" * 101,
    "x" * 300,
    "x" * 5000,
    "/" + "y/" * 3000,
    "no",
    "on",
    "yes",
    "null",
    "~",
    "true",
    "TRUE",
    "1",
    "007",
    "1_000",
    "1e3",
    "1e400",
    "0x10",
    "0o10",
    "1:30",
    "-0",
    "nan",
    "inf",
    "-inf",
    "\uff11",
    "1.0",
    "2024-01-01",
    "=1+1",
    '"',
    '"a"',
    '""a""',
    "'",
    "a;b",
    "a,b",
    "[a]",
    "{a: b}",
    "%s",
    "*",
    "!x",
    "&a",
    "#",
    "all",
    "planted",
    "table",
    "none",
    "primary",
    "cuda:99999999999999999999",
    "joy",
    "en",
    "9" * 5000,
]
"""Texts that have a meaning to YAML, a shell, a path, a format string, a spreadsheet or a terminal."""


def _deep(depth):
    found = []
    for _ in range(depth):
        found = [found]
    return found


def _laughs():
    found = ["ha"] * 10
    for _ in range(12):
        found = [found] * 10
    return found


def _circle():
    found = {}
    found["en"] = found
    return found


VALUES = [
    float("nan"),
    float("inf"),
    -float("inf"),
    -0.0,
    0,
    0.0,
    1,
    -1,
    1.0,
    2.0,
    0.5,
    1.5,
    1e308,
    5e-324,
    10**9,
    10**12,
    10**30,
    10**5000,
    -(10**5000),
    True,
    False,
    None,
    [],
    {},
    [[]],
    [None],
    [1, 1.0],
    [True, 1],
    {"": 1},
    {1: "a"},
    {None: None},
    {False: "cedict"},
    {"en": None},
    {"en": ["usf"]},
    {"en": "usf", "zh": "x"},
    b"bytes",
    {"a", "b"},
    (1, 2),
    datetime.date(2024, 1, 1),
    complex(1, 1),
    ["x"] * 1000,
    ["en", "en"],
    _deep(50),
    _deep(5000),
    _laughs(),
    _circle(),
    {"a\nb": 1},
    {"\x1b[2J": 1},
    {"x" * 5000: 1},
    {"x": "y" * 100_000},
]
"""Values that YAML can bring where something else is expected."""

text = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8))
odd = st.one_of(
    text,
    st.sampled_from(VALUES),
    st.integers(),
    st.floats(),
    st.lists(text, max_size=3),
    st.dictionaries(text, text, max_size=2),
)


def leaves(schema, path=()):
    """Path and schema of every key that is no group of keys."""
    for key, own in schema["properties"].items():
        if "properties" in own:
            yield from leaves(own, (*path, key))
        else:
            yield (*path, key), own


def edges(own):
    """Numbers on and beside the bounds of a schema."""
    kinds = own["type"] if isinstance(own["type"], list) else [own["type"]]
    steps = (1,) if "integer" in kinds else (1e-9, 0.25)
    bounds = [own[k] for k in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if k in own]
    return [b + d for b in bounds for d in (0, *steps, *(-s for s in steps))]


def value_of(own):
    """A value that its schema allows, or stands at its edge."""
    if "enum" in own:
        return st.sampled_from(own["enum"])
    kinds = own["type"] if isinstance(own["type"], list) else [own["type"]]
    if own.get("items", {}).get("enum"):
        return st.lists(st.sampled_from(own["items"]["enum"]), max_size=3)
    if "integer" in kinds or "number" in kinds:
        near = [e for e in edges(own) if abs(e) < 10_000]
        return st.sampled_from([*near, *edges(own), 3, 0.5, 1000, 20_000])
    if "boolean" in kinds:
        return st.booleans()
    return odd


# --- a place in which things may be broken ----------------------------------------------------------------------------


class Place:
    """A copy of the committed inputs, planned from as the Snakefile plans."""

    def __init__(self, root, folder):
        self.folder = Path(folder)
        for shared in ("config", "resources", "studies", "workflow/schemas"):
            ignored = shutil.ignore_patterns("journal", "retrieved", "fonts")
            shutil.copytree(root / shared, self.folder / shared, ignore=ignored)
        shutil.copy(root / "config.yaml", self.folder)
        self.checkout = Checkout(
            tables=self.folder / "config",
            schemas=self.folder / "workflow/schemas",
            resources=self.folder / "resources",
            scripts=root / "workflow/scripts",
            package=root / "src/shared_affect",
        )
        self.tables = self.checkout.read_tables()
        self.world = self._world()
        self.default = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))

    def _world(self):
        paths = [
            p for of in ("planted", "concepts", "templates") for p in (self.folder / "resources" / of).glob("*.tsv")
        ]
        return [(p, p.read_bytes()) for p in sorted(paths)]

    def config(self, overlay=None, **more):
        """The default study under an overlay and single keys."""
        made = copy.deepcopy(self.default)
        if overlay:
            made |= yaml.safe_load((self.folder / f"studies/{overlay}.yaml").read_text(encoding="utf-8"))
            for section in self.checkout.sections:
                made[section] = self.default[section] | made[section]
        return made | more

    def tables_with(self, path):
        """Tables, of which the one at this path is read anew."""
        name = Path(path).stem
        known = str(path) == f"config/{name}.tsv" or str(path) == "resources/emotions.tsv"
        return self.tables | (
            {name: read_table(self.folder / path, self.checkout.schemas / f"{name}.yaml")} if known else {}
        )

    def plan(self, config, tables=None):
        """What the Snakefile does with a merged configuration (study.smk, saes.smk, planted.smk)."""
        study = read_study(config, self.checkout, tables or self.tables)
        with pytest.MonkeyPatch.context() as patch:
            if self._world() == self.world:  # made anew only where its tables are broken
                patch.setattr(looks, "look_at_world", lambda study: None)
            looks.look(study)
        looks.look_at_texts(study)
        return study

    def plan_from(self, path, tables=None):
        """The same from a file."""
        given = check_file(path)
        check_merge([("config.yaml", given)])
        return self.plan(given, tables)


def refused(error):
    """Look at a refusal as a user sees it."""
    said = str(error)
    assert type(error).__module__.startswith("shared_affect") or type(error) is ValueError, type(error)
    assert len(said) <= CHARACTERS and said.count("\n") < LINES, (len(said), said[:3000])
    assert all(c.isprintable() or c == "\n" for c in said), ascii(said)
    assert SAID.search(said) and WHERE.search(said), said


def _within(value, own, path):
    """A value that was taken is of its type and in its range."""
    kinds = own["type"] if isinstance(own["type"], list) else [own["type"]]
    if isinstance(value, dict):
        for k, v in value.items():
            assert type(k) is str and k.isprintable(), path
            _within(v, own["properties"][k] if "properties" in own else own["additionalProperties"], f"{path}.{k}")
    elif isinstance(value, list):
        assert "array" in kinds and len(value) >= own.get("minItems", 0), path
        for v in value:
            _within(v, own["items"], path)
    elif "enum" in own:
        assert value in own["enum"], path
    elif type(value) is str:
        assert "string" in kinds and not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", value), (path, value)
    elif type(value) is bool:
        assert "boolean" in kinds, path
    elif value is None:
        assert "null" in kinds, path
    else:
        assert type(value) is int or (type(value) is float and "number" in kinds), (path, value)
        assert own.get("minimum", value) <= value <= own.get("maximum", value), (path, value)
        assert own.get("exclusiveMinimum", -1) < value < own.get("exclusiveMaximum", 1e300), (path, value)


def _written(study):
    """Every path that rules make of a study's names."""
    for table in study.grid.tables:
        yield from study.grid.files(table)
    yield from study.grid.notes()
    yield from study.concept_files.values()
    for language in study.languages:
        for judge in study.judges.named(language):
            yield from study.judges.quality(judge, language)
        yield from study.data.word_properties(language)
        yield from study.data.association_vectors(language)


def taken(study, schema):
    """Look at a study that was taken: in range, and all that it writes below its folder; ask it what rules ask."""
    _within(study.config, schema, "config")
    assert re.fullmatch(r"results/[a-z0-9][a-z0-9.-]{0,99}", study.results)
    for path in _written(study):
        found = os.path.normpath(path)
        if not path.startswith("resources/"):
            assert found.startswith(f"{study.results}/"), path
        assert "{" not in path.replace("{language}", ""), path
        assert all(len(part.encode()) <= 255 for part in path.split("/")) and path.isprintable(), path
    assert study.banner is not None and study.lacking() is not None and study.groups
    for model in study.models:
        row = study.row("models", model=model)
        for own in (row, *study.saes_of(model)):
            assert study.row_path(own).isprintable() and "{" not in study.row_path(own)
            study.own_files(own)
        study.gpu(model), study.numerics(model)
    for name in study.variants.concept_files():
        for language in study.languages:
            study.data.concept_source(name, language)
    assert study.emotions == [e for e in study.emotion_names if e in study.emotions]


def judge(place, plan):
    """Whether a plan came about; what must hold either way is asserted.

    A study that is taken leaves the place as it was.
    """
    before = sorted(os.listdir(place.folder))
    try:
        study = plan()
    except ValueError as error:
        refused(error)
        study = None
    else:
        taken(study, place.checkout.schema)
    assert sorted(os.listdir(place.folder)) == before
    return study is not None


def config_paths(schema):
    """Keys of a configuration, groups among them."""
    return [*dict(leaves(schema)), *[(k,) for k, own in schema["properties"].items() if "properties" in own]]


def put(config, path, value):
    """A configuration with a value in a place."""
    made = dict(config)
    if len(path) > 1:
        made[path[0]] = put(made[path[0]] if isinstance(made.get(path[0]), dict) else {}, path[1:], value)
    else:
        made[path[0]] = value
    return made


# --- tables -----------------------------------------------------------------------------------------------------------


def _cells(data):
    return [line.split("\t") for line in data.decode("utf-8").rstrip("\n").split("\n")]


def _joined(rows):
    return ("\n".join("\t".join(r) for r in rows) + "\n").encode("utf-8", "surrogatepass")


BYTES = [
    lambda d: b"",
    lambda d: b"\n\n",
    lambda d: b"\xef\xbb\xbf" + d,
    lambda d: d.decode().encode("utf-16"),
    lambda d: d.decode().encode("utf-16-le"),
    lambda d: d.replace(b"\n", b"\r\n"),
    lambda d: d.replace(b"\n", b"\r"),
    lambda d: d.replace(b"\t", b","),
    lambda d: d.replace(b"\t", b"  "),
    lambda d: d[: len(d) // 2],
    lambda d: d + d,
    lambda d: d.decode().encode("gb18030", "replace"),
    lambda d: d + b"\xff\n",
    lambda d: d + b"\x00\n",
    lambda d: d.splitlines(keepends=True)[0],
    lambda d: b"PK\x03\x04" + d,
    lambda d: b"<!doctype html><html></html>",
    lambda d: d.replace(b"\t", b"\t\t"),
    lambda d: b"\n".join(b'"' + line.replace(b"\t", b'"\t"') + b'"' for line in d.splitlines()),
    lambda d: d.split(b"\n", 1)[1],
    lambda d: d.replace(b"\n", b"\t\n"),
    lambda d: d.rstrip(b"\n"),
    lambda d: d + b"x" * 1_000_000,
    lambda d: d.replace(b"e", b"\xe9"),
    lambda d: d.upper(),
]
"""What happens to a whole file: an editor, a spreadsheet, a copy, another encoding."""


@st.composite
def broken(draw, data):
    """Bytes of a table in which one to three things are changed."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(BYTES))(data)
    rows = _cells(data)
    for _ in range(draw(st.integers(1, 3))):
        r, c = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
        what = draw(st.integers(0, 9))
        row = rows[r] = list(rows[r])
        if what < 5 and c < len(row):
            row[c] = draw(st.one_of(text, st.sampled_from([str(v) for v in VALUES[:17]])))
        elif what == 5:
            rows.insert(r, list(row))
        elif what == 6 and len(rows) > 1:
            del rows[r]
        elif what == 7:
            rows = [[*x[:c], *x[c + 1 :]] for x in rows]
        elif what == 8:
            rows = [[*x, x[c] if c < len(x) else ""] for x in rows]
        elif what == 9 and len(row) > 1:
            row[0], row[-1] = row[-1], row[0]
        if not rows or not rows[0]:
            break
    return _joined(rows)


TABLES = [f"config/{t}.tsv" for t in CONFIG_TABLES] + ["resources/emotions.tsv"]
"""Tables with a schema."""
