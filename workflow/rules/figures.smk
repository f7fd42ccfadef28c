# Figures and their source data, drawn from published tables in one committed font.
# Inputs: <results>/tables/*.csv; figure 1 also the aligned coordinates and RDMs of the main study.
# Outputs: <results>/figures/figure{N}.{pdf,png}, <results>/figures/source/figure{N}.csv; figure 4 only where texts were steered.
R, LOGS, BENCH, HUMAN, SAE = "<results>", "<logs>", "<benchmarks>", STUDY.human, STUDY.sae
FONT = "resources/fonts/SharedAffectSansSC-subset.otf"
FIGURE_STYLE = {
    "banner": STUDY.banner,
    "models": {r["model"]: r["label"] for r in STUDY.tables["models"]},
    "languages": {r["language"]: r["name"] for r in STUDY.tables["languages"]},
    "max_nll_ratio": config["steering"]["max_nll_ratio"],
}
SPACES = [{"model": m, "language": k} for m in STUDY.claiming for k in STUDY.languages]


def tables_of(*names):
    """Published tables among these that this study has."""
    return [f"{R}/tables/{t}.csv" for t in names if t in TABLE_FILES]


def per_space(pattern):
    """One file for each model and language of the main study."""
    return [pattern.format(**unit) for unit in SPACES]


FIGURES = [f"{STUDY.results}/figures/figure{n}.{ending}" for n in ("1", "2", "3", *(["4"] if STUDY.steered else []), "S1") for ending in ("pdf", "png")]
FINAL += FIGURES


rule draw_figure_1:
    input:
        tables=tables_of("rsa", "dimensions"),
        coordinates=per_space(f"{R}/coordinates/{{model}}/{SAE}/{{language}}/{HUMAN}.tsv"),
        spaces=per_space(f"{R}/spaces/{{model}}/{SAE}/{{language}}.npz"),
        judgements=per_space(f"{R}/human/{HUMAN}/judgements_{{language}}.tsv"),
        affect=per_space(f"{R}/human/{HUMAN}/affect_{{language}}.tsv"),
        font=FONT,
        emotions="resources/emotions.tsv",
    output:
        pdf=f"{R}/figures/figure1.pdf",
        png=report(
            f"{R}/figures/figure1.png",
            category="2 Figures",
            caption="../report/figure1.rst",
            labels={"figure": "1", "shows": "Emotion spaces"},
        ),
        csv=f"{R}/figures/source/figure1.csv",
    log:
        f"{LOGS}/draw_figure_1/figure.log",
    benchmark:
        f"{BENCH}/draw_figure_1/figure.tsv"
    params:
        style=FIGURE_STYLE,
        units=SPACES,
        code=code("draw_figure_1"),
    script:
        "../scripts/draw_figure_1.py"


rule draw_figure_2:
    input:
        tables=tables_of("rsa"),
        font=FONT,
        emotions="resources/emotions.tsv",
    output:
        pdf=f"{R}/figures/figure2.pdf",
        png=report(
            f"{R}/figures/figure2.png",
            category="2 Figures",
            caption="../report/figure2.rst",
            labels={"figure": "2", "shows": "Congruence with judgements"},
        ),
        csv=f"{R}/figures/source/figure2.csv",
    log:
        f"{LOGS}/draw_figure_2/figure.log",
    benchmark:
        f"{BENCH}/draw_figure_2/figure.tsv"
    params:
        style=FIGURE_STYLE,
        code=code("draw_figure_2"),
    script:
        "../scripts/draw_figure_2.py"


rule draw_figure_3:
    input:
        tables=tables_of("ratings", "shared_features", "shared_overlap", "cultures"),
        font=FONT,
        emotions="resources/emotions.tsv",
    output:
        pdf=f"{R}/figures/figure3.pdf",
        png=report(
            f"{R}/figures/figure3.png",
            category="2 Figures",
            caption="../report/figure3.rst",
            labels={"figure": "3", "shows": "Ratings and shared features"},
        ),
        csv=f"{R}/figures/source/figure3.csv",
    log:
        f"{LOGS}/draw_figure_3/figure.log",
    benchmark:
        f"{BENCH}/draw_figure_3/figure.tsv"
    params:
        style=FIGURE_STYLE,
        code=code("draw_figure_3"),
    script:
        "../scripts/draw_figure_3.py"


if STUDY.steered:

    rule draw_figure_4:
        input:
            tables=tables_of("steering", "steering_chosen", "steering_pooled"),
            font=FONT,
            emotions="resources/emotions.tsv",
        output:
            pdf=f"{R}/figures/figure4.pdf",
            png=report(
                f"{R}/figures/figure4.png",
                category="2 Figures",
                caption="../report/figure4.rst",
                labels={"figure": "4", "shows": "Steering"},
            ),
            csv=f"{R}/figures/source/figure4.csv",
        log:
            f"{LOGS}/draw_figure_4/figure.log",
        benchmark:
            f"{BENCH}/draw_figure_4/figure.tsv"
        params:
            style=FIGURE_STYLE,
            code=code("draw_figure_4"),
        script:
            "../scripts/draw_figure_4.py"


rule draw_figure_s1:
    input:
        tables=tables_of("rsa", "ratings", "shared_features"),
        font=FONT,
        emotions="resources/emotions.tsv",
    output:
        pdf=f"{R}/figures/figureS1.pdf",
        png=report(
            f"{R}/figures/figureS1.png",
            category="2 Figures",
            caption="../report/figureS1.rst",
            labels={"figure": "S1", "shows": "Negative controls"},
        ),
        csv=f"{R}/figures/source/figureS1.csv",
    log:
        f"{LOGS}/draw_figure_s1/figure.log",
    benchmark:
        f"{BENCH}/draw_figure_s1/figure.tsv"
    params:
        style=FIGURE_STYLE,
        code=code("draw_figure_s1"),
    script:
        "../scripts/draw_figure_s1.py"
