"""Texts of the report: whatever a study is, they are well-formed reStructuredText, or the page shows the fault."""

import io
from itertools import product
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

OPTIONS = list(
    product((True, False), ("primary", "all"), (["gemma2-untrained-1"], []), ("Planted (simulated) world", ""))
)


def rendered(path, root, option):
    """What Snakemake makes of a text: jinja2 with the study's configuration, then docutils."""
    steered, saes, controls, banner = option
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    config |= {"saes": saes, "control_models": controls, "steering": config["steering"] | {"enabled": steered}}
    params = SimpleNamespace(note=banner, style={"banner": banner})
    text = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined).from_string(
        path.read_text(encoding="utf-8")
    )
    said = io.StringIO()
    settings = {"report_level": 1, "warning_stream": said}
    page = publish_parts(
        text.render(snakemake=SimpleNamespace(config=config, params=params)),
        writer="html",
        settings_overrides=settings,
    )["body"]
    return page, said.getvalue()


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_text_of_the_report_is_well_formed(root, option):
    texts = sorted((root / "workflow/report").glob("*.rst"))
    assert len(texts) > 5
    for path in texts:
        page, said = rendered(path, root, option)
        assert not said and "system-message" not in page, (path.name, said)
        assert ("<strong>Steering.</strong>" in page) == option[0] or path.name != "workflow.rst"
