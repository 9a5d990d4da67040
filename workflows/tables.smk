# The tables, each from result files alone.


localrules:
    table,


rule table:
    input:
        table_inputs,
    output:
        f"{ROOT}/tables/{{table}}.csv",
        f"{ROOT}/tables/{{table}}.tex",
        report(
            f"{ROOT}/tables/{{table}}.md",
            category="Tables",
            caption="report/table.rst",
        ),
    log:
        f"{ROOT}/logs/tables/{{table}}.log",
    wildcard_constraints:
        table="|".join(TABLES),
    conda:
        ENVIRONMENT
    params:
        resolved=RESOLVED,
        config=config_hash(
            [
                config["tables"],
                config["models"],
                config["seeds"],
                config["clip"],
                config["profile"],
            ]
        ),
        code=source_hash(
            "reporting/tables.py",
            "experiment.py",
            "reporting/paper.py",
            "intervals.py",
        ),
    shell:
        "rcn-bench table {wildcards.table} --config {params.resolved} > {log} 2>&1"


rule all_tables:
    input:
        expand(
            f"{ROOT}/tables/{{table}}.{{kind}}",
            table=TABLES,
            kind=["csv", "md", "tex"],
        ),
