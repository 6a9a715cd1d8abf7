"""Asks Apache Spark how it reads JSON; the answers are spark.jsonl.

Run with pyspark installed: python spark.py > spark.jsonl
"""
import base64
import json
import os
import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql.functions import struct, to_json

SCHEMA = (
    "a INT, b STRING, c DOUBLE, d BOOLEAN, e DECIMAL(5,2), f DATE, g TIMESTAMP, h ARRAY<INT>, "
    "i STRUCT<x:INT,y:STRING>, m MAP<STRING,INT>, n BINARY, l BIGINT, nt TIMESTAMP_NTZ, s SMALLINT, "
    "fl FLOAT, hs ARRAY<STRUCT<x:INT>>, v VOID, _corrupt_record STRING"
)

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
folder = tempfile.mkdtemp()


def ask(content, schema=SCHEMA, **options):
    data = content if isinstance(content, bytes) else content.encode()
    path = os.path.join(folder, "input.json")
    with open(path, "wb") as f:
        f.write(data)
    answer = {"input": base64.b64encode(data).decode() if isinstance(content, bytes) else content}
    if isinstance(content, bytes):
        answer["base64"] = True
    if schema and schema != SCHEMA:
        answer["schema"] = schema
    if not schema:
        answer["infer"] = True
    if options:
        answer["options"] = options
    try:
        reader = spark.read.options(**options)
        if schema:
            reader = reader.schema(schema)
        df = reader.json(path)
        if not schema:
            answer["schema"] = ", ".join("`%s` %s" % (x.name, x.dataType.simpleString()) for x in df.schema.fields)
        # VOID cannot be written as JSON.
        columns = [x.name for x in df.schema.fields if x.dataType.simpleString() != "void"]
        if columns and schema:
            answer["rows"] = [json.loads(r[0]) for r in df.cache().select(to_json(struct(*["`%s`" % c for c in columns]))).collect()]
            df.unpersist()
    except Exception as e:  # noqa: BLE001
        answer["error"] = str(e)[:120]
        answer.pop("rows", None)
    print(json.dumps(answer, ensure_ascii=True))
    sys.stdout.flush()


