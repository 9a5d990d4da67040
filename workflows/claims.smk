# The paper's claims with their verdicts: a table and a figure among the others, of the configs that have them.


rule all_claims:
    input:
        PLAN.of_claims,
