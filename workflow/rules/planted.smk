# The planted world: texts, human data, tokenizer; language models trained on it.
# Inputs: resources/planted/*.tsv, planted rows of resources/concepts/*.tsv, resources/templates/*.tsv.
# Outputs: <results>/world/human/*, <results>/world/{world}/*, <results>/models/{model}/*.
# After these rules nothing knows that a model or a dataset was planted.
# The concept tables may grow without changing the world, so not their time but the digest of their planted rows counts.
import hashlib

from shared_affect.planted.rows import LANGUAGES as PLANTED_LANGUAGES
from shared_affect.planted.rows import planted_rows

WORLD_TABLES = [
    *expand("resources/planted/{table}.tsv", table=["emotions", "ordinary", "body", "names", "sentences", "neutral"]),
    *expand("resources/templates/{language}.tsv", language=PLANTED_LANGUAGES),
    *(ancient(f"resources/concepts/{language}.tsv") for language in PLANTED_LANGUAGES),
]
PLANTED_ROWS = [r for k in PLANTED_LANGUAGES for r in checked(planted_rows, CHECKOUT.concepts(k))]
WORLD_PARAMS = {
    "root_seed": config["root_seed"],
    "planted_rows": hashlib.sha256("\n".join(PLANTED_ROWS).encode()).hexdigest()[:16],
    "languages": list(PLANTED_LANGUAGES),
    "planted": "resources/planted",
    "concepts": {k: f"resources/concepts/{k}.tsv" for k in PLANTED_LANGUAGES},
    "templates": {k: f"resources/templates/{k}.tsv" for k in PLANTED_LANGUAGES},
}


rule make_planted_human:
    input:
        WORLD_TABLES,
    output:
        norms=expand("<results>/world/human/norms_{language}.tsv", language=PLANTED_LANGUAGES),
        judgements=expand("<results>/world/human/judgements_{language}.tsv", language=PLANTED_LANGUAGES),
        centres=expand("<results>/world/human/centres_{language}.tsv", language=PLANTED_LANGUAGES),
        truth=expand("<results>/world/human/truth_{language}.tsv", language=PLANTED_LANGUAGES),
    log:
        "<logs>/make_planted_human/human.log",
    benchmark:
        "<benchmarks>/make_planted_human/human.tsv"
    resources:
        **needs("make_planted_human"),
    params:
        **WORLD_PARAMS,
        code=code_of("planted/world"),
    script:
        "../scripts/make_planted_human.py"


rule write_planted_texts:
    input:
        WORLD_TABLES,
        prompts=expand("resources/prompts/planted/{language}.tsv", language=PLANTED_LANGUAGES),
    output:
        train="<results>/world/{world}/train.txt",
        validation="<results>/world/{world}/validation.txt",
        sae="<results>/world/{world}/sae.txt",
        fidelity=expand("<results>/world/{{world}}/fidelity_{language}.txt", language=PLANTED_LANGUAGES),
        neutral=expand("<results>/world/{{world}}/neutral_{language}.txt", language=PLANTED_LANGUAGES),
        judge=expand("<results>/world/{{world}}/judge_{language}.tsv", language=PLANTED_LANGUAGES),
        tokenizer=multiext("<results>/world/{world}/tokenizer/", "tokenizer.json", "tokenizer_config.json"),
    log:
        "<logs>/write_planted_texts/{world}.log",
    benchmark:
        "<benchmarks>/write_planted_texts/{world}.tsv"
    resources:
        **needs("write_planted_texts"),
    params:
        **WORLD_PARAMS,
        counts=config["texts"],
        # 36 tokens a document is a safe underestimate: the models take what they need
        n_train=lambda w: max(100, STUDY.world_tokens(w.world) // 36),
        code=code_of("planted/world", "planted/tokenizer"),
    script:
        "../scripts/write_planted_texts.py"


rule train_lm:
    input:
        train=lambda w: STUDY.world_file(w.model, "train.txt"),
        validation=lambda w: STUDY.world_file(w.model, "validation.txt"),
        tokenizer=lambda w: STUDY.world_file(w.model, "tokenizer/tokenizer.json"),
    output:
        multiext(
            "<results>/models/{model}/", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
        ),
        facts="<results>/models/{model}/facts.json",
    log:
        "<logs>/train_lm/{model}.log",
    benchmark:
        "<benchmarks>/train_lm/{model}.tsv"
    wildcard_constraints:
        model="|".join(STUDY.trained_models),
    priority: 10
    resources:
        **needs("train_lm"),
    params:
        row=lambda w: STUDY.cells(
            "models", ("family", "train_tokens", "max_validation_loss", "replicate"), model=w.model
        ),
        root_seed=config["root_seed"],
        code=code_of("planted/language_model", "models/texts", "models/tokens"),
    script:
        "../scripts/train_lm.py"