LINES = [
    '{"a":1}',
    '{"a":1.0}',
    '{"a":1.5}',
    '{"a":"1"}',
    '{"a":true}',
    '{"a":null,"b":"x"}',
    '{"a":2147483648,"b":"x"}',
    '{"s":40000}',
    '{"l":9223372036854775808,"b":"x"}',
    '{"l":1e3}',
    '{"b":1}',
    '{"b":1.50}',
    '{"b":true}',
    '{"b":{"x": 1, "y" : [1, 2]}}',
    '{"b":[1, "a\\u00e9" ]}',
    '{"b":1e5}',
    '{"b":"a\\u00e9\\n\\/"}',
    '{"b":{"k":"a\\u00e9\\/\\""}}',
    '{"b":12345678901234567890123}',
    '{"b":1.10e+2}',
    '{"b":-0}',
    '{"b":-0.0}',
    '{"b":1.0000000000000000000001}',
    '{"b":NaN}',
    '{"b":Infinity}',
    '{"b":+INF}',
    '{"b":-INF}',
    '{"b":null}',
    '{"c":1}',
    '{"c":"NaN"}',
    '{"c":"Infinity"}',
    '{"c":"-INF"}',
    '{"c":"+INF"}',
    '{"c":"+Infinity"}',
    '{"c":"-Infinity"}',
    '{"c":"INF"}',
    '{"c":"1.5"}',
    '{"c":NaN}',
    '{"c":Infinity}',
    '{"c":-Infinity}',
    '{"c":+Infinity}',
    '{"c":INF}',
    '{"c":-INF}',
    '{"c":+INF}',
    '{"c":1e400}',
    '{"c":""}',
    '{"b":""}',
    '{"a":""}',
    '{"fl":1e39}',
    '{"c":12345678901234567890}',
    '{"d":"true"}',
    '{"d":1}',
    '{"d":true}',
    '{"e":1}',
    '{"e":1.235}',
    '{"e":"1.23"}',
    '{"e":"1,234.5"}',
    '{"e":99999}',
    '{"e":1e2}',
    '{"e":"x","b":"k"}',
    '{"e":" 1"}',
    '{"f":"2024-01-02"}',
    '{"f":"2024-1-2"}',
    '{"f":"2024"}',
    '{"f":"2024-01-02T10:00:00"}',
    '{"f":20000}',
    '{"f":"x"}',
    '{"f":"01/02/2024"}',
    '{"g":"2024-01-02 03:04:05"}',
    '{"g":"2024-01-02T03:04:05.123456789+01:00"}',
    '{"g":"2024-01-02"}',
    '{"g":1704164645}',
    '{"g":1704164645.5}',
    '{"g":"12:30"}',
    '{"g":"1704164645"}',
    '{"g":"2024-01-02 03:04:05 PST"}',
    '{"g":"0001-01-01 00:00:00"}',
    '{"g":"2024-01-02 03:04:05 Europe/Berlin"}',
    '{"nt":"2024-01-02 03:04:05"}',
    '{"nt":"2024-01-02 03:04:05Z"}',
    '{"nt":1}',
    '{"h":[1,2]}',
    '{"h":[1,"x",3],"b":"k"}',
    '{"h":1}',
    '{"h":[]}',
    '{"h":[null]}',
    '{"h":{"x":1}}',
    '{"hs":[{"x":1},{"x":"bad"},{"x":3}]}',
    '{"hs":{"x":1}}',
    '{"i":{"x":1,"y":"s"}}',
    '{"i":{"x":"bad","y":"s"},"b":"k"}',
    '{"i":1,"b":"k"}',
    '{"i":[1]}',
    '{"i":{}}',
    '{"i":{"zz":1}}',
    '{"i":"{\\"x\\":1}"}',
    '{"m":{"k":1,"j":2}}',
    '{"m":{"k":1,"k":2}}',
    '{"m":{"k":"bad","j":2},"b":"z"}',
    '{"m":1}',
    '{"m":{}}',
    '{"m":{"k":null}}',
    '{"n":"aGVsbG8="}',
    '{"n":"!!"}',
    '{"n":1}',
    '{"n":""}',
    '{"v":1}',
    '{"v":null,"b":"x"}',
    '{"a":1,"a":2}',
    '{"a":1,"a":"x"}',
    '{"a":"x","a":1}',
    '{"a":1,"a":null}',
    '{"A":1}',
    '{"i":{"X":1}}',
    '{"a":1',
    '{"a":1,"b":"x',
    '{"a":1}}',
    '{"a":1}{"a":2}',
    '{"a":1} x',
    '{"a":1},',
    '[{"a":1},{"a":2}]',
    '[{"a":1},{"a":"x"}]',
    '[1,2]',
    '[]',
    '[{"a":1},2]',
    '[[{"a":1}]]',
    '{}',
    '1',
    '"x"',
    'null',
    'true',
    '',
    '   ',
    '{"a":1 "b":2}',
    "{'a':1}",
    '{a:1}',
    '{"a":01}',
    '{"b":"a\tb"}',
    '{"b":"\\q"}',
    '/*c*/{"a":1}',
    '{"a":1}//c',
    '{"a":1,}',
    '{"h":[1,]}',
    '{"a":+1}',
    '{"a":.5}',
    '{"c":.5}',
    '{"c":5.}',
    '{"c":1.e3}',
    '{"a":-1}',
    '{"a":- 1}',
    '\ufeff{"a":1}',
    '{"b":"\\ud83d\\ude00"}',
    '{"b":"\\ud83d"}',
    '{"b":"\\u0000"}',
    '{"b":{"k":"\\ud83d\\ude00\\u0001"}}',
    '{"zz":{"q":[1,{"w":2}]},"a":5}',
    '{"zz":tru,"a":5}',
    '{"a":5,"zz":tru}',
    '[{"a":1},{"a":',
    'nul',
    '{"_corrupt_record":"x","a":1}',
    '{"b":"x\\u00"}',
    '{"a":1}\x00',
    '{"a":1}   ',
]

for text in LINES:
    ask(text)

for data, options in [
    (b'{"b":"\xff\xfe"}', {}),
    (b'{"b":"\xc3"}', {}),
    (b'\x00{"a":1}', {}),
    ('{"a":7}'.encode("utf-16"), {}),
    (b'\xef\xbb\xbf{"a":1}\n{"a":2}', {}),
    ('{"a":7}\n{"a":8}'.encode("utf-16-le"), {"encoding": "UTF-16LE", "lineSep": "\n"}),
]:
    ask(data, **options)

