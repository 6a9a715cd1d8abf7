"""Other implementations of Delta Lake, behind a pipe.

Reads one JSON request a line from standard input and answers with one JSON
line on standard output: {"ok": ...} or {"error": "..."}. Spark starts with the
first request that needs it and serves all that follow.

Requests, by "do":
  versions                                  -> {"spark": ..., "delta-rs": ...}
  sql       text                            -> rows of a Spark SQL statement
  read      engine, path, [version]         -> rows and columns of a table
  write     engine, path, parquet, mode     -> writes a Parquet file's rows
            [partition, schema_mode]
  change    path, text                      -> an operation of delta-rs, see CHANGES
  arrow     path                            -> rows of an Arrow IPC file

Rows come in one canonical form, so that two readers of one table give equal
JSON: see canonical().
"""

import base64
import datetime
import decimal
import json
import math
import os
import sys
import traceback

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq


def canonical(value, kind):
    """Returns a value of pyarrow's to_pylist as JSON.

    Decimals and floats are text, timestamps ISO text (with Z when they are an
    instant), binaries base64, maps lists of pairs in order of keys.
    """
    if value is None or isinstance(value, (bool, int, str)) and not pa.types.is_timestamp(kind):
        return value
    if pa.types.is_map(kind):
        pairs = [[canonical(k, kind.key_type), canonical(v, kind.item_type)] for k, v in value]
        return sorted(pairs, key=json.dumps)
    if pa.types.is_struct(kind):
        return {f.name: canonical(value[f.name], f.type) for f in kind}
    if isinstance(value, list):
        return [canonical(v, kind.value_type) for v in value]
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else repr(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + ("Z" if kind.tz else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"no canonical form of {type(value)} from {kind}")


def naive(kind):
    """Returns the type with timestamps in microseconds, and without the
    dictionaries and views that implementations choose freely."""
    if pa.types.is_dictionary(kind):
        return naive(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_map(kind):
        return pa.map_(naive(kind.key_type), naive(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, naive(f.type)) for f in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind):
        return pa.list_(naive(kind.value_type))
    return kind


def arrow_rows(table):
    """Returns the canonical rows of an Arrow table, sorted."""
    columns = []
    for field, column in zip(table.schema, table.columns):
        kind = naive(field.type)
        columns.append([canonical(v, kind) for v in column.cast(kind).to_pylist()])
    rows = [list(row) for row in zip(*columns)]
    types = [str(naive(f.type)) for f in table.schema]
    return {"columns": table.schema.names, "types": types, "rows": sorted(rows, key=json.dumps)}


def nullable(kind):
    """Returns a Spark type with every part nullable."""
    from pyspark.sql import types

    if isinstance(kind, types.StructType):
        return types.StructType([types.StructField(f.name, nullable(f.dataType)) for f in kind])
    if isinstance(kind, types.ArrayType):
        return types.ArrayType(nullable(kind.elementType))
    if isinstance(kind, types.MapType):
        return types.MapType(nullable(kind.keyType), nullable(kind.valueType))
    return kind


class Spark:
    """One Spark session with Delta Lake."""

    def __init__(self):
        from delta import configure_spark_with_delta_pip
        from pyspark.sql import SparkSession

        builder = (
            SparkSession.builder.master("local[2]")
            .appName("freshet-interop")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.jars.ivy", os.environ.get("FRESHET_IVY", os.path.expanduser("~/.ivy2")))
            .config("spark.driver.memory", "1g")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.databricks.delta.snapshotPartitions", "2")
            # VACUUM lists with as many tasks as this says, 10000 by default.
            .config("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
            .config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
            .config("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")
            .config("spark.ui.enabled", "false")
        )
        self.session = configure_spark_with_delta_pip(builder).getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")

    def sql(self, text):
        return self.rows(self.session.sql(text))

    def read(self, path, version=None):
        reader = self.session.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return self.rows(reader.load(path))

    @staticmethod
    def rows(frame):
        # toArrow fails on a null struct whose fields may not be null.
        from pyspark.sql import functions

        columns = [functions.col("`" + f.name.replace("`", "``") + "`").cast(nullable(f.dataType)).alias(f.name) for f in frame.schema]
        return arrow_rows(frame.select(columns).toArrow() if columns else frame.toArrow())

    def write(self, path, parquet, mode, partition, schema_mode):
        frame = self.session.read.parquet(parquet)
        writer = frame.write.format("delta").mode(mode)
        if partition:
            writer = writer.partitionBy(*partition)
        if schema_mode:
            writer = writer.option(schema_mode, "true")
        writer.save(path)


class DeltaRS:
    """The delta-rs library."""

    @staticmethod
    def read(path, version=None):
        table = deltalake.DeltaTable(path, version=version)
        return arrow_rows(pa.table(deltalake.QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()))

    @staticmethod
    def write(path, parquet, mode, partition, schema_mode):
        modes = {"mergeSchema": "merge", "overwriteSchema": "overwrite", None: None}
        deltalake.write_deltalake(
            path, pq.read_table(parquet), mode=mode, partition_by=partition or None, schema_mode=modes[schema_mode]
        )


def merge(table):
    source = pa.table({"id": pa.array([2, 7], pa.int32()), "s": ["merged", "inserted"]})
    merging = table.merge(source, "t.id = s.id", source_alias="s", target_alias="t")
    merging.when_matched_update_all().when_not_matched_insert_all().execute()


# What delta-rs does to a table (id INT, s STRING).
CHANGES = {
    "delete": lambda t: t.delete("id = 2"),
    "update": lambda t: t.update(updates={"s": "'updated'"}, predicate="id > 2"),
    "merge": merge,
    "compact": lambda t: t.optimize.compact(),
    "z-order": lambda t: t.optimize.z_order(["id"]),
    "vacuum": lambda t: (t.optimize.compact(), t.vacuum(0, dry_run=False, enforce_retention_duration=False)),
    "restore": lambda t: t.restore(1),
    "constraint": lambda t: t.alter.add_constraint({"positive": "id > 0"}),
    "checkpoint": lambda t: t.create_checkpoint(),
    "add column": lambda t: t.alter.add_columns([deltalake.Field("extra", "integer")]),
    "properties": lambda t: t.alter.set_table_properties({"delta.enableChangeDataFeed": "true"}),
}


class Driver:
    def __init__(self):
        self.engines = {"delta-rs": DeltaRS()}

    def engine(self, name):
        if name == "spark" and name not in self.engines:
            self.engines[name] = Spark()
        return self.engines[name]

    def answer(self, request):
        do = request.pop("do")
        if do == "versions":
            return {
                "spark": self.engine("spark").session.version,
                "delta-rs": deltalake.__version__,
                "python": sys.version.split()[0],
            }
        if do == "sql":
            return self.engine("spark").sql(request["text"])
        if do == "read":
            return self.engine(request["engine"]).read(request["path"], request.get("version"))
        if do == "write":
            self.engine(request["engine"]).write(
                request["path"],
                request["parquet"],
                request.get("mode", "append"),
                request.get("partition"),
                request.get("schema_mode"),
            )
            return None
        if do == "change":
            CHANGES[request["text"]](deltalake.DeltaTable(request["path"]))
            return None
        if do == "arrow":
            with pa.memory_map(request["path"]) as source:
                return arrow_rows(pa.ipc.open_file(source).read_all())
        raise ValueError(f"unknown request {do}")


def main():
    # Answers go to the original standard output; what libraries print there
    # goes to standard error.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    driver = Driver()
    for line in sys.stdin:
        try:
            answer = {"ok": driver.answer(json.loads(line))}
        except Exception as e:  # every failure is an answer
            traceback.print_exc()
            answer = {"error": f"{type(e).__name__}: {e}"}
        out.write(json.dumps(answer, ensure_ascii=False) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
