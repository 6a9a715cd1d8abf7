"""The peers of freshet's bench.

peers.py PEER OUT FORMAT DIR loads the files of DIR, whose columns it finds by
itself, into OUT, as a user of that tool would write it.
peers.py PEER OUT merge SOURCE merges the Delta table SOURCE into OUT/target.
"""

import os
import sys
import time

began = time.monotonic()


def duckdb(out, fmt, src):
    import duckdb

    db = duckdb.connect()
    db.execute("SET preserve_insertion_order = false")
    read = {"csv": "read_csv", "json": "read_json"}[fmt]
    ext = {"csv": "csv", "json": "json"}[fmt]
    db.execute(
        f"COPY (SELECT * FROM {read}('{src}/**/*.{ext}')) "
        f"TO '{out}/t.parquet' (FORMAT parquet, COMPRESSION snappy)"
    )


def polars_frame(fmt, src):
    import polars

    if fmt == "csv":
        return polars.scan_csv(f"{src}/**/*.csv", try_parse_dates=True, infer_schema_length=1000)
    return polars.scan_ndjson(f"{src}/**/*.json", infer_schema_length=1000)


def polars(out, fmt, src):
    polars_frame(fmt, src).sink_parquet(f"{out}/t.parquet", compression="snappy")


def delta_rs(out, fmt, src):
    import deltalake

    deltalake.write_deltalake(f"{out}/t", polars_frame(fmt, src).collect().to_arrow())


def delta_rs_merge(out, src):
    import deltalake

    rows = deltalake.DeltaTable(src).to_pyarrow_table()
    target = deltalake.DeltaTable(f"{out}/target")
    merge = target.merge(rows, predicate="t.id = s.id", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


def spark_session():
    from pyspark.sql import SparkSession

    jars = os.environ.get("FRESHET_IVY", os.path.expanduser("~/.ivy2"))
    import importlib.metadata

    version = importlib.metadata.version("delta-spark")
    return (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.jars.ivy", jars)
        .config("spark.jars.packages", f"io.delta:delta-spark_2.13:{version}")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .getOrCreate()
    )


def spark_job(work):
    """Runs work with a session and waits for the JVM's end, so that the
    system counts its processor time and memory with this process's."""
    session = spark_session()
    print(f"started in {time.monotonic() - began:.2f} s")
    gateway = session.sparkContext._gateway
    work(session)
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


def spark(out, fmt, src):
    spark_job(lambda session: spark_load(session, out, fmt, src))


def spark_merge(out, src):
    spark_job(
        lambda session: session.sql(
            f"MERGE INTO delta.`{out}/target` t USING delta.`{src}` s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ).collect()
    )


def spark_load(session, out, fmt, src):
    reader = session.read.option("recursiveFileLookup", "true")
    if fmt == "csv":
        frame = reader.option("header", "true").option("inferSchema", "true").csv(src)
    else:
        frame = reader.json(src)
    frame.write.format("delta").save(f"{out}/t")


if __name__ == "__main__":
    peer, out, fmt, src = sys.argv[1:]
    if fmt == "merge":
        {"delta-rs": delta_rs_merge, "spark": spark_merge}[peer](out, src)
        sys.exit()
    {"duckdb": duckdb, "polars": polars, "delta-rs": delta_rs, "spark": spark}[peer](out, fmt, src)
