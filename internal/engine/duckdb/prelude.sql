CREATE MACRO spark_isnull(x) AS x IS NULL;