for text, options in [
    ("{'a':1}", {'allowSingleQuotes': 'false'}),
    ('{a:1}', {'allowUnquotedFieldNames': 'true'}),
    ('{a-b$_1:1,a:2}', {'allowUnquotedFieldNames': 'true'}),
    ('{"a":001}', {'allowNumericLeadingZeros': 'true'}),
    ('{"b":007}', {'allowNumericLeadingZeros': 'true'}),
    ('{"b":"a\tb"}', {'allowUnquotedControlChars': 'true'}),
    ('{"b":"\\q"}', {'allowBackslashEscapingAnyCharacter': 'true'}),
    ('/*c*/{"a":1}//x', {'allowComments': 'true'}),
    ('{"a":1 # x\n}', {'allowComments': 'true', 'multiLine': 'true'}),
    ('{"c":NaN}', {'allowNonNumericNumbers': 'false'}),
    ('{"c":"NaN"}', {'allowNonNumericNumbers': 'false'}),
    ('{"a":"x"}\n{"a":1}', {'mode': 'DROPMALFORMED'}),
    ('{"a":"x"}\n{"a":1}', {'mode': 'FAILFAST'}),
    ('{"a"\n{"a":1}', {'mode': 'DROPMALFORMED'}),
    ('[{"a":1},{"a":"x"}]', {'mode': 'DROPMALFORMED'}),
    ('{"f":"02/01/2024","g":"02/01/2024 03"}', {'dateFormat': 'dd/MM/yyyy', 'timestampFormat': 'dd/MM/yyyy HH'}),
    ('{"f":"2024-01-02"}', {'dateFormat': 'dd/MM/yyyy'}),
    ('{"g":"2024-01-02 03:04:05"}', {'timestampFormat': "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"}),
    ('{"g":"2024-01-02T03:04:05"}', {'timestampFormat': "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", 'timeZone': 'Europe/Berlin'}),
    ('{"g":"20240102030405123"}', {'timestampFormat': 'yyyyMMddHHmmssSSS'}),
    ('{"g":"20240102030405"}', {'timestampFormat': 'yyyyMMddHHmmss'}),
    ('{"g":"Tue, 2 Jan 2024 03:04:05 PDT"}', {'timestampFormat': 'EEE, d MMM yyyy HH:mm:ss z'}),
    ('{"g":"2024-01-02 3:04 pm"}', {'timestampFormat': 'yyyy-MM-dd h:mm a'}),
    ('{"g":1704164645}', {'timestampFormat': 'yyyy'}),
    ('{"a":1}\n{"a":2}', {'multiLine': 'true'}),
    ('[{"a":1},\n{"a":2}]', {'multiLine': 'true'}),
    ('{"a":1', {'multiLine': 'true'}),
    ('[{"a":1},{"a":2', {'multiLine': 'true'}),
    ('[{"a":1},{"a":"x"}]', {'multiLine': 'true'}),
    ('', {'multiLine': 'true'}),
    ('  ', {'multiLine': 'true'}),
    ('[{"a":1}] x', {'multiLine': 'true'}),
    ('{"a":1}|{"a":2}|', {'lineSep': '|'}),
    ('{"a":1}\r{"a":2}\r\n{"a":3}', {}),
    ('{"a":1}\n\n \n{"a":2}', {'mode': 'FAILFAST'}),
    ('{"a":1}', {'primitivesAsString': 'true'}),
    ('{"zz":1}', {'failOnUnknownFields': 'true'}),
]:
    ask(text, **options)

ask('{"a":1,"b":"x"}\n{"a":"y","b":"z"}\n{"a":', schema="a INT, b STRING")
ask('{"a":1,"A":2}', schema="A INT")

