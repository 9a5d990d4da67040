# The tables, each from result files alone.


localrules:
    table,


rule table:
    input:
        PLAN.of_table,
    output:
        f"{ROOT}/tables/{{table}}.csv",
        f"{ROOT}/tables/{{table}}.tex",
        f"{ROOT}/tables/{{table}}.json",
        report(
            f"{ROOT}/tables/{{table}}.md",
            category="Tables",
            caption="report/table.rst",
        ),
    log:
        f"{ROOT}/logs/tables/{{table}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=NEEDS.memory("product"),
        runtime=NEEDS.runtime("product"),
    params:
        identity=PLAN.identity("table", "table"),
    shell:
        'rcn-bench table {wildcards.table} --config "$CONFIG" > {log} 2>&1'


rule all_tables:
    input:
        expand(
            f"{ROOT}/tables/{{table}}.{{kind}}",
            table=PLAN.names("table"),
            kind=["csv", "md", "tex", "json"],
        ),
