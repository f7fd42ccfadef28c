# What is asked of models: a study that names none is the human side alone, and has none of these rules.
# Inputs and outputs: of each stage, at the head of its file.
include: "hub.smk"
include: "planted.smk"
include: "twins.smk"
include: "saes.smk"
include: "features.smk"
include: "spaces.smk"
include: "ratings.smk"
include: "steering.smk"
