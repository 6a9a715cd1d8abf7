"""The peers of freshet's bench: peers.py PEER OUT FORMAT DIR.

Each loads the files of DIR, whose columns it finds by itself, into OUT, as a
user of that tool would write it.
"""

import os
import sys


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


def spark(out, fmt, src):
    from pyspark.sql import SparkSession

    jars = os.environ.get("FRESHET_IVY", os.path.expanduser("~/.ivy2"))
    import importlib.metadata

    version = importlib.metadata.version("delta-spark")
    session = (
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
    reader = session.read.option("recursiveFileLookup", "true")
    if fmt == "csv":
        frame = reader.option("header", "true").option("inferSchema", "true").csv(src)
    else:
        frame = reader.json(src)
    frame.write.format("delta").save(f"{out}/t")
    session.stop()


if __name__ == "__main__":
    peer, out, fmt, src = sys.argv[1:]
    {"duckdb": duckdb, "polars": polars, "delta-rs": delta_rs, "spark": spark}[peer](out, fmt, src)