for text, options in [
    ('{"a":1}\n{"a":2.5}', {}),
    ('{"a":1}\n{"a":"x"}', {}),
    ('{"a":null}', {}),
    ('{"a":null,"b":1}', {'dropFieldIfAllNull': 'true'}),
    ('{"a":[],"b":{},"c":[{}],"d":1}', {}),
    ('{"a":[],"b":{},"c":[null],"d":1,"e":{"x":null}}', {'dropFieldIfAllNull': 'true'}),
    ('{"a":9223372036854775808}', {}),
    ('{"a":123456789012345678901234567890123456789}', {}),
    ('{"a":12345678901234567890123456789012345678}', {}),
    ('{"a":1.5}', {'prefersDecimal': 'true'}),
    ('{"a":1.5}\n{"a":12345}', {'prefersDecimal': 'true'}),
    ('{"a":1e10}', {'prefersDecimal': 'true'}),
    ('{"a":1e-3}', {'prefersDecimal': 'true'}),
    ('{"a":0.00001}', {'prefersDecimal': 'true'}),
    ('{"a":1.23456789012345678901234567890123456789012}', {'prefersDecimal': 'true'}),
    ('{"a":9223372036854775808}\n{"a":1}', {}),
    ('{"a":9223372036854775808}\n{"a":1.5}', {}),
    ('{"a":1e5}', {}),
    ('{"a":true}\n{"a":1}', {}),
    ('{"a":{"x":1}}\n{"a":{"y":"s"}}', {}),
    ('{"a":{"x":1}}\n{"a":1}', {}),
    ('{"a":[1]}\n{"a":["x"]}', {}),
    ('{"a":[1,2.5,null]}', {}),
    ('{"a":[1]}\n{"a":{"x":1}}', {}),
    ('{"b":1,"a":2,"C":3,"_x":4,"B2":5}', {}),
    ('{"a":1,"A":2}', {}),
    ('{"a":1}\n{"A":2}', {}),
    ('{"a":{"x":1}}\n{"A":{"X":1}}', {}),
    ('{"a":1}\n{bad', {}),
    ('{"a":1}\n{bad', {'mode': 'DROPMALFORMED'}),
    ('{"a":1}\n{bad', {'mode': 'FAILFAST'}),
    ('{bad', {}),
    ('{bad', {'mode': 'DROPMALFORMED'}),
    ('[{"a":1},{"b":2}]', {}),
    ('[1,2]', {}),
    ('[{"a":1},2]', {}),
    ('1', {}),
    ('"x"', {}),
    ('null', {}),
    ('', {}),
    ('[]', {}),
    ('{}', {}),
    ('{"a":1}\n1', {}),
    ('{"a":1,"b":true,"c":{"d":1.5,"e":[1]}}', {'primitivesAsString': 'true'}),
    ('{"a":"2024-01-02 03:04:05"}', {'inferTimestamp': 'true'}),
    ('{"a":"2024-01-02"}', {'inferTimestamp': 'true'}),
    ('{"a":"2024-01-02T03:04:05Z"}', {'inferTimestamp': 'true'}),
    ('{"a":"12:30"}', {'inferTimestamp': 'true'}),
    ('{"a":"2024-01-02 03:04:05"}\n{"a":"x"}', {'inferTimestamp': 'true'}),
    ('{"a":"2024-01-02 03:04:05"}\n{"a":1}', {'inferTimestamp': 'true'}),
    ('{"a":"02/01/2024"}', {'inferTimestamp': 'true', 'timestampFormat': 'dd/MM/yyyy'}),
    ('{"a":""}', {}),
    ('{"a":""}\n{"a":1}', {}),
    ('{"a":NaN}', {}),
    ('{"a":"NaN"}', {}),
    ('{"a":-Infinity}\n{"a":1}', {}),
    ('{"a":1,"a":"x"}', {}),
    ('{"a":1.0}', {}),
    ('{"":1,"a":2}', {}),
    ('{"a.b":1}', {}),
    ('{"a":{"b":1,"B":2}}', {}),
    ('{"a":[{"x":1},{"y":2}]}', {}),
    ('{"a":[[1],[2.5]]}', {}),
    ('{"a":[[],[1]]}', {}),
    ('{"a":1}\n{"a":2}', {'multiLine': 'true'}),
    ('[{"a":1},{"a":2,"b":', {'multiLine': 'true'}),
    ('{"a":1}\n{"a":9223372036854775808}', {'prefersDecimal': 'true'}),
    ('{"a":1}\n{"a":1.5}\n{"a":9223372036854775808}', {}),
    ('{"a":0.1}\n{"a":12345678901234567890123456789012345678}', {'prefersDecimal': 'true'}),
    ('{"_corrupt_record":1}\n{bad', {}),
]:
    ask(text, schema=None, **options)
