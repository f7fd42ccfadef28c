# Emotion spaces, their comparison with human judgements, their dimensions.
# Inputs: codes, emotion features, judgements and affect of the emotions in standard form.
# Outputs: {R}/{variant}spaces/{model}/{sae}/{language}.npz, {R}/{variant}rsa/..., {R}/{variant}dimensions/...


rule build_space:
    input:
        codes=f"{R}/{{variant}}codes/{{model}}/{{sae}}/{{language}}.npz",
        features=expand(f"{R}/{{{{variant}}}}emotion_features/{{{{model}}}}/{{{{sae}}}}/{{{{language}}}}/{{emotion}}.tsv", emotion=EMOTIONS),
        associations=association_vectors,
        emotions="resources/emotions.tsv",
        controls=own("concepts", f"{R}/{{variant}}controls/{{model}}/{{language}}/matches.tsv"),
    output:
        f"{R}/{{variant}}spaces/{{model}}/{{sae}}/{{language}}.npz",
    log:
        f"{LOGS}/build_space/{{variant}}{{model}}/{{sae}}/{{language}}.log",
    benchmark:
        f"{BENCH}/build_space/{{variant}}{{model}}/{{sae}}/{{language}}.tsv"
    params:
        n_draws=config["rsa"]["n_draws"],
        n_code_permutations=config["rsa"]["n_code_permutations"],
        settings=config["features"],
        root_seed=config["root_seed"],
        code=code("build_space"),
    script:
        "../scripts/build_space.py"


rule compare_with_judgements:
    input:
        space=own("model", f"{R}/{{variant}}spaces/{{model}}/{{sae}}/{{language}}.npz"),
        judgements=own("human", f"{R}/{{variant}}human/{{human}}/judgements_{{language}}.tsv"),
        affect=own("human", f"{R}/{{variant}}human/{{human}}/affect_{{language}}.tsv"),
    output:
        rsa=f"{R}/{{variant}}rsa/{{model}}/{{sae}}/{{language}}/{{human}}.tsv",
        differences=f"{R}/{{variant}}rsa_differences/{{model}}/{{sae}}/{{language}}/{{human}}.tsv",
    log:
        f"{LOGS}/compare_with_judgements/{{variant}}{{model}}/{{sae}}/{{language}}/{{human}}.log",
    benchmark:
        f"{BENCH}/compare_with_judgements/{{variant}}{{model}}/{{sae}}/{{language}}/{{human}}.tsv"
    params:
        settings=config["rsa"],
        root_seed=config["root_seed"],
        code=code("compare_with_judgements"),
    script:
        "../scripts/compare_with_judgements.py"


rule find_dimensions:
    input:
        space=own("model", f"{R}/{{variant}}spaces/{{model}}/{{sae}}/{{language}}.npz"),
        affect=own("human", f"{R}/{{variant}}human/{{human}}/affect_{{language}}.tsv"),
    output:
        dimensions=f"{R}/{{variant}}dimensions/{{model}}/{{sae}}/{{language}}/{{human}}.tsv",
        coordinates=f"{R}/{{variant}}coordinates/{{model}}/{{sae}}/{{language}}/{{human}}.tsv",
    log:
        f"{LOGS}/find_dimensions/{{variant}}{{model}}/{{sae}}/{{language}}/{{human}}.log",
    benchmark:
        f"{BENCH}/find_dimensions/{{variant}}{{model}}/{{sae}}/{{language}}/{{human}}.tsv"
    params:
        n_permutations=config["rsa"]["n_permutations"],
        n_bootstrap=config["rsa"]["n_bootstrap"],
        root_seed=config["root_seed"],
        code=code("find_dimensions"),
    script:
        "../scripts/find_dimensions.py"
