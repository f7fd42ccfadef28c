# Figures and their source data, drawn from published tables in one committed font: a rule for each row of
# shared_affect/results/figures/table.py.
# Inputs: <results>/tables/*.csv; figure 1 also the aligned coordinates and RDMs of the main study.
# Outputs: <results>/figures/figure{N}.{pdf,png}, <results>/figures/source/figure{N}.csv; figure 4 only where texts were
# steered, figure S2 only where a model was read through several SAEs.
from shared_affect.results.figures.table import ROWS as FIGURE_ROWS

FONT = "resources/fonts/SharedAffectSansSC-subset.otf"
FIGURE_STYLE = {
    "banner": STUDY.banner,
    "models": {r["model"]: r["label"] for r in STUDY.tables["models"]},
    "languages": {r["language"]: r["name"] for r in STUDY.tables["languages"]},
    "max_nll_ratio": config["steering"]["max_nll_ratio"],
    "judges": {j: STUDY.judges.row(j, k).get("label") or j for j, k in STUDY.judges.all},
}
SPACES = [{"model": m, "language": k} for m in STUDY.claiming for k in STUDY.languages]
# Files of one model and language of the main study, by the kind that a row of the table names.
OF_SPACE = {
    "coordinates": f"<results>/coordinates/{{model}}/{STUDY.sae}/{{language}}/{STUDY.human}.tsv",
    "spaces": f"<results>/spaces/{{model}}/{STUDY.sae}/{{language}}.npz",
    "judgements": f"<results>/human/{STUDY.human}/judgements_{{language}}.tsv",
    "affect": f"<results>/human/{STUDY.human}/affect_{{language}}.tsv",
}
DRAWN = [f for f in FIGURE_ROWS if STUDY.models and STUDY.grid.has(f.needs)]
FIGURES = [f"{STUDY.results}/figures/figure{f.name}.{ending}" for f in DRAWN for ending in ("pdf", "png")]
FINAL += FIGURES


def per_space(figure, kind):
    """Files of a kind for each model and language, none where the figure reads no such files."""
    return [OF_SPACE[kind].format(**unit) for unit in SPACES if kind in figure.files]


for FIGURE in DRAWN:

    rule:
        name:
            f"draw_figure_{FIGURE.name.lower()}"
        input:
            tables=[TABLE_FILES[t] for t in FIGURE.tables if t in TABLE_FILES],
            coordinates=per_space(FIGURE, "coordinates"),
            spaces=per_space(FIGURE, "spaces"),
            judgements=per_space(FIGURE, "judgements"),
            affect=per_space(FIGURE, "affect"),
            font=FONT,
            emotions="resources/emotions.tsv",
        output:
            pdf=f"<results>/figures/figure{FIGURE.name}.pdf",
            png=report(
                f"<results>/figures/figure{FIGURE.name}.png",
                category="2 Figures",
                caption=f"../report/figure{FIGURE.name}.rst",
                labels={"figure": FIGURE.name, "shows": FIGURE.shows},
            ),
            csv=f"<results>/figures/source/figure{FIGURE.name}.csv",
        log:
            f"<logs>/draw_figure/{FIGURE.name}.log",
        benchmark:
            f"<benchmarks>/draw_figure/{FIGURE.name}.tsv"
        resources:
            **needs("draw_figure"),
        params:
            figure=FIGURE.name,
            style=FIGURE_STYLE,
            units=SPACES if FIGURE.files else [],
            code=code("draw_figure"),
        script:
            "../scripts/draw_figure.py"
