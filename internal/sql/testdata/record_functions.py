"""Writes real Spark's answers into a file of examples, ANSI mode on, session time zone UTC.

    pip install pyspark==4.0.1        # needs Java 17 or newer
    python record_functions.py functions.txt          # expressions without an answer
    python record_functions.py functions.txt --all    # every expression anew

The file holds an expression a line (or a query, when it starts with SELECT or
WITH), and below it, indented: Spark's answer "TYPE: value", and after "differs"
what this project gives instead and why, which is kept as it is. Rows of a query
are separated by "; ". The tests of internal/sql read the same files.
"""

import datetime
import decimal
import json
import os
import sys

os.environ["TZ"] = "UTC"

from pyspark.sql import Row, SparkSession  # noqa: E402


def text(value):
    """The canonical text of a value; TestFunctions writes the same."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (bytes, bytearray)):
        return "X'" + bytes(value).hex().upper() + "'"
    if isinstance(value, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), repr(value))
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").zfill(26)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Row):
        fields = value.__fields__
        return "{" + ", ".join(f"{n}: {text(v)}" for n, v in zip(fields, value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(text(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{text(k)}: {text(v)}" for k, v in value.items())) + "}"
    return str(value)


def answer(spark, expression):
    query = expression if expression.upper().startswith(("SELECT", "WITH")) else "SELECT " + expression
    try:
        frame = spark.sql(query)
        types = [f.dataType.simpleString().upper() for f in frame.schema.fields]
        if any(t.startswith("INTERVAL") for t in types):  # which Python has no values for
            frame = frame.toDF(*(f"c{i}" for i in range(len(types))))
            frame = frame.selectExpr(*(f"CAST(c{i} AS STRING)" if t.startswith("INTERVAL") else f"c{i}" for i, t in enumerate(types)))
        rows = ["(" + ", ".join(text(v) for v in r) + ")" if len(types) > 1 else text(r[0]) for r in frame.collect()]
        return ", ".join(types) + ": " + "; ".join(rows)
    except Exception as e:  # noqa: BLE001
        while e is not None and not hasattr(e, "getCondition"):
            e = e.__cause__
        return "ERROR: " + (e.getCondition() or "unknown" if e is not None else "unknown")


def main(path, every):
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    out = []
    for i, line in enumerate(lines):
        old_answer = line.startswith("  ") and not line.startswith("  differs")
        if old_answer and every:
            continue
        out.append(line)
        if not line or line.startswith(("#", " ")):
            continue
        following = lines[i + 1] if i + 1 < len(lines) else ""
        if every or not following.startswith("  ") or following.startswith("  differs"):
            out.append("  " + answer(spark, line))
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], "--all" in sys.argv)
