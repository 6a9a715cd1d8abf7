"""Records what Spark makes of stateful streaming queries, into cases.json.

Run with pyspark: python record.py < queries.json > cases.json

Each case has a query over the stream s, perhaps a watermark, an output mode,
and the rows of batches, which arrive as one file each. What is recorded is the
rows that a table is left with: those of all batches when appended, the last of
each key when updated, the last batch when complete.

A case with duplicates drops them by these columns, perhaps within the
watermark, instead of running its query, which is not Spark's. One with runs
says how many files are there when the query starts, and when it starts again.
"""

import json
import os
import sys
import tempfile

from pyspark.sql import SparkSession

COLUMNS = "id BIGINT, k STRING, v DOUBLE, n BIGINT, d DECIMAL(10,2), b BOOLEAN, ts TIMESTAMP"


def write(folder, i, rows):
    path = os.path.join(folder, f"{i}.json")
    with open(path, "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)
    os.utime(path, (1700000000 + i * 10, 1700000000 + i * 10))


def frame(spark, case, folder):
    stream = spark.readStream.schema(COLUMNS).option("maxFilesPerTrigger", 1).json(folder)
    if "watermark" in case:
        stream = stream.withWatermark("ts", case["watermark"])
    if "duplicates" in case:
        drop = stream.dropDuplicatesWithinWatermark if case.get("within") else stream.dropDuplicates
        return drop(case["duplicates"])
    stream.createOrReplaceTempView("s")
    return spark.sql(case["query"])


def run(spark, case):
    folder, checkpoint, batches, operators = tempfile.mkdtemp(), tempfile.mkdtemp(), [], []

    def keep(frame, _):
        batches.append([r[0] for r in frame.selectExpr("to_json(struct(*), map('ignoreNullFields', 'false'))").collect()])

    there = 0
    for upto in case.get("runs", [len(case["batches"])]):
        for i in range(there, upto):
            write(folder, i, case["batches"][i])
        there = upto
        query = frame(spark, case, folder).writeStream.outputMode(case["mode"]).foreachBatch(keep)
        query = query.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
        query.awaitTermination()
        operators += [op for p in query.recentProgress for op in json.loads(p.json)["stateOperators"]]
    case["late"] = sum(int(op["numRowsDroppedByWatermark"]) for op in operators)
    if "duplicates" in case:
        case["kept"] = int(operators[-1]["numRowsTotal"])
    if case["mode"] == "append":
        rows = [r for b in batches for r in b]
    elif case["mode"] == "complete":
        rows = batches[-1]
    else:
        last = {}
        for b in batches:
            for r in b:
                last[tuple(str(json.loads(r)[key]) for key in case["keys"])] = r
        rows = list(last.values())
    case["rows"] = sorted(rows)
    return case


def main():
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    out = []
    for case in json.load(sys.stdin):
        try:
            out.append(run(spark, case))
        except Exception as e:
            case["error"] = str(e)[:400]
            out.append(case)
    print("[\n" + ",\n".join(json.dumps(case) for case in out) + "\n]")
    spark.stop()


main()
