"""Records what Spark answers to the statements of dml.txt.

Usage: python dml.py, with the packages of test/interop/requirements.txt and
the jars of Delta where the environment variable FRESHET_DELTA_JARS says. Cases
that have an answer are not asked again: delete the file of answers to ask all.
"""

import json
import os
import re
import shutil
import sys
import tempfile

from pyspark.sql import SparkSession

HERE = os.path.dirname(os.path.abspath(__file__))


def cases():
    name, lines = None, []
    for line in open(os.path.join(HERE, "dml.txt")):
        if line.startswith("== "):
            if name:
                yield name, "".join(lines)
            name, lines = line[3:].strip(), []
        elif name:
            lines.append(line)
    yield name, "".join(lines)


def text(value):
    if hasattr(value, "asDict"):
        return json.dumps(value.asDict(True), separators=(",", ":"))
    return "NULL" if value is None else str(value)


def rows(df):
    return sorted([[text(v) for v in r] for r in df.collect()])


def answer(spark, text):
    statements = [s.strip() for s in re.split(r";\s*\n", text) if s.strip()]
    for s in statements[:-1]:
        spark.sql(s)
    before = spark.sql("DESCRIBE HISTORY t LIMIT 1").collect()[0]["version"]
    out = {}
    try:
        df = spark.sql(statements[-1].rstrip(";"))
        out["result"] = dict(df.collect()[0].asDict()) if df.columns else {}
    except Exception as e:  # noqa: BLE001 - whatever Spark refuses with is the answer
        if hasattr(e, "getCondition") and e.getCondition():
            out["error"] = e.getCondition()
        else:
            found = re.findall(r"\[([A-Z][A-Z_.0-9]+)\]", str(e))
            out["error"] = found[0] if found else str(e)[:200]
    out["columns"] = [f"{f.name} {f.dataType.simpleString()}" for f in spark.table("t").schema]
    out["rows"] = rows(spark.table("t"))
    last = spark.sql("DESCRIBE HISTORY t LIMIT 1").collect()[0]
    if last["version"] > before:
        out["operation"] = last["operation"]
        out["parameters"] = dict(last["operationParameters"])
        out["metrics"] = dict(last["operationMetrics"])
        if spark.sql("SHOW TBLPROPERTIES t").where("key = 'delta.enableChangeDataFeed'").where("value = 'true'").count():
            changes = spark.sql(f"SELECT * FROM table_changes('t', {last['version']})")
            out["changes"] = rows(changes.drop("_commit_version", "_commit_timestamp"))
    return out


def main():
    jars = os.environ["FRESHET_DELTA_JARS"]
    home = tempfile.mkdtemp()
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", jars)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.warehouse.dir", home + "/warehouse")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.default.parallelism", "1")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    path = os.path.join(HERE, "dml.answers.json")
    answers = json.load(open(path)) if os.path.exists(path) else {}
    for name, text in sorted(cases(), key=lambda c: "merge" not in c[0]):
        if name in answers:
            continue
        try:
            answers[name] = answer(spark, text)
        except Exception as e:  # noqa: BLE001
            print("case", name, "failed in its setup:", str(e)[:300], file=sys.stderr)
        for table in ("t", "s"):
            spark.sql("DROP TABLE IF EXISTS " + table)
        shutil.rmtree(home + "/warehouse", ignore_errors=True)
        with open(path, "w") as f:
            json.dump(answers, f, indent=1, sort_keys=True)
            f.write("\n")
    spark.stop()


main()
